//! Measures the daemon on faces that cameras show badly: pastes PublicTest faces into scenes, disturbs the pictures, runs
//! the whole pipeline over them, and prints for each disturbance how many faces are found and how many of these get the
//! emotion that most of FER+'s taggers chose. Needs the developers' data.
//!
//! cargo bench --bench pasted -- [CONFIG [EVERY]]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

#[path = "events/mod.rs"]
mod events;
#[path = "scenes/paste.rs"]
mod paste;
#[path = "scenes/mod.rs"]
mod scenes;

use emotiond::{config::Config, frame::Frame, source::SourceUri};
use emotiond_core::geometry::BoundingBox;
use image::{RgbImage, codecs::jpeg::JpegEncoder};
use paste::{Patch, paste};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use scenes::scenes;
use serde_json::Value;
use std::{collections::HashMap, path::Path};

const SIDES: [f32; 4] = [56.0, 80.0, 112.0, 160.0];
/// Intersection over union at which a box counts as the face's.
const LEAST_OVERLAP: f32 = 0.25;
/// Length of the motion blur in pixels.
const MOTION: u32 = 11;

/// What is wrong with a picture.
struct Disturbance {
    name: &'static str,
    /// The patch of a face with this side in pixels.
    patch: fn(f32) -> Patch,
    /// What covers the face.
    cover: fn(&mut [u8]),
    /// What happens to the whole picture.
    camera: fn(&mut RgbImage, &mut ChaCha8Rng),
}

fn upright(side: f32) -> Patch {
    Patch { side, tilt_deg: 0.0, turn_deg: 0.0 }
}

fn disturbances() -> Vec<Disturbance> {
    let plain = Disturbance { name: "none", patch: upright, cover: |_| {}, camera: |_, _| {} };
    let camera = |name, camera| Disturbance { name, camera, ..plain };
    let patch = |name, patch| Disturbance { name, patch, ..plain };
    let cover = |name, cover| Disturbance { name, cover, ..plain };
    vec![
        camera("20 % of the light", |picture, _| each(picture, |pixel| pixel * 0.2)),
        camera("10 % of the light, a little noise", |picture, noise| {
            each(picture, |pixel| pixel * 0.1 + noise.sample::<f32, _>(StandardNormal));
        }),
        camera("20 % of the contrast", |picture, _| each(picture, |pixel| pixel * 0.2 + 90.0)),
        camera("light from one side", |picture, _| dim_to_the_right(picture)),
        camera("sensor noise", |picture, noise| {
            each(picture, |pixel| pixel + 18.0 * noise.sample::<f32, _>(StandardNormal));
        }),
        camera("motion blur", |picture, _| blur_along_a_diagonal(picture)),
        camera("JPEG, quality 12", |picture, _| compress(picture)),
        patch("24 pixels wide", |_| upright(24.0)),
        patch("tilted by 30 degrees", |side| Patch { tilt_deg: 30.0, ..upright(side) }),
        patch("tilted by 45 degrees", |side| Patch { tilt_deg: 45.0, ..upright(side) }),
        patch("turned by 35 degrees", |side| Patch { turn_deg: 35.0, ..upright(side) }),
        cover("mask", |face| fill(face, 210, |x, y| (9.0..39.0).contains(&x) && (26.0..46.0).contains(&y))),
        cover("sunglasses", |face| {
            let lens =
                |x: f32, y: f32, center: f32| ((x - center) / 8.0).powi(2) + ((y - 19.0) / 5.0).powi(2) < 1.0;
            fill(face, 20, |x, y| lens(x, y, 15.0) || lens(x, y, 33.0));
        }),
        plain,
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let config =
        arguments.first().map_or_else(Config::default, |file| Config::read(Path::new(file)).unwrap());
    let step = arguments.get(1).map_or(8, |number| number.parse().unwrap());
    let (faces, scenes) = (test_support::voted_public_test(step), scenes());
    println!("| disturbance | found of {} | right of the found |\n|---|---:|---:|", faces.len());
    let (mut found, mut shares) = (Vec::new(), Vec::new());
    for disturbance in disturbances() {
        let (count, right) = measure(&config, &disturbance, &faces, &scenes);
        let share = (count > 0).then(|| 100.0 * right as f64 / count as f64);
        let shown = share.map_or("-".to_owned(), |share| format!("{share:.1} %"));
        println!("| {} | {count} | {shown} |", disturbance.name);
        if disturbance.name != "none" {
            found.push(count);
            shares.extend(share);
        }
    }
    let found = found.iter().sum::<usize>() / found.len();
    let share = shares.iter().sum::<f64>() / shares.len() as f64;
    println!("| **mean of the disturbed** | **{found}** | **{share:.1} %** |");
}

/// Number of faces that are found under a disturbance, and of those with the right emotion.
fn measure(
    config: &Config,
    disturbance: &Disturbance,
    faces: &[(&'static str, Vec<u8>)],
    scenes: &[Frame],
) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut noise = ChaCha8Rng::seed_from_u64(1);
    let mut truths = HashMap::new();
    for (number, (emotion, pixels)) in faces.iter().enumerate() {
        let mut face = pixels.clone();
        (disturbance.cover)(&mut face);
        let patch = (disturbance.patch)(SIDES[number % SIDES.len()]);
        let scene = &scenes[number % scenes.len()];
        let pixels = paste(scene, &face, patch);
        let (width, height) = (scene.picture.width, scene.picture.height);
        let mut picture = RgbImage::from_raw(width, height, pixels).unwrap();
        (disturbance.camera)(&mut picture, &mut noise);
        let file = folder.path().join(format!("{number:05}.ppm"));
        picture.save(&file).unwrap();
        let (left, top) = ((width as f32 - patch.side) / 2.0, (height as f32 - patch.side) / 2.0);
        let bounds = BoundingBox::new(left, top, patch.side, patch.side);
        truths.insert(file.to_string_lossy().into_owned(), (*emotion, bounds));
    }
    let events = events::faces(config, SourceUri::Folder(folder.path().to_owned())).unwrap();
    let best = best_matches(&events, &truths);
    (best.len(), best.values().filter(|(_, is_right)| *is_right).count())
}

/// For each picture with a box that overlaps the face: the best overlap, and whether that box has the right emotion.
fn best_matches<'a>(
    events: &'a [Value],
    truths: &HashMap<String, (&str, BoundingBox)>,
) -> HashMap<&'a str, (f32, bool)> {
    let mut best = HashMap::new();
    for event in events {
        let file = event["file"].as_str().unwrap();
        let (emotion, bounds) = &truths[file];
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| event["box"][name].as_f64().unwrap() as f32);
        let overlap = BoundingBox::new(x, y, w, h).iou(bounds);
        if overlap > LEAST_OVERLAP && best.get(file).is_none_or(|(before, _)| overlap > *before) {
            best.insert(file, (overlap, event["emotion"] == *emotion));
        }
    }
    best
}

