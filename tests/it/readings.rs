//! Faces that are not read in every frame: what that changes in the emotions, and how late a new expression is told. Needs
//! `../shared`.

use crate::common::{Scratch, ffmpeg, number, shared, string, text};
use crate::sparing::{Random, camera_frame, faces, note, room};
use image::{GrayImage, RgbImage, imageops};
use serde_json::Value;
use std::collections::HashMap;

/// Every frame is searched in the same way, so that only the readings differ.
const SEARCH: &str = "still_every_s = 0\nregions = false";

/// The emotion of each face in each frame.
fn emotions(faces: &[Value]) -> HashMap<(u64, u64), String> {
    let told = faces.iter().filter(|face| face["phase"] != "end");
    told.map(|face| ((number(&face["frame"]), number(&face["track"])), string(&face["emotion"]).to_owned()))
        .collect()
}

/// The parts of face time in which two runs tell different emotions.
fn differing(a: &HashMap<(u64, u64), String>, b: &HashMap<(u64, u64), String>) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().filter(|(face, emotion)| b.get(face) != Some(*emotion)).count() as f64 / a.len() as f64
}

#[test]
#[ignore = "needs developer data"]
fn faces_that_are_read_ten_times_a_second_have_the_emotions_of_those_read_in_every_frame() {
    let scratch = Scratch::new();
    let (mut all, mut other) = (0u32, 0.0);
    for name in ["classroom", "head-pose-face-detection-female"] {
        let stream = text(&scratch.path(&format!("{name}.mjpeg")));
        let clip = text(&shared(&format!("data/video/{name}.gif")));
        ffmpeg(&[
            "-stream_loop",
            "5",
            "-i",
            &clip,
            "-r",
            "30",
            "-c:v",
            "mjpeg",
            "-q:v",
            "3",
            "-f",
            "mjpeg",
            &stream,
        ]);
        let [every, spared] = ["0", "10"]
            .map(|rate| emotions(&faces(&scratch, &stream, SEARCH, &format!("reads_per_s = {rate}"))));
        let part = differing(&every, &spared);
        note(&format!("{name}: {:.2} % of {} differ", 100.0 * part, every.len()));
        all += every.len() as u32;
        other += part * every.len() as f64;
    }
    assert!(other / f64::from(all) <= 0.01, "{other} of {all}");
}

/// Frames for which an expression stays, of which the first are a transition from the one before.
const HELD: u64 = 60;
const TRANSITION: u64 = 10;
/// How much later a change may be told: 100 ms.
const LATER: u64 = 3;

/// One face after another at the same place, each with another emotion than the one before, as faces change: not at once.
fn changing_face(scratch: &Scratch, count: usize) -> String {
    let mut people: Vec<RgbImage> = Vec::new();
    let mut latest = "";
    for (emotion, pixels) in test_support::voted_public_test(7) {
        if emotion != latest && people.len() < count {
            let face = GrayImage::from_raw(48, 48, pixels).unwrap();
            let face = imageops::resize(&face, 180, 180, imageops::FilterType::CatmullRom);
            people.push(image::DynamicImage::ImageLuma8(face).to_rgb8());
            latest = emotion;
        }
    }
    let (mut stream, mut random, mut scene) = (Vec::new(), Random(2), room(320, 240));
    let mut before = people[0].clone();
    for person in people {
        for frame in 1..=HELD {
            let share = (frame as f32 / TRANSITION as f32).min(1.0);
            let mut shown = person.clone();
            for (pixel, before) in shown.iter_mut().zip(before.iter()) {
                *pixel = (f32::from(*before) + (f32::from(*pixel) - f32::from(*before)) * share) as u8;
            }
            imageops::replace(&mut scene, &shown, 70, 30);
            stream.extend(camera_frame(&scene, &mut random));
        }
        before = person;
    }
    scratch.file("changes.mjpeg", stream)
}

/// For each expression, the frames until the emotion that is told at its end was told, if it is another than at its start.
fn delays(faces: &[Value], count: usize) -> Vec<Option<u64>> {
    let told: HashMap<u64, String> =
        emotions(faces).into_iter().map(|((frame, _), emotion)| (frame, emotion)).collect();
    let start = told.keys().min().copied().unwrap_or(0);
    (1..count as u64)
        .map(|person| {
            let (first, last) = (start + person * HELD, start + (person + 1) * HELD - 1);
            let (before, after) = (told.get(&(first - 1))?, told.get(&last)?);
            let at = (first..=last).rev().take_while(|frame| told.get(frame) == Some(after)).last()?;
            (before != after).then_some(at - first)
        })
        .collect()
}

#[test]
#[ignore = "needs developer data"]
fn a_new_expression_is_told_as_soon_as_if_the_face_were_read_in_every_frame() {
    let (scratch, count) = (Scratch::new(), 40);
    let stream = changing_face(&scratch, count);
    let [every, spared] = ["0", "10"]
        .map(|rate| delays(&faces(&scratch, &stream, SEARCH, &format!("reads_per_s = {rate}")), count));
    let both: Vec<(u64, u64)> = every.iter().zip(&spared).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    let mean = |side: fn(&(u64, u64)) -> u64| {
        both.iter().map(side).sum::<u64>() as f64 / both.len() as f64 * 1000.0 / 30.0
    };
    note(&format!(
        "{} changes, after {:.0} and {:.0} ms: {both:?}",
        both.len(),
        mean(|d| d.0),
        mean(|d| d.1)
    ));
    assert!(both.len() > count / 2, "only {} changes are told by both", both.len());
    let late = both.iter().find(|(every, spared)| *spared > every + LATER);
    assert!(late.is_none(), "{late:?} of {both:?}: more than 100 ms later");
}
