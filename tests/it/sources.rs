//! Pictures, folders, videos and streams.

use crate::common::{
    Ran, Running, Scratch, astronaut, data, emotiond, encode, ffmpeg, finish,
    http_camera::{HttpCamera, file},
    number, run_sources, shared, string, text, with_orientation,
};
use image::ImageFormat;
use rustix::process::Signal;
use serde_json::Value;
use std::{fs, process::Stdio};

/// The portrait's face as detected by SeetaFace, with a tolerance for codecs and rotations.
fn is_the_face(area: &Value) -> bool {
    [("x", 176), ("y", 70), ("w", 95), ("h", 94)]
        .iter()
        .all(|(key, value)| number(&area[key]).abs_diff(*value) <= 8)
}

#[test]
fn each_kind_of_picture_is_read() {
    let scratch = Scratch::new();
    let image = astronaut();
    let formats = [
        ("a.jpg", ImageFormat::Jpeg),
        ("b.jpeg", ImageFormat::Jpeg),
        ("c.png", ImageFormat::Png),
        ("d.bmp", ImageFormat::Bmp),
        ("e.ppm", ImageFormat::Pnm),
        ("f.pnm", ImageFormat::Pnm),
        ("g.tif", ImageFormat::Tiff),
        ("h.tiff", ImageFormat::Tiff),
        ("i.webp", ImageFormat::WebP),
        ("j.gif", ImageFormat::Gif),
        ("k.PNG", ImageFormat::Png),
        // The content of a file determines its format, not its name.
        ("l.jpg", ImageFormat::Png),
    ];
    for (name, format) in formats {
        scratch.file(&format!("all/{name}"), encode(&image, format));
    }
    // Gray, with 16 bits, and with transparency.
    let gray = image::DynamicImage::from(image.clone());
    gray.to_luma8().save(scratch.path("all/m.pgm")).unwrap();
    gray.to_luma16().save(scratch.path("all/n.png")).unwrap();
    gray.to_rgba8().save(scratch.path("all/o.png")).unwrap();
    gray.to_luma8().save(scratch.path("all/p.jpg")).unwrap();
    scratch.file("all/q.jpg", for_printers(&image));
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("all"))], &[]).exits(0);
    ran.complains_not();
    let faces = ran.faces();
    let files: Vec<&str> =
        faces.iter().map(|face| string(&face["file"]).rsplit_once('/').unwrap().1).collect();
    let mut expected: Vec<&str> = formats.iter().map(|(name, _)| *name).collect();
    expected.extend(["m.pgm", "n.png", "o.png", "p.jpg", "q.jpg"]);
    assert_eq!(files, expected);
    for face in faces {
        assert!(is_the_face(&face["box"]), "{face}");
    }
}

/// The picture as a CMYK JPEG with inverted values.
fn for_printers(image: &image::RgbImage) -> Vec<u8> {
    let pixels: Vec<u8> = image.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let format = turbojpeg::PixelFormat::CMYK;
    let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 4, height, format };
    turbojpeg::compress(image, 95, turbojpeg::Subsamp::None).unwrap().to_vec()
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    let scratch = Scratch::new();
    // Not square, so that a missing rotation also changes the size.
    let upright = image::imageops::crop_imm(&astronaut(), 0, 0, 512, 400).to_image();
    // The stored picture of the upright scene for each orientation of the camera.
    let stored = [
        upright.clone(),
        flip_horizontal(&upright),
        rotate180(&upright),
        flip_vertical(&upright),
        rotate270(&flip_horizontal(&upright)),
        rotate270(&upright),
        rotate90(&flip_horizontal(&upright)),
        rotate90(&upright),
    ];
    for (index, image) in stored.iter().enumerate() {
        let jpeg = with_orientation(&encode(image, ImageFormat::Jpeg), index as u8 + 1);
        scratch.file(&format!("turned/{}.jpg", index + 1), jpeg);
    }
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path("turned"))], &[]).exits(0);
    let faces = ran.faces();
    assert_eq!(faces.len(), 8, "{}", ran.stdout);
    assert!(faces.iter().all(|face| is_the_face(&face["box"])), "{}", ran.stdout);
}

#[test]
fn a_folder_is_read_in_the_order_of_names_without_tracking() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    for name in ["b.jpg", "a.jpg", "10.jpg", "9.jpg", "C.jpg"] {
        scratch.file(&format!("album/{name}"), &portrait);
    }
    let folder = text(&scratch.path("album"));
    let ran = run_sources(&scratch.tiny(""), &[&folder], &["--emit", "every-frame"]).exits(0);
    assert_eq!(ran.states().len(), 2);
    let faces = ran.faces();
    let names: Vec<&str> =
        faces.iter().map(|face| string(&face["file"]).rsplit_once('/').unwrap().1).collect();
    assert_eq!(names, ["10.jpg", "9.jpg", "C.jpg", "a.jpg", "b.jpg"]);
    for (index, face) in faces.iter().enumerate() {
        assert_eq!(face["phase"], "new");
        assert_eq!(number(&face["frame"]), index as u64);
        assert_eq!(
            face["probabilities"], faces[0]["probabilities"],
            "nothing is smoothed from picture to picture"
        );
    }
    let mut tracks: Vec<u64> = faces.iter().map(|face| number(&face["track"])).collect();
    tracks.dedup();
    assert_eq!(tracks.len(), 5);
    assert!(is_the_same(&ran, &run_sources(&scratch.tiny(""), &[&folder], &["--emit", "every-frame"])));
}

