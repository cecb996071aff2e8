//! Measures the time to draw boxes, labels, charts and the status line on one picture, in milliseconds.
//!
//! cargo bench --bench draw

use emotiond::{
    analysed::{Analysed, AnalysedFace},
    areas::Areas,
    draw::{Artist, Scaler},
    frame::Picture,
};
use emotiond_core::geometry::BoundingBox;
use std::{hint::black_box, time::Instant};

const LABELS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
const ROUNDS: usize = 50;

fn main() {
    println!("| picture | faces | draw, ms | pixelate, ms | to 1280x720, ms |\n|---|---:|---:|---:|---:|");
    for (width, height) in [(640, 480), (1280, 720), (1920, 1080), (3840, 2160)] {
        for faces in [1, 4, 16] {
            let shown = scene(width, height, faces);
            let labels = LABELS.map(str::to_owned).to_vec();
            let mut artist = Artist::default();
            let draw = median(&shown.picture, |picture| {
                artist.draw_faces(picture, &shown, &labels);
                artist.draw_status(picture, "lobby   29.8 fps   9 ms   16 faces   0 skipped   cpu");
            });
            let blocks = median(&shown.picture, |picture| {
                Artist::default().hide_faces(picture, &shown, &Areas::default());
            });
            let (mut scaler, mut target) = (Scaler::default(), Analysed::default());
            let scale = median(&shown.picture, |_| scaler.scale_shown(&shown, 1280, 720, &mut target));
            println!("| {width}x{height} | {faces} | {draw:.2} | {blocks:.2} | {scale:.2} |");
        }
    }
}

/// Faces in rows and columns, with all emotions.
fn scene(width: u32, height: u32, faces: usize) -> Analysed {
    let mut shown = Analysed::default();
    shown.picture.resize(width, height);
    for (index, value) in shown.picture.pixels.iter_mut().enumerate() {
        *value = (index * 31 % 251) as u8;
    }
    let columns = (faces as f32).sqrt().ceil();
    let (w, h) = (width as f32 / columns, height as f32 / columns);
    for index in 0..faces {
        let (x, y) = (index as f32 % columns * w, (index as f32 / columns).floor() * h);
        let bounds = BoundingBox::new(x + w * 0.2, y + h * 0.25, h * 0.5, h * 0.6);
        shown.faces.push(AnalysedFace { track: index as u64 + 1, bounds });
        shown
            .probabilities
            .extend((0..LABELS.len()).map(|label| if label == index % 7 { 0.7 } else { 0.05 }));
    }
    shown
}

/// The median time of several rounds in milliseconds, each on a new copy of `picture`.
fn median(picture: &Picture, mut work: impl FnMut(&mut Picture)) -> f64 {
    let mut copy = Picture::default();
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            copy.copy_from(picture);
            let start = Instant::now();
            work(black_box(&mut copy));
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
