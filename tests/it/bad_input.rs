//! Invalid pictures, videos and streams: one clear line on stderr, the contract's exit code, and the other sources are
//! not affected.

use crate::common::{Running, Scratch, data, emotiond, encode, ffmpeg, finish, number, run_sources, text};
use image::ImageFormat;
use rustix::process::Signal;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

/// Runs the daemon on one source with the tiny network.
fn run_one(source: &str) -> crate::common::Ran {
    let scratch = Scratch::new();
    run_sources(&scratch.tiny(""), &[source], &[])
}

#[test]
fn a_file_or_folder_that_is_not_there() {
    for name in ["none.jpg", "none.mp4", "none"] {
        run_one(name).exits(66).complains_once(&[name, "No such file", "check"]);
    }
}

#[test]
fn a_missing_file_among_others_does_not_stop_them() {
    let scratch = Scratch::new();
    let good = text(&data("astronaut.jpg"));
    let ran = run_sources(&scratch.tiny(""), &["none.jpg", &good], &[]).exits(66);
    ran.complains_once(&["none.jpg", "No such file"]);
    assert_eq!(ran.faces().len(), 1);
    assert!(ran.states().contains(&"none.jpg ended".to_owned()), "{:?}", ran.states());
}

#[test]
fn a_file_that_may_not_be_read() {
    let scratch = Scratch::new();
    let secret = scratch.file("secret.jpg", "x");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(scratch.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    // Root may read everything, so the program runs as the user nobody, from a folder that this user can read.
    let program = scratch.path("emotiond");
    crate::common::copy_program(&program);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        command
    } else {
        Command::new(&program)
    };
    command.args(["run", "--source", &secret]);
    crate::common::isolate(&mut command);
    command.current_dir("/");
    finish(command).exits(66).complains_once(&["secret.jpg", "Permission denied"]);
}

#[test]
fn an_empty_file() {
    let scratch = Scratch::new();
    run_one(&scratch.file("empty.jpg", "")).exits(65).complains_once(&["empty.jpg", "it is empty"]);
    run_one(&scratch.file("empty.mp4", "")).exits(65).complains_once(&["empty.mp4"]);
}

#[test]
fn a_text_with_a_pictures_name() {
    let scratch = Scratch::new();
    let source = scratch.file("text.jpg", "Dear reader, this is no picture.\n");
    run_one(&source).exits(65).complains_once(&["text.jpg", "not a picture"]);
    let source = scratch.file("text.mp4", "Dear reader, this is no video.\n");
    run_one(&source).exits(65).complains_once(&["text.mp4", "complete video"]);
}

#[test]
fn a_truncated_jpeg() {
    let scratch = Scratch::new();
    let whole = fs::read(data("astronaut.jpg")).unwrap();
    for length in [2, 200, whole.len() / 2, whole.len() - 100] {
        let source = scratch.file("cut.jpg", &whole[..length]);
        let ran = run_one(&source).exits(65);
        ran.complains_once(&["cut.jpg"]);
        assert!(ran.faces().is_empty());
    }
}

#[test]
fn a_picture_of_one_pixel_holds_no_face() {
    let scratch = Scratch::new();
    let source = scratch.file("one.png", encode(&image::RgbImage::new(1, 1), ImageFormat::Png));
    let ran = run_one(&source).exits(0);
    ran.complains_not();
    assert_eq!(ran.faces().len(), 0);
    let strip = scratch.file("strip.png", encode(&image::RgbImage::new(3000, 1), ImageFormat::Png));
    run_one(&strip).exits(0).complains_not();
}

#[test]
#[ignore = "needs developer data"]
fn yunet_takes_a_picture_of_one_pixel_too() {
    let scratch = Scratch::new();
    let source = scratch.file("one.png", encode(&image::RgbImage::new(1, 1), ImageFormat::Png));
    let ran = run_sources(&scratch.real(""), &[&source], &[]).exits(0);
    assert_eq!(ran.faces().len(), 0);
    ran.complains_not();
}

