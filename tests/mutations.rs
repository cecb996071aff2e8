//! Attacks on all that is read, with inputs that a seeded generator changes: pictures, streams, addresses, configurations,
//! models, their descriptions, and recorded events. Nothing may panic, hang, take more memory than allowed or show a secret,
//! and after each bad input a good one is read as ever. `test_support::attack` says how to run them for longer.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use emotiond::{
    config::Config,
    decode::FrameDecoder,
    detect::{DetectorChoice, DetectorConfig, DetectorPlan},
    frame::{Encoding, Frame},
    report::{Format, Labels, Recording},
    source::{RawStreamSource, Read, Source, SourceUri, hide_addresses},
    stop::Stop,
};
use emotiond_core::{
    classify::{Classifier, ModelConfig, description::Description},
    face::{Framing, InputCutter},
    geometry::BoundingBox,
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};
use image::ImageFormat;
use prost::encoding::bytes;
use std::{
    fs,
    io::{Cursor, Seek, SeekFrom, Write},
    os::fd::OwnedFd,
    path::Path,
};
use test_support::{attack, data, root};

/// Larger pictures are refused.
const MEGAPIXELS: f64 = 4.0;
const SECRET: &str = "hunter2";

/// The portrait, small, in each format.
fn pictures() -> Vec<Vec<u8>> {
    let portrait = image::open(data("astronaut.jpg")).unwrap().thumbnail(48, 48).into_rgb8();
    let formats = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::Pnm,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ];
    let encode = |format| {
        let mut bytes = Cursor::new(Vec::new());
        portrait.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    formats.map(encode).to_vec()
}

fn decode(encoding: Encoding, bytes: &[u8]) -> Option<Frame> {
    let mut frame = Frame { encoding, bytes: bytes.to_vec(), ..Frame::default() };
    FrameDecoder::new(MEGAPIXELS).decode(&mut frame).ok()?;
    assert!(f64::from(frame.picture.width) * f64::from(frame.picture.height) <= MEGAPIXELS * 1e6);
    Some(frame)
}

#[test]
fn a_bad_picture_affects_no_other() {
    let corpus = pictures();
    let good = fs::read(data("astronaut.jpg")).unwrap();
    let small = &corpus[0];
    let expected = decode(Encoding::Jpeg, &good).unwrap().picture.pixels;
    let expected_small = decode(Encoding::Jpeg, small).unwrap().picture.pixels;
    let mut count = 0_u32;
    attack("pictures", &corpus, |input| {
        for encoding in [Encoding::PictureFile, Encoding::Jpeg] {
            decode(encoding, input);
        }
        assert_eq!(decode(Encoding::Jpeg, small).unwrap().picture.pixels, expected_small);
        if count.is_multiple_of(100) {
            assert_eq!(decode(Encoding::Jpeg, &good).unwrap().picture.pixels, expected);
        }
        count += 1;
    });
}

/// Y4M, MJPEG, and MJPEG in a multipart stream as cameras send it.
fn streams() -> Vec<Vec<u8>> {
    let jpeg = pictures().remove(0);
    let mut y4m = b"YUV4MPEG2 W16 H8 F25:1 Ip A1:1 C420jpeg\n".to_vec();
    for _ in 0..3 {
        y4m.extend(b"FRAME\n");
        y4m.extend([90; 16 * 8 * 3 / 2]);
    }
    let mut multipart = Vec::new();
    for _ in 0..3 {
        write!(multipart, "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len())
            .unwrap();
        multipart.extend(&jpeg);
        multipart.extend(b"\r\n");
    }
    vec![y4m, [&jpeg[..], &jpeg].concat(), multipart]
}

#[test]
fn a_stream_ends_whatever_it_contains() {
    attack("streams", &streams(), |input| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let source =
            RawStreamSource::open(OwnedFd::from(file), "it".to_owned(), None, MEGAPIXELS, &Stop::default());
        let Ok(mut source) = source else { return };
        let mut frame = Frame::default();
        // Each picture takes some bytes of the input.
        for _ in 0..=input.len() {
            if !matches!(source.read(&mut frame), Ok(Read::Frame)) {
                return;
            }
            assert!(frame.bytes.len() as f64 <= MEGAPIXELS * 8e6);
            let _ = FrameDecoder::new(MEGAPIXELS).decode(&mut frame);
            frame.clear();
        }
        panic!("it does not end");
    });
}