fn is_the_same(one: &Ran, other: &Ran) -> bool {
    one.masked() == other.masked()
}

/// Needs `../shared/data/video`.
#[test]
#[ignore = "needs developer data"]
fn clips_give_the_same_events_on_every_run() {
    let scratch = Scratch::new();
    let config = scratch.real("");
    for (name, frames) in [("classroom.gif", 45), ("head-pose-face-detection-female.gif", 23)] {
        let clip = text(&shared(&format!("data/video/{name}")));
        let first = run_sources(&config, &[&clip], &["--emit", "every-frame"]).exits(0);
        first.complains_not();
        assert!(
            first.stderr.contains(&format!("{frames} frames analysed, 0 unreadable, 0 skipped")),
            "{}",
            first.stderr
        );
        let faces = first.faces();
        assert!(faces.len() > 20, "{}", first.stdout);
        let seen: Vec<&Value> = faces.iter().filter(|face| face["phase"] != "end").collect();
        let times: Vec<(u64, u64)> =
            seen.iter().map(|face| (number(&face["frame"]), number(&face["pts_ms"]))).collect();
        assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
        let ends = faces.len() - seen.len();
        assert_eq!(ends, seen.iter().filter(|face| face["phase"] == "new").count(), "each track ends once");
        assert!(is_the_same(&first, &run_sources(&config, &[&clip], &["--emit", "every-frame"])));
    }
}

/// The portrait at 25 frames per second, moving to the right by one pixel per frame.
fn moving(scratch: &Scratch, name: &str, frames: u32, codec: &[&str]) -> String {
    let path = text(&scratch.path(name));
    let (portrait, count) = (text(&data("astronaut.jpg")), frames.to_string());
    let input = ["-loop", "1", "-framerate", "25", "-i", &portrait, "-frames:v", &count];
    ffmpeg(
        &[&input[..], &["-vf", "scroll=horizontal=-0.001953125,format=yuv420p"], codec, &[&path]].concat(),
    );
    path
}

#[test]
fn a_video_loses_no_frame() {
    let scratch = Scratch::new();
    for (name, codec) in [
        ("a.mp4", &[][..]),
        ("b.mkv", &["-c:v", "mpeg4", "-q:v", "3"]),
        ("c.avi", &["-c:v", "mjpeg"]),
        ("d.mkv", &["-c:v", "mjpeg", "-output_ts_offset", "3"]),
        ("e.avi", &["-c:v", "mjpeg", "-pix_fmt", "yuvj444p"]),
    ] {
        let video = moving(&scratch, name, 40, codec);
        let ran = run_sources(&scratch.tiny(""), &[&video], &["--emit", "every-frame"]).exits(0);
        ran.complains_not();
        let faces = ran.faces();
        let seen: Vec<&Value> = faces.iter().filter(|face| face["phase"] != "end").collect();
        let frames: Vec<u64> = seen.iter().map(|face| number(&face["frame"])).collect();
        assert_eq!(frames, (0..40).collect::<Vec<u64>>(), "{name}");
        let first = number(&seen[0]["pts_ms"]);
        for (index, face) in seen.iter().enumerate() {
            assert!(number(&face["pts_ms"]).abs_diff(first + 40 * index as u64) <= 1, "{name}: {face}");
            assert_eq!(face["track"], seen[0]["track"]);
        }
        assert_eq!(ran.states(), [format!("{video} up"), format!("{video} ended")]);
    }
}

/// A QuickTime film's pictures, to be turned a quarter to the right, as its header then says (ISO/IEC 14496-12,
/// `tkhd`).
fn turned(film: &mut [u8]) {
    const MATRIX: usize = 44;
    let header = film.windows(4).position(|bytes| bytes == b"tkhd").unwrap();
    let matrix: [i32; 9] = [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30];
    let bytes: Vec<u8> = matrix.iter().flat_map(|number| number.to_be_bytes()).collect();
    film[header + MATRIX..][..bytes.len()].copy_from_slice(&bytes);
}

#[test]
fn a_film_of_jpeg_pictures_that_lie_on_their_side_is_turned_upright() {
    let scratch = Scratch::new();
    let (portrait, film) = (text(&data("astronaut.jpg")), text(&scratch.path("a.mov")));
    let lying = ["-vf", "transpose=cclock,format=yuvj420p", "-c:v", "mjpeg", "-q:v", "3"];
    ffmpeg(&[&["-loop", "1", "-i", &portrait, "-frames:v", "5"], &lying[..], &[&film]].concat());
    let seen = |film: &str| {
        let faces = run_sources(&scratch.tiny(""), &[film], &["--emit", "every-frame"]).exits(0).faces();
        faces.iter().filter(|face| face["phase"] != "end" && is_the_face(&face["box"])).count()
    };
    assert_eq!(seen(&film), 0, "the picture lies on its side");
    let mut bytes = fs::read(&film).unwrap();
    turned(&mut bytes);
    assert_eq!(seen(&scratch.file("b.mov", bytes)), 5);
}

