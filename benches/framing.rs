//! Finds the margin at which each detector's boxes match the framing of FER2013's faces: pastes PublicTest faces into
//! scenes, detects them, crops them with many margins, and compares the emotion model's accuracy with that on the
//! original images. Needs the developers' data.
//!
//! cargo bench --bench framing -- MODEL.onnx [EVERY]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

#[path = "scenes/mod.rs"]
mod scenes;

use emotiond::{
    config::Config,
    detect::{DetectorChoice, DetectorPlan},
    frame::Frame,
};
use emotiond_core::{
    classify::{Classifier, ModelConfig, argmax},
    face::{Framing, InputCutter},
    geometry::BoundingBox,
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};
use fast_image_resize::{
    Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::U8,
};
use scenes::scenes;
use std::path::PathBuf;

const MARGINS: [f32; 12] = [-0.3, -0.25, -0.2, -0.175, -0.15, -0.125, -0.1, -0.05, 0.0, 0.1, 0.2, 0.4];
/// Downward shifts of the square, in parts of the box's longer side.
const DOWNS: [f32; 5] = [-0.08, -0.04, 0.0, 0.04, 0.08];
const SIDES: [usize; 4] = [64, 96, 144, 220];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let file = arguments.first().map(PathBuf::from);
    let step = arguments.get(1).map_or(5, |number| number.parse().unwrap());
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let mut model = load_model(&runtime, file);
    let faces = test_support::public_test(step);
    let scenes = scenes();
    for choice in [DetectorChoice::Yunet, DetectorChoice::Centerface, DetectorChoice::Seetaface] {
        let config = emotiond::detect::DetectorConfig { name: choice, ..Config::default().detector };
        let plan = DetectorPlan::new(&runtime, &config).unwrap();
        sweep(&plan, &faces, &scenes, &mut model);
    }
}

/// Loads a model with our metadata, or a FER2013 model without metadata.
fn load_model(runtime: &Runtime, file: Option<PathBuf>) -> Classifier {
    let described = ModelConfig { file, ..ModelConfig::default() };
    let foreign = ModelConfig {
        labels: Some(emotiond_core::labels::FER2013_LABELS.map(str::to_owned).to_vec()),
        color: Some("gray".to_owned()),
        size: Some(48),
        mean: Some(vec![127.5]),
        scale: Some(vec![1.0 / 127.5]),
        ..described.clone()
    };
    Classifier::load(runtime, &described).or_else(|_| Classifier::load(runtime, &foreign)).unwrap()
}

fn sweep(plan: &DetectorPlan, faces: &[(usize, Vec<u8>)], scenes: &[Frame], model: &mut Classifier) {
    let mut detector = plan.build().unwrap();
    let mut resizer = Resizer::new();
    let spec = model.description().input.clone();
    let (mut found_count, mut bare_right) = (0, 0);
    let mut right = [[0; DOWNS.len()]; MARGINS.len()];
    let (mut ratio, mut shift) = (0.0, (0.0, 0.0));
    for (number, (label, pixels)) in faces.iter().enumerate() {
        let scene = &scenes[number % scenes.len()];
        let side = SIDES[number % SIDES.len()];
        let (picture, patch) = paste(&mut resizer, scene, pixels, side);
        let view = PictureView::new(scene.picture.width, scene.picture.height, Color::Rgb, &picture);
        let mut found = Vec::new();
        detector.detect(&view, &plan.settings, &mut found).unwrap();
        let Some(face) = found.iter().map(|face| face.bounds).find(|bounds| bounds.iou(&patch) > 0.25) else {
            continue;
        };
        found_count += 1;
        let longer = face.w.max(face.h);
        ratio += side as f32 / longer;
        shift.0 += (patch.center().0 - face.center().0) / longer;
        shift.1 += (patch.center().1 - face.center().1) / longer;
        let mut read = |view: &PictureView, area: &BoundingBox, framing: Framing| {
            let mut input = Vec::new();
            InputCutter::new(framing, spec.clone()).append(view, area, &mut input);
            let mut row = Vec::new();
            model.classify(&input, &mut row).unwrap();
            usize::from(argmax(&row) == *label)
        };
        let bare = PictureView::new(48, 48, Color::Gray, pixels);
        bare_right += read(&bare, &BoundingBox::new(0.0, 0.0, 48.0, 48.0), Framing::default());
        for (margin, right) in MARGINS.iter().zip(&mut right) {
            for (down, right) in DOWNS.iter().zip(right) {
                *right += read(&view, &face, Framing { margin: *margin, down: *down });
            }
        }
    }
    let percent = |count: usize| 100.0 * count as f64 / found_count as f64;
    let mean = |sum: f32| sum / found_count as f32;
    println!(
        "\n{}: found {found_count} of {}, original images {:.1} %",
        plan.name(),
        faces.len(),
        percent(bare_right)
    );
    println!(
        "the patch is {:.3} times the box's longer side, shifted by {:.3} right, {:.3} down",
        mean(ratio),
        mean(shift.0),
        mean(shift.1)
    );
    println!("accuracy in % with the square shifted down by {DOWNS:?} of the box's longer side:");
    for (margin, right) in MARGINS.iter().zip(right) {
        let cells: Vec<String> = right.iter().map(|right| format!("{:.1}", percent(*right))).collect();
        println!("| {margin} | {} |", cells.join(" | "));
    }
}

/// The scene with the face, `side` pixels wide, in the centre.
fn paste(resizer: &mut Resizer, scene: &Frame, pixels: &[u8], side: usize) -> (Vec<u8>, BoundingBox) {
    let (width, height) = (scene.picture.width as usize, scene.picture.height as usize);
    let mut patch = vec![0; side * side];
    let face = TypedImageRef::<U8>::from_buffer(48, 48, pixels).unwrap();
    let mut target = TypedImage::from_buffer(side as u32, side as u32, &mut patch).unwrap();
    resizer.resize_typed(&face, &mut target, None).unwrap();
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    let mut picture = scene.picture.pixels.clone();
    for (y, row) in patch.chunks_exact(side).enumerate() {
        for (x, &luma) in row.iter().enumerate() {
            picture[((top + y) * width + left + x) * 3..][..3].fill(luma);
        }
    }
    (picture, BoundingBox::new(left as f32, top as f32, side as f32, side as f32))
}
