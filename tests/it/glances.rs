//! Detection at a reduced size loses no face. Needs `../shared/models`.

use crate::common::{Scratch, astronaut, emotiond, encode, ffmpeg, finish, number, real_config, text};
use image::{RgbImage, imageops};
use serde_json::Value;
use std::fs;

const FRAMES: u32 = 48;
/// From this frame, there is also a small face ...
const JOINED: u32 = 18;
/// ... and from this frame, the large face is gone.
const CUT: u32 = 36;
const FULL_EVERY: u32 = 5;

/// The portrait's head, pasted `side` pixels wide.
fn paste(scene: &mut RgbImage, side: u32, left: u32, top: u32) {
    let head = imageops::crop_imm(&astronaut(), 118, 10, 220, 220).to_image();
    let head = imageops::resize(&head, side, side, imageops::FilterType::Triangle);
    imageops::replace(scene, &head, i64::from(left), i64::from(top));
}

/// A large face that moves, then also a small one, then only the small one: as a video, whose frames ffmpeg decodes,
/// and as a stream of JPEG pictures, which are decoded at a reduced size if that is sufficient.
fn clips(scratch: &Scratch) -> [String; 2] {
    let mut stream = Vec::new();
    for number in 0..FRAMES {
        let mut scene = RgbImage::from_pixel(960, 540, image::Rgb([96, 104, 112]));
        if number < CUT {
            paste(&mut scene, 300, 100 + 2 * number, 100);
        }
        if number >= JOINED {
            paste(&mut scene, 70, 800, 60);
        }
        let jpeg = encode(&scene, image::ImageFormat::Jpeg);
        stream.extend_from_slice(&jpeg);
        scratch.file(&format!("frames/{number:02}.jpg"), jpeg);
    }
    let video = text(&scratch.path("clip.mkv"));
    let frames = text(&scratch.path("frames/%02d.jpg"));
    ffmpeg(&["-framerate", "30", "-i", &frames, "-c:v", "mpeg4", "-q:v", "2", &video]);
    [video, scratch.file("clip.mjpeg", stream)]
}

/// The reported faces if every `full_every`-th detector run uses the full size.
fn faces(scratch: &Scratch, clip: &str, full_every: u32) -> Vec<Value> {
    let config = real_config().replace("[detector]\n", &format!("[detector]\nfull_every = {full_every}\n"));
    let config = scratch.file("config.toml", config);
    let source = if clip.ends_with(".mjpeg") { "-" } else { clip };
    let mut command = emotiond(&["run", "--config", &config, "--source", source, "--emit", "every-frame"]);
    command.stdin(fs::File::open(clip).unwrap());
    let faces = finish(command).exits(0).faces();
    faces.into_iter().filter(|face| face["phase"] != "end").collect()
}

/// (left, top, width, height, whether it is predicted) of a face in a frame.
fn in_frame(faces: &[Value], frame: u32) -> Vec<(u64, u64, u64, u64, bool)> {
    let told = faces.iter().filter(|face| number(&face["frame"]) == u64::from(frame));
    told.map(|face| {
        let side = |key: &str| number(&face["box"][key]);
        (side("x"), side("y"), side("w"), side("h"), face.get("predicted").is_some())
    })
    .collect()
}

#[test]
#[ignore = "needs developer data"]
fn glances_find_what_full_searches_find_and_repeat() {
    let scratch = Scratch::new();
    for clip in clips(&scratch) {
        glances_find_what_full_searches_find(&scratch, &clip);
    }
}

fn glances_find_what_full_searches_find(scratch: &Scratch, clip: &str) {
    let (full, glances) = (faces(scratch, clip, 1), faces(scratch, clip, FULL_EVERY));
    assert!(full.iter().all(|face| face.get("predicted").is_none()));

    let alone = |faces: &[Value]| (1..JOINED).map(|frame| in_frame(faces, frame)).collect::<Vec<_>>();
    assert_ne!(alone(&full), alone(&glances), "no frame was searched at a reduced size");
    for (a, b) in alone(&full).iter().zip(alone(&glances)) {
        let ([a], [b]) = (&a[..], &b[..]) else { panic!("{a:?} and {b:?}") };
        let off = [a.0.abs_diff(b.0), a.1.abs_diff(b.1), a.2.abs_diff(b.2), a.3.abs_diff(b.3)];
        assert!(off.iter().all(|off| *off <= 16) && !b.4, "{a:?} and {b:?}");
    }
    // The small face is found at the latest by the next full-size run, and stays; a lost face is noticed at once.
    for frame in JOINED + FULL_EVERY..CUT {
        assert_eq!(in_frame(&glances, frame).len(), 2, "frame {frame}");
    }
    for frame in CUT..FRAMES {
        assert_eq!(in_frame(&full, frame).len(), 1, "frame {frame}");
        assert_eq!(in_frame(&glances, frame).len(), 1, "frame {frame}");
    }

    let again = faces(scratch, clip, FULL_EVERY);
    for frame in 0..FRAMES {
        assert_eq!(in_frame(&again, frame), in_frame(&glances, frame));
    }
}
