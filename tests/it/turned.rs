//! `rotate` and `mirror`, for every kind of source: events, sizes and annotated copies are those of the turned picture.

use crate::common::{Ran, Scratch, astronaut, emotiond, encode, ffmpeg, finish, number, real_config, text};
use image::{ImageFormat, RgbImage, imageops};
use serde_json::Value;
use std::fs::File;

/// A turn, and a picture that it turns upright: the settings, and the upright picture as the camera sees it.
fn turns(upright: &RgbImage) -> Vec<(String, RgbImage)> {
    let mut turns = Vec::new();
    for mirror in [false, true] {
        // Undone in the opposite order: the mirror first.
        let seen = if mirror { imageops::flip_horizontal(upright) } else { upright.clone() };
        for (degrees, seen) in [
            (0, seen.clone()),
            (90, imageops::rotate270(&seen)),
            (180, imageops::rotate180(&seen)),
            (270, imageops::rotate90(&seen)),
        ] {
            turns.push((format!("rotate = {degrees}\nmirror = {mirror}\n"), seen));
        }
    }
    turns
}

/// The portrait without its lower quarter, so that width and height differ.
fn upright() -> RgbImage {
    imageops::crop_imm(&astronaut(), 0, 0, 512, 384).to_image()
}

fn run(scratch: &Scratch, uri: &str, turn: &str, more: &[&str]) -> Ran {
    let config = scratch.tiny(&format!("[[source]]\nname = \"it\"\nuri = {uri:?}\n{turn}"));
    let mut command = emotiond(&[&["run", "--config", &config, "--emit", "every-frame"], more].concat());
    if uri == "-" {
        command.stdin(File::open(scratch.path("stream")).unwrap());
    }
    finish(command).exits(0)
}

/// The box of the first face: left, top, width, height.
fn first_box(ran: &Ran) -> [u64; 4] {
    let faces = ran.faces();
    let face: &Value =
        faces.iter().find(|face| face["phase"] != "end").unwrap_or_else(|| panic!("{}", ran.stdout));
    ["x", "y", "w", "h"].map(|key| number(&face["box"][key]))
}

fn is_near(one: [u64; 4], other: [u64; 4]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= 8)
}

#[test]
fn pictures_are_turned_and_so_are_their_annotated_copies() {
    let scratch = Scratch::new();
    let straight = scratch.file("straight.png", encode(&upright(), ImageFormat::Png));
    std::fs::create_dir(scratch.path("out")).unwrap();
    let out = text(&scratch.path("out"));
    let expected = first_box(&run(&scratch, &straight, "", &["--annotate", &format!("{out}/straight.png")]));
    let copy = image::open(format!("{out}/straight.png")).unwrap().into_rgb8();
    for (number, (turn, seen)) in turns(&upright()).into_iter().enumerate() {
        let out = format!("{out}/{number}.png");
        let picture = scratch.file("seen.png", encode(&seen, ImageFormat::Png));
        let ran = run(&scratch, &picture, &turn, &["--annotate", &out]);
        assert_eq!(first_box(&ran), expected, "{turn}");
        let annotated = image::open(&out).unwrap().into_rgb8();
        assert!(annotated == copy, "{turn}");
    }
}

#[test]
fn exif_orientation_comes_first() {
    let scratch = Scratch::new();
    let jpeg = encode(&imageops::rotate180(&upright()), ImageFormat::Jpeg);
    let expected = first_box(&run(&scratch, &scratch.file("straight.jpg", &jpeg), "rotate = 180\n", &[]));
    // Orientation 6: to be rotated clockwise by 90 degrees.
    let lying =
        crate::common::with_orientation(&encode(&imageops::rotate270(&upright()), ImageFormat::Jpeg), 6);
    assert!(is_near(first_box(&run(&scratch, &scratch.file("lying.jpg", lying), "", &[])), expected));
    let turned_on =
        crate::common::with_orientation(&encode(&imageops::rotate90(&upright()), ImageFormat::Jpeg), 6);
    assert!(is_near(
        first_box(&run(&scratch, &scratch.file("on.jpg", turned_on), "rotate = 180\n", &[])),
        expected
    ));
}