/// A small picture whose header claims 20,000x20,000 pixels, in three formats. The data after the header does not
/// matter: a program that continues would already have allocated 1.2 GB.
fn huge_pictures() -> [(&'static str, Vec<u8>); 3] {
    let small = image::RgbImage::new(16, 16);
    let side = 20_000u32;
    let mut jpeg = encode(&small, ImageFormat::Jpeg);
    let frame_header = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let side_bytes = (side as u16).to_be_bytes();
    jpeg[frame_header + 5..][..4].copy_from_slice(&[side_bytes, side_bytes].concat());
    let mut png = encode(&small, ImageFormat::Png);
    png[16..24].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let pnm = format!("P6 {side} {side} 255\n").into_bytes();
    [("huge.jpg", jpeg), ("huge.png", png), ("huge.ppm", pnm)]
}

/// The same as a GIF, which is read as a clip, and in a folder as a picture.
fn huge_gif() -> Vec<u8> {
    let mut gif = encode(&image::RgbImage::new(16, 16), ImageFormat::Gif);
    let side = 20_000u16.to_le_bytes();
    gif[6..10].copy_from_slice(&[side, side].concat());
    gif
}

/// The checksum of a PNG chunk.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn a_huge_picture_is_refused_with_the_remedy() {
    let scratch = Scratch::new();
    for (name, bytes) in huge_pictures() {
        let ran = run_one(&scratch.file(name, bytes)).exits(65);
        ran.complains_once(&[name, "20000x20000", "64 megapixels", "max_megapixels"]);
    }
}

#[test]
fn huge_pictures_take_little_memory() {
    let scratch = Scratch::new();
    let folder = scratch.path("pictures");
    for (name, bytes) in huge_pictures() {
        scratch.file(&format!("pictures/{name}"), bytes);
    }
    scratch.file("pictures/huge.gif", huge_gif());
    // Stdin delivers nothing, so that the program is still running when the folder is done.
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&folder), "--source", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.wait_for(|event| event["state"] == "ended");
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_mb = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024;
    assert!(peak_mb < 250, "{peak_mb} MB");
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert_eq!(ran.complaints().len(), 4, "{}", ran.stderr);
}

#[test]
fn a_huge_y4m_header_takes_no_memory() {
    let scratch = Scratch::new();
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
    command
        .stdin(fs::File::open(scratch.file("huge.y4m", "YUV4MPEG2 W30000 H30000 F30:1\nFRAME\n")).unwrap());
    finish(command).exits(65).complains_once(&["30000x30000", "max_megapixels"]);
}

#[test]
fn a_huge_clip_is_refused() {
    let scratch = Scratch::new();
    let ran = run_one(&scratch.file("huge.gif", huge_gif())).exits(65);
    ran.complains_once(&["huge.gif", "20000x20000"]);

    // ffmpeg has its own limit, which is higher.
    let clip = scratch.file("clip.gif", encode(&image::RgbImage::new(400, 300), ImageFormat::Gif));
    let ran = run_sources(&scratch.tiny("[limits]\nmax_megapixels = 0.1\n"), &[&clip], &[]).exits(65);
    ran.complains_once(&["clip.gif", "400x300", "max_megapixels"]);

    let film = film(&scratch);
    let ran = run_sources(&scratch.tiny("[limits]\nmax_megapixels = 0.1\n"), &[&film], &[]).exits(65);
    ran.complains_once(&["film.avi", "512x512", "max_megapixels"]);
}

/// 20 frames of the portrait as JPEG pictures, which ffmpeg copies without decoding.
fn film(scratch: &Scratch) -> String {
    let (path, portrait) = (text(&scratch.path("film.avi")), text(&data("astronaut.jpg")));
    ffmpeg(&["-loop", "1", "-r", "10", "-i", &portrait, "-frames:v", "20", "-c:v", "mjpeg", &path]);
    path
}

#[test]
fn a_film_with_a_bad_picture_and_a_cut_end_gives_the_others() {
    let scratch = Scratch::new();
    let mut bytes = fs::read(film(&scratch)).unwrap();
    let starts: Vec<usize> =
        (0..bytes.len() - 3).filter(|at| bytes[*at..].starts_with(&[0xFF, 0xD8, 0xFF])).collect();
    assert_eq!(starts.len(), 20);
    // The sixth picture becomes two invalid ones; the last one is truncated.
    bytes[starts[5] + 2..starts[5] + 400].fill(7);
    bytes[starts[5] + 1000..][..4].copy_from_slice(&[0xFF, 0xD9, 0xFF, 0xD8]);
    bytes.truncate(starts[19] + (starts[19] - starts[18]) / 2);
    let source = scratch.file("cut.avi", bytes);
    let ran = run_sources(&scratch.tiny(""), &[&source], &["--emit", "every-frame"]).exits(0);
    assert_eq!(ran.complaints().len(), 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("18 frames analysed, 2 unreadable"), "{}", ran.stderr);
    for face in ran.faces().iter().filter(|face| face["phase"] != "end") {
        assert_eq!(number(&face["pts_ms"]), 100 * number(&face["frame"]), "{face}");
    }
}