/// Runs the daemon with a file as its stdin.
fn run_stdin(scratch: &Scratch, stream: &str) -> Ran {
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    command.stdin(fs::File::open(stream).unwrap());
    finish(command).exits(0)
}

#[test]
fn mjpeg_and_y4m_are_read_from_stdin() {
    let scratch = Scratch::new();
    let mjpeg = moving(&scratch, "a.mjpeg", 20, &["-c:v", "mjpeg", "-q:v", "3"]);
    let y4m = moving(&scratch, "b.y4m", 20, &[]);
    let gray = moving(&scratch, "c.y4m", 20, &["-pix_fmt", "gray"]);
    let full = moving(&scratch, "d.y4m", 20, &["-pix_fmt", "yuv444p"]);
    for (stream, step) in [(mjpeg, 1000.0 / 30.0), (y4m, 40.0), (gray, 40.0), (full, 40.0)] {
        let ran = run_stdin(&scratch, &stream);
        ran.complains_not();
        assert_eq!(ran.states(), ["- up", "- ended"]);
        let faces = ran.faces();
        let seen: Vec<&Value> = faces.iter().filter(|face| face["phase"] != "end").collect();
        assert_eq!(seen.len(), 20, "{stream}");
        for (index, face) in seen.iter().enumerate() {
            assert_eq!(number(&face["frame"]), index as u64);
            assert_eq!(number(&face["pts_ms"]), (index as f64 * step).round() as u64);
        }
        assert!(is_the_same(&ran, &run_stdin(&scratch, &stream)), "{stream}");
    }
}

#[test]
fn a_bad_picture_in_an_mjpeg_stream_is_left_out() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    let cut = &portrait[..portrait.len() / 2];
    let stream = scratch.file("stream", [&portrait, &portrait, cut].concat());
    let ran = run_stdin(&scratch, &stream);
    ran.complains_once(&["frame skipped"]);
    assert!(ran.stderr.contains("2 frames analysed, 1 unreadable"), "{}", ran.stderr);
}

#[test]
fn an_http_stream_is_read_and_its_password_is_kept() {
    let scratch = Scratch::new();
    let video = moving(&scratch, "a.mkv", 60, &["-c:v", "mpeg4", "-q:v", "3"]);
    let film = fs::read(video).unwrap();
    let camera = HttpCamera::start(move |request, client| file(request, client, "video/x-matroska", &film));
    let source = format!("http://user:secret@{}/lobby.mkv", camera.address);
    let mut running = Running::start(emotiond(&[
        "run",
        "--config",
        &scratch.tiny(""),
        "--source",
        &source,
        "--emit",
        "every-frame",
    ]));
    let face = running.wait_for(|event| event["type"] == "face");
    assert!(is_the_face(&face["box"]) || number(&face["frame"]) > 8, "{face}");
    running.wait_for(|event| event["phase"] == "end");
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert!(ran.states()[0].ends_with("/lobby.mkv up"), "{:?}", ran.states());
    assert!(ran.states().last().unwrap().ends_with("/lobby.mkv ended"), "{:?}", ran.states());
    assert!(!(ran.stdout + &ran.stderr).contains("secret"));
}

#[test]
fn several_sources_run_side_by_side() {
    let scratch = Scratch::new();
    let video = moving(&scratch, "a.mp4", 15, &[]);
    let portrait = text(&data("astronaut.jpg"));
    scratch.file("album/a.jpg", fs::read(&portrait).unwrap());
    let album = text(&scratch.path("album"));
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--emit", "every-frame"]);
    command.args(["--source", &video, "--source", &portrait, "--source", &album, "--source", "-"]);
    command.stdin(fs::File::open(&portrait).unwrap()).stderr(Stdio::piped());
    let ran = finish(command).exits(0);
    ran.complains_not();
    let faces = ran.faces();
    for (source, count) in [(video.as_str(), 15), (&portrait, 1), (&album, 1), ("-", 1)] {
        let of_source = || faces.iter().filter(|face| face["source"] == source);
        assert_eq!(of_source().filter(|face| face["phase"] != "end").count(), count, "{source}");
        assert_eq!(ran.states().iter().filter(|state| **state == format!("{source} ended")).count(), 1);
    }
    // No track number is used by two sources.
    let mut owners: Vec<(u64, &str)> =
        faces.iter().map(|face| (number(&face["track"]), string(&face["source"]))).collect();
    owners.sort_unstable();
    owners.dedup();
    assert!(owners.windows(2).all(|pair| pair[0].0 != pair[1].0), "{owners:?}");
}