fn each(picture: &mut RgbImage, mut change: impl FnMut(f32) -> f32) {
    for pixel in picture.as_mut() {
        *pixel = change(f32::from(*pixel)).round() as u8;
    }
}

fn dim_to_the_right(picture: &mut RgbImage) {
    let width = picture.width() as f32;
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        let light = 1.0 - 0.85 * x as f32 / width;
        pixel.0 = pixel.0.map(|value| (f32::from(value) * light).round() as u8);
    }
}

/// The camera moves by [`MOTION`] pixels to the right and two thirds of it down.
fn blur_along_a_diagonal(picture: &mut RgbImage) {
    let sharp = picture.clone();
    let (right, bottom) = (picture.width() - 1, picture.height() - 1);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let mut sum = [0; 3];
        for step in 0..MOTION {
            let from = sharp.get_pixel((x + step).min(right), (y + step * 2 / 3).min(bottom));
            sum = std::array::from_fn(|channel| sum[channel] + u32::from(from.0[channel]));
        }
        pixel.0 = sum.map(|sum| (sum / MOTION) as u8);
    }
}

fn compress(picture: &mut RgbImage) {
    let mut jpeg = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 12)).unwrap();
    *picture = image::load_from_memory(&jpeg).unwrap().into_rgb8();
}

/// Fills the pixels of a 48x48 face whose centres are inside.
fn fill(face: &mut [u8], luma: u8, is_inside: impl Fn(f32, f32) -> bool) {
    for (i, pixel) in face.iter_mut().enumerate() {
        if is_inside((i % 48) as f32 + 0.5, (i / 48) as f32 + 0.5) {
            *pixel = luma;
        }
    }
}