#[test]
fn no_address_shows_its_password() {
    let corpus: Vec<Vec<u8>> = [
        "rtsp://user:{}@camera:554/stream?channel=1",
        "http://user:{}@[::1]:8080/video.mjpg?token={}&width=640",
        "https://user:{}@host/a%20b#c",
        "rtmp://host/app/user=admin_password={}_channel=1",
        "exec:curl --user me:{} http://camera/",
        "file:///a%20b/c.jpg",
        "srt://:9000?passphrase={}",
        "camera:0",
    ]
    .map(|uri| uri.replace("{}", SECRET).into_bytes())
    .to_vec();
    attack("addresses", &corpus, |input| {
        let text = String::from_utf8_lossy(input);
        let _ = hide_addresses(&text);
        match text.parse::<SourceUri>() {
            // What is a file's name is shown.
            Ok(uri @ (SourceUri::Stream(_) | SourceUri::Program(_))) => {
                let written = String::from(uri.clone());
                assert_eq!(written.parse::<SourceUri>().unwrap(), uri, "{written}");
                if let SourceUri::Stream(address) = uri {
                    let told = address.for_ffmpeg();
                    assert!(!told.contains(['\'', '\\', '\n']), "{told}");
                    if address.login().is_some_and(|(_, password)| password == SECRET) {
                        assert!(!address.hide_in(&told).contains(SECRET), "{told}");
                    }
                }
            }
            Ok(_) => {}
            // The scheme is shown, and what begins as a camera's number is no address.
            Err(error)
                if text.split_once("://").is_some_and(|(scheme, _)| !scheme.contains(SECRET))
                    && !text.starts_with("camera:") =>
            {
                assert!(!error.contains(SECRET), "{error}");
            }
            Err(_) => {}
        }
    });
}