/// 20 frames of the portrait as a video with its index at the start.
fn video(scratch: &Scratch) -> Vec<u8> {
    let path = text(&scratch.path("whole.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    let frames =
        ["-loop", "1", "-r", "10", "-i", &portrait, "-frames:v", "20", "-g", "1", "-pix_fmt", "yuv420p"];
    ffmpeg(&[&frames[..], &["-movflags", "+faststart", &path]].concat());
    fs::read(path).unwrap()
}

#[test]
fn a_video_that_was_cut_in_the_middle_is_read_as_far_as_it_goes() {
    let scratch = Scratch::new();
    let whole = video(&scratch);
    let source = scratch.file("cut.mp4", &whole[..whole.len() / 2]);
    let ran = run_sources(&scratch.tiny(""), &[&source], &["--emit", "every-frame"]).exits(0);
    ran.complains_once(&["cut.mp4", "the video is damaged", "frames could be read"]);
    let seen = ran.faces().iter().filter(|face| face["phase"] != "end").count();
    assert!((5..15).contains(&seen), "{seen} of 20 frames");
}

#[test]
fn a_video_without_its_index_is_refused() {
    let scratch = Scratch::new();
    let whole = video(&scratch);
    run_one(&scratch.file("cut.mp4", &whole[..200])).exits(65).complains_once(&["cut.mp4"]);
}

#[test]
fn a_folder_with_bad_pictures_gives_the_good_ones() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    for name in ["a.jpg", "c.jpg", "e.jpg"] {
        scratch.file(&format!("mixed/{name}"), &portrait);
    }
    scratch.file("mixed/b.jpg", "no picture");
    scratch.file("mixed/d.jpg", &portrait[..10_000]);
    scratch.file("mixed/notes.txt", "not looked at");
    let ran = run_one(&text(&scratch.path("mixed"))).exits(0);
    let files: Vec<String> =
        ran.faces().iter().map(|face| crate::common::string(&face["file"]).to_owned()).collect();
    assert_eq!(files, ["a.jpg", "c.jpg", "e.jpg"].map(|name| text(&scratch.path("mixed").join(name))));
    let complaints = ran.complaints();
    assert_eq!(complaints.len(), 3, "{}", ran.stderr);
    for (complaint, words) in complaints.iter().zip(["passed over 1 .txt", "b.jpg", "d.jpg"]) {
        assert!(complaint.contains(words), "{complaint}");
    }
    assert!(ran.stderr.contains("3 frames analysed, 2 unreadable"), "{}", ran.stderr);
}

#[test]
fn a_folder_with_nothing_but_bad_pictures() {
    let scratch = Scratch::new();
    scratch.file("bad/a.jpg", "no picture");
    scratch.file("bad/b.png", "");
    let ran = run_one(&text(&scratch.path("bad"))).exits(65);
    assert_eq!(ran.complaints().len(), 3, "{}", ran.stderr);
}

#[test]
fn an_empty_folder() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("empty")).unwrap();
    run_one(&text(&scratch.path("empty"))).exits(65).complains_once(&["empty", "contains no picture", "jpg"]);
}

#[test]
fn stdin_that_is_empty_or_something_else() {
    let scratch = Scratch::new();
    run_one("-").exits(65).complains_once(&["stdin", "empty", "MJPEG or Y4M"]);
    for (bytes, words) in [
        ("Dear reader", ["neither", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W0 H0\n", ["width and height", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W64 H64 C420p10\n", ["420p10", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W64 H64 F30:1\nFRAME\n123", ["cut off", "MJPEG or Y4M"]),
    ] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
        command.stdin(fs::File::open(scratch.file("stdin", bytes)).unwrap());
        finish(command).exits(65).complains_once(&words);
    }
}
