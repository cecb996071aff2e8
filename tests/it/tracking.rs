//! Identities of people who hide or replace one another, with the built-in detector.

use crate::common::{Scratch, astronaut, emotiond, finish, number};
use image::{RgbImage, imageops};
use std::{collections::BTreeSet, fs, ops::Range};

const RATE: u32 = 15;
const SIZE: (u32, u32) = (640, 240);

/// The portrait's head.
fn head() -> RgbImage {
    let head = imageops::crop_imm(&astronaut(), 148, 30, 150, 180).to_image();
    imageops::resize(&head, 150, 180, imageops::FilterType::Triangle)
}

/// The same head in other colours.
fn stranger() -> RgbImage {
    let mut head = head();
    head.pixels_mut().for_each(|pixel| pixel.0.rotate_left(1));
    head
}

/// Heads and their left edges, the front one last.
type Scene<'a> = Vec<(&'a RgbImage, i64)>;

/// A Y4M stream of scenes.
fn stream(scenes: &[Scene]) -> Vec<u8> {
    let (width, height) = SIZE;
    let mut bytes = format!("YUV4MPEG2 W{width} H{height} F{RATE}:1 C444\n").into_bytes();
    for heads in scenes {
        let mut scene = RgbImage::from_pixel(width, height, image::Rgb([110, 120, 115]));
        for (head, left) in heads {
            imageops::replace(&mut scene, *head, *left, 30);
        }
        bytes.extend_from_slice(b"FRAME\n");
        // Red, green and blue to Y, Cb and Cr in limited range (BT.601).
        for [r, g, b, offset] in
            [[0.257, 0.504, 0.098, 16.0], [-0.148, -0.291, 0.439, 128.0], [0.439, -0.368, -0.071, 128.0]]
        {
            bytes.extend(scene.pixels().map(|pixel| {
                let [red, green, blue] = pixel.0.map(f32::from);
                (r * red + g * green + b * blue + offset).round() as u8
            }));
        }
    }
    bytes
}

/// The track numbers of the faces around each of these places.
fn tracks_at<const N: usize>(scenes: &[Scene], places: [Range<u64>; N]) -> [BTreeSet<u64>; N] {
    let scratch = Scratch::new();
    let clip = scratch.file("clip.y4m", stream(scenes));
    let mut command =
        emotiond(&["run", "--config", &scratch.built_in(), "--source", "-", "--emit", "every-frame"]);
    command.stdin(fs::File::open(clip).unwrap());
    let faces = finish(command).exits(0).faces();
    places.map(|place| {
        let there = faces.iter().filter(|face| face["phase"] != "end");
        let there = there.filter(|face| {
            let bounds = &face["box"];
            place.contains(&(number(&bounds["x"]) + number(&bounds["w"]) / 2))
        });
        there.map(|face| number(&face["track"])).collect()
    })
}

#[test]
fn a_face_that_was_hidden_by_a_passer_by_keeps_its_track() {
    let head = head();
    for (seconds, to_left) in [(1, false), (2, true), (4, true)] {
        let frames = seconds * RATE;
        let walk = |frame: u32| i64::from(480 * frame / (frames - 1));
        let scene =
            |frame| vec![(&head, 245), (&head, walk(if to_left { frames - 1 - frame } else { frame }))];
        let scenes: Vec<_> = (0..frames).map(scene).collect();
        let [left, middle, right] = tracks_at(&scenes, [0..150, 305..335, 490..640]);
        assert!(left == right && left.len() == 1, "who walked, {seconds} s: {left:?} {right:?}");
        assert_eq!(middle.difference(&left).count(), 1, "who stood, {seconds} s: {middle:?}");
    }
}

#[test]
fn another_person_at_the_same_place_gets_a_track_of_its_own() {
    let (head, stranger) = (head(), stranger());
    for (second, expected) in [(&head, 1), (&stranger, 2)] {
        let scene = |frame| match frame / RATE {
            0 => vec![(&head, 245)],
            1 => vec![],
            _ => vec![(second, 245)],
        };
        let scenes: Vec<_> = (0..3 * RATE).map(scene).collect();
        let [tracks, elsewhere] = tracks_at(&scenes, [305..335, 335..640]);
        assert!(tracks.len() == expected && elsewhere.is_empty(), "{tracks:?} {elsewhere:?}");
    }
}