#[test]
fn folders_videos_and_streams_are_turned() {
    let scratch = Scratch::new();
    let straight = scratch.file("straight.png", encode(&upright(), ImageFormat::Png));
    let expected = first_box(&run(&scratch, &straight, "", &[]));
    for (turn, seen) in turns(&upright()).into_iter().skip(1) {
        let picture = scratch.file("folder/seen.png", encode(&seen, ImageFormat::Png));
        let (width, height) = seen.dimensions();
        let mut found = vec![("a folder", run(&scratch, &text(&scratch.path("folder")), &turn, &[]))];
        for (name, codec) in [("film.mkv", ["-c:v", "ffv1"]), ("film.avi", ["-c:v", "mjpeg"])] {
            let film = text(&scratch.path(name));
            ffmpeg(
                &[
                    &["-loop", "1", "-r", "10", "-i", &picture, "-frames:v", "5", "-q:v", "2"][..],
                    &codec,
                    &[&film],
                ]
                .concat(),
            );
            found.push((name, run(&scratch, &film, &turn, &[])));
        }
        for (name, format) in [("MJPEG", ["-f", "mjpeg"]), ("Y4M", ["-f", "yuv4mpegpipe"])] {
            let stream = text(&scratch.path("stream"));
            let pixels = if name == "Y4M" { "yuv420p" } else { "yuvj422p" };
            let arguments = ["-loop", "1", "-r", "10", "-i", &picture, "-frames:v", "5", "-pix_fmt", pixels];
            ffmpeg(&[&arguments[..], &format, &["-q:v", "2", &stream]].concat());
            found.push((name, run(&scratch, "-", &turn, &[])));
        }
        for (name, ran) in found {
            assert!(is_near(first_box(&ran), expected), "{name}, {width}x{height}, {turn}");
        }
    }
}

/// The picture is then decoded at a reduced size.
#[test]
#[ignore = "needs developer data"]
fn glances_see_the_turned_picture() {
    let scratch = Scratch::new();
    let mut upright = RgbImage::from_pixel(720, 1280, image::Rgb([90, 100, 110]));
    let portrait = imageops::resize(&astronaut(), 1400, 1400, imageops::FilterType::Triangle);
    imageops::replace(&mut upright, &imageops::crop_imm(&portrait, 300, 0, 720, 1100).to_image(), 0, 100);
    let boxes = |name: &str, picture: &RgbImage, turn: &str| {
        let jpeg = encode(picture, ImageFormat::Jpeg);
        scratch.file("stream", jpeg.repeat(40));
        let source = format!("[[source]]\nname = \"it\"\nuri = \"-\"\n{turn}");
        let config = scratch.file(&format!("{name}.toml"), real_config() + &source);
        let mut command = emotiond(&["run", "--config", &config, "--emit", "every-frame"]);
        command.stdin(File::open(scratch.path("stream")).unwrap());
        let faces = finish(command).exits(0).faces();
        let boxes = faces.iter().filter(|face| face["phase"] != "end");
        boxes.map(|face| ["x", "y", "w", "h"].map(|key| number(&face["box"][key]))).collect::<Vec<_>>()
    };
    let expected = boxes("straight", &upright, "");
    assert!(expected.len() >= 38 && expected.iter().any(|face| *face != expected[0]), "there was no glance");
    let turned = boxes("turned", &imageops::rotate270(&upright), "rotate = 90\n");
    assert_eq!(turned.len(), expected.len());
    for (turned, expected) in turned.into_iter().zip(expected) {
        let off = turned.iter().zip(expected).map(|(one, other)| one.abs_diff(other)).max();
        assert!(off <= Some(24), "{turned:?} and {expected:?}");
    }
}

#[test]
fn other_angles_are_refused() {
    let scratch = Scratch::new();
    let config = scratch.tiny("[[source]]\nuri = \"camera:0\"\nrotate = 45\n");
    let ran = finish(emotiond(&["check", "--config", &config])).exits(78);
    ran.complains_once(&["45 degrees", "0, 90, 180 or 270"]);
}
