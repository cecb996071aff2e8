//! Attacks on all that is read, with inputs that a seeded generator changes: pictures, streams, addresses, configurations and
//! recorded events. Nothing may panic, hang, take more memory than allowed or show a secret, and after each bad input a good
//! one is read as ever.
//!
//! By default each test runs for some seconds. `EMOTIOND_MUTATE_SECONDS=600 cargo test --release --test mutations` runs each
//! for ten minutes, and `EMOTIOND_MUTATE_SEED` repeats a run. An input that fails is kept in the system's folder of temporary
//! files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use emotiond::{
    config::Config,
    decode::FrameDecoder,
    frame::{Encoding, Frame},
    report::{Format, Labels, Recording},
    source::{RawStreamSource, Read, Source, SourceUri, hide_addresses},
    stop::Stop,
};
use image::ImageFormat;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    env, fs,
    io::{Cursor, Seek, SeekFrom, Write},
    os::fd::OwnedFd,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
    time::{Duration, Instant},
};
use test_support::{data, root};

/// How long one input may take, in a slow build on a busy machine.
const HANG: Duration = Duration::from_secs(20);
/// The address space of the whole test program in bytes; what wants more fails.
const SPACE: u64 = 6 << 30;
/// Larger pictures are refused.
const MEGAPIXELS: f64 = 4.0;
const SECRET: &str = "hunter2";

/// Runs `check` on changed inputs until the time is over.
fn attack(name: &str, corpus: &[Vec<u8>], mut check: impl FnMut(&[u8])) {
    static LIMITED: Once = Once::new();
    LIMITED.call_once(|| {
        setrlimit(Resource::As, Rlimit { current: Some(SPACE), maximum: Some(SPACE) }).unwrap();
    });
    let number = |variable: &str| env::var(variable).ok().and_then(|value| value.parse().ok());
    let seed: u64 = number("EMOTIOND_MUTATE_SEED").unwrap_or(24);
    let time = Duration::from_secs(number("EMOTIOND_MUTATE_SECONDS").unwrap_or(3));
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (began, mut count, mut longest) = (Instant::now(), 0_u64, Duration::ZERO);
    while began.elapsed() < time {
        let input = changed(corpus, &mut random);
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&input)));
        let took = started.elapsed();
        longest = longest.max(took);
        if outcome.is_err() || took > HANG {
            let kept = env::temp_dir().join(format!("emotiond-{name}-{seed}-{count}"));
            fs::write(&kept, &input).unwrap();
            panic!("input {count} of seed {seed} failed after {took:?}; it is in {}", kept.display());
        }
        count += 1;
    }
    println!("{name}: {count} inputs in {:.0?}, the slowest took {longest:.1?}", began.elapsed());
}

/// One of the corpus with some changes.
fn changed(corpus: &[Vec<u8>], random: &mut ChaCha8Rng) -> Vec<u8> {
    const TELLING: [&[u8]; 12] = [
        b"\0",
        b"\xFF",
        b"\xFF\xFF\xFF\xFF",
        b"\x7F\xFF",
        b"\x80\0",
        b"\n",
        b"\"",
        b"-1",
        b"99999999999",
        b"\xFF\xD8",
        b"\xFF\xD9",
        b"\xC3",
    ];
    let mut input = corpus[random.random_range(0..corpus.len())].clone();
    for _ in 0..1 << random.random_range(0..6) {
        let at = random.random_range(0..=input.len());
        let rest = input.len() - at;
        let length = random.random_range(0..=rest.min(64));
        match random.random_range(0..8) {
            0 | 1 if rest > 0 => input[at] ^= 1 << random.random_range(0..8),
            2 if rest > 0 => input[at] = random.random(),
            3 => drop(input.drain(at..at + length)),
            4 => {
                let copy = input[at..at + length].to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let telling = TELLING[random.random_range(0..TELLING.len())];
                let over = telling.len().min(rest) * usize::from(random.random_bool(0.5));
                input.splice(at..at + over, telling.iter().copied());
            }
            6 => {
                let other = &corpus[random.random_range(0..corpus.len())];
                let from = random.random_range(0..=other.len());
                let part = &other[from..other.len().min(from + 256)];
                input.splice(at..at + length, part.iter().copied());
            }
            _ if random.random_bool(0.1) => input.truncate(at),
            _ => {}
        }
    }
    input
}

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