#[test]
fn no_configuration_shows_a_secret_or_ends_the_program() {
    let secret = format!(
        "[[source]]\nuri = \"rtsp://me:{SECRET}@camera/\"\nname = \"door\"\nmax_fps = 10\n[[source]]\nuri = \"exec:curl \
         --user me:{SECRET} http://camera/\"\n[[output]]\nuri = \"mqtt://me:{SECRET}@broker/\"\n"
    );
    let mut corpus = vec![secret.into_bytes()];
    for name in ["emotiond.toml", "kiosk.toml", "theatre.toml"] {
        let text = fs::read_to_string(root().join("config").join(name)).unwrap();
        // Without comments, so that most changes change something.
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        corpus.push(lines.join("\n").into_bytes());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    attack("configurations", &corpus, |input| {
        fs::write(&path, input).unwrap();
        // What stands in the place of a key or of a name is no secret.
        let is_secret = |line: &str| {
            let (key, value) = line.split_once('=').unwrap_or(("", line));
            !key.contains(SECRET) && (value.contains('@') || value.contains("exec:"))
        };
        let text = String::from_utf8_lossy(input);
        if !text.lines().filter(|line| line.contains(SECRET)).all(is_secret) {
            return;
        }
        if let Err(error) = Config::read(&path) {
            let told = error.to_string();
            assert!(!told.contains(SECRET), "{told}");
        }
    });
}

#[test]
fn a_report_takes_any_lines() {
    let text = fs::read_to_string(data("astronaut.jsonl")).unwrap();
    let mut corpus: Vec<Vec<u8>> =
        text.lines().map(|line| format!("{line}\n{line}\n").into_bytes()).collect();
    corpus.push(text.into_bytes());
    corpus.push(
        br#"{"v":1,"type":"source","source":"<script>","time":"2026-11-26T20:51:08.123Z","state":"up"}
{"v":1,"type":"marker","time":"2026-11-26T20:51:09Z","kind":"start","label":"</script>"}
{"v":1,"type":"audience","source":"a","time":"2026-11-26T20:51:10Z","window_s":10,"faces":{"mean":3.2,"max":5,"distinct":6},"emotions":{"happy":0.4},"dominant":"happy"}
"#
        .to_vec(),
    );
    attack("reports", &corpus, |input| {
        let Ok(recording) = Recording::read(input, Labels::default()) else { return };
        for format in [Format::Html, Format::Csv] {
            assert!(String::from_utf8(format.write(&recording).unwrap()).is_ok());
        }
    });
}

/// Keys and values, as in the files of the project and in others.
const DESCRIPTIONS: [&str; 3] = [
    "labels=angry disgust fear happy sad surprise neutral\ncolor=gray\nsize=48\nmean=127.5\nscale=0.00784313725490196",
    "labels=a b c d e f g\ncolor=gray\nsize=48\nmean=0\nscale=1\nlevels=auto\ncolorless=false\nlicense=MIT\naccuracy=66.5 %",
    "labels=1 2 3 4 5 6 7\ncolor=rgb\nsize=1024\nmean=123.7, 116.3, 103.5\nscale=0.017 0.017 0.017\nlevels=raw\n\
     colorless=true\ntrained_on=FER2013",
];

/// A network of seven emotions with the description in `lines`.
fn described(lines: &[u8]) -> Vec<u8> {
    let mut model = fs::read(data("no_metadata.onnx")).unwrap();
    for line in lines.split(|byte| *byte == b'\n') {
        let end = line.iter().position(|byte| *byte == b'=').unwrap_or(line.len());
        let mut entry = Vec::new();
        bytes::encode(1, &[b"emotiond.", &line[..end]].concat(), &mut entry);
        bytes::encode(2, &line.get(end + 1..).unwrap_or_default().to_vec(), &mut entry);
        // The field `metadata_props`; the fields of a message may be in any order.
        bytes::encode(14, &entry, &mut model);
    }
    model
}

/// Loads the model and lets it read a face.
fn try_model(runtime: &Runtime, file: &Path) {
    let config = ModelConfig { file: Some(file.to_owned()), ..ModelConfig::default() };
    let mut model = match Classifier::load(runtime, &config) {
        Ok(model) => model,
        Err(error) => return assert!(!error.to_string().contains('\n'), "{error}"),
    };
    let description = model.description().clone();
    let written = description.to_metadata();
    let find = |key: &str| written.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    assert_eq!(Description::from_metadata(find).as_ref(), Ok(&description));
    let (mut inputs, mut rows) = (Vec::new(), Vec::new());
    let picture = PictureView::new(64, 64, Color::Gray, &[200; 64 * 64]);
    let face = BoundingBox::new(8.0, 8.0, 48.0, 48.0);
    InputCutter::new(Framing::default(), description.input).append(&picture, &face, &mut inputs);
    if model.classify(&inputs, &mut rows).is_ok() {
        assert_eq!(rows.len(), description.labels.len());
    }
}

#[test]
fn a_model_is_used_as_it_describes_itself_or_refused() {
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let corpus = DESCRIPTIONS.map(|lines| lines.as_bytes().to_vec());
    attack("descriptions", &corpus, |input| {
        fs::write(&file, described(input)).unwrap();
        try_model(&runtime, file.path());
    });
    fs::write(&file, described(&corpus[0])).unwrap();
    Classifier::load(&runtime, &ModelConfig { file: Some(file.path().to_owned()), ..ModelConfig::default() })
        .unwrap();
}

#[test]
fn a_damaged_network_is_refused_or_answers() {
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let corpus = ["tiny.onnx", "bright_is_nan.onnx"].map(|name| fs::read(data(name)).unwrap());
    attack("networks", &corpus, |input| {
        fs::write(&file, input).unwrap();
        try_model(&runtime, file.path());
        for name in [DetectorChoice::Yunet, DetectorChoice::Centerface] {
            let config =
                DetectorConfig { name, file: Some(file.path().to_owned()), ..DetectorConfig::default() };
            if let Err(error) = DetectorPlan::new(&runtime, &config) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    });
}
