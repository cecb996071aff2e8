//! Measures the error of the head pose on projected faces, the accuracy on crops that are rotated upright, and the
//! relation between readability and accuracy. Prints the tables of docs/pose.md. Needs the developers' data.
//!
//! cargo bench --bench pose -- DETECTOR [EVERY]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

#[path = "scenes/paste.rs"]
mod paste;
#[path = "scenes/mod.rs"]
mod scenes;

use emotiond::{
    config::Config,
    detect::{Detection, DetectorConfig, DetectorPlan},
    landmarks::Landmarks,
    pose::Pose,
    readability::readability,
};
use emotiond_core::{
    classify::{Classifier, ModelConfig, argmax},
    face::{InputCutter, TiltedFace, normalize},
    geometry::Point,
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};
use paste::{Patch, paste};
use scenes::scenes;

const SIDES: [usize; 4] = [64, 96, 144, 220];
const TURNS_DEG: [f32; 6] = [0.0, 10.0, 20.0, 30.0, 45.0, 60.0];
/// Noise of a landmark, as a part of the distance between the eyes of a frontal face.
const NOISES: [f32; 3] = [0.0, 0.02, 0.05];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let name = arguments.first().map_or("yunet", String::as_str);
    let step = arguments.get(1).map_or(5, |number| number.parse().unwrap());
    synthetic();
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let choice = toml::Value::String(name.to_owned()).try_into().unwrap();
    let file = (name == "yunet").then(|| test_support::shared("models/yunet_s_640_640.onnx"));
    let config = DetectorConfig { name: choice, file, ..Config::default().detector };
    let plan = DetectorPlan::new(&runtime, &config).unwrap();
    let model = ModelConfig { file: Some("models/emotion_int8.onnx".into()), ..ModelConfig::default() };
    let (mut model, faces) = (Classifier::load(&runtime, &model).unwrap(), test_support::public_test(step));
    disturbed(&mut model, &faces);
    upright(&plan, &mut model, &faces);
}

/// Accuracy and mean readability of original faces that are blurred or have less contrast.
fn disturbed(model: &mut Classifier, faces: &[(usize, Vec<u8>)]) {
    println!("\n| disturbance | accuracy | readability |\n|---|---:|---:|");
    let blurs = [0.0, 1.0, 1.5, 2.0, 3.0, 4.0].map(|sigma| (sigma, 1.0));
    let contrasts = [0.2, 0.1, 0.05, 0.02].map(|contrast| (0.0, contrast));
    let spec = model.description().input.clone();
    for (sigma, contrast) in blurs.into_iter().chain(contrasts) {
        let (mut right, mut readable) = (0, 0.0);
        for (label, pixels) in faces {
            let crop: Vec<u8> = blurred(pixels, sigma).iter().map(|pixel| (pixel * contrast) as u8).collect();
            readable += readability(&PictureView::new(48, 48, Color::Gray, &crop), 100.0, None);
            let (mut input, mut row) = (vec![0.0; crop.len()], Vec::new());
            normalize(&crop, &spec, &mut input);
            model.classify(&input, &mut row).unwrap();
            right += usize::from(argmax(&row) == *label);
        }
        let count = faces.len() as f32;
        println!(
            "| blur of {sigma} pixels, {contrast} of the brightness | {:.0} | {:.2} |",
            100.0 * right as f32 / count,
            readable / count
        );
    }
}

/// A face after a Gaussian blur; the pixels of the border are repeated outside.
fn blurred(pixels: &[u8], sigma: f32) -> Vec<f32> {
    let weight = |at: i32| if sigma > 0.0 { (-(at * at) as f32 / (2.0 * sigma * sigma)).exp() } else { 1.0 };
    let reach = (3.0 * sigma) as i32;
    let total: f32 = (-reach..=reach).map(weight).sum();
    let pass = |values: &[f32], step: usize| -> Vec<f32> {
        let value = |i: usize, at: i32| {
            let along = (i / step % 48) as i32;
            let moved = (along + at).clamp(0, 47) - along;
            values[(i as i32 + moved * step as i32) as usize]
        };
        let mean = |i: usize| (-reach..=reach).map(|at| weight(at) * value(i, at)).sum::<f32>() / total;
        (0..values.len()).map(mean).collect()
    };
    let values: Vec<f32> = pixels.iter().copied().map(f32::from).collect();
    pass(&pass(&values, 1), 48)
}

/// Measures the error on faces with a known pose: the mean face, with and without noise.
fn synthetic() {
    println!("| turned by | noise | yaw | pitch | roll |\n|---:|---:|---:|---:|---:|");
    let mut seed = 1u64;
    let mut normal = || {
        // The sum of twelve uniform random numbers (splitmix64) is sufficiently normal here.
        let mut even = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1u64 << 24) as f32
        };
        (0..12).map(|_| even()).sum::<f32>() - 6.0
    };
    for turned in TURNS_DEG {
        for noise in NOISES {
            let mut sums = [0.0; 3];
            let count = 500;
            for number in 0..count {
                let sign = if number % 2 == 0 { 1.0 } else { -1.0 };
                let truth = Pose { yaw: sign * turned, pitch: normal() * 8.0, roll: normal() * 8.0 };
                let points =
                    truth.project().0.map(|at| Point::new(at.x + noise * normal(), at.y + noise * normal()));
                let found = Pose::of(&Landmarks(points)).unwrap_or_default();
                for (sum, (found, truth)) in sums.iter_mut().zip([
                    (found.yaw, truth.yaw),
                    (found.pitch, truth.pitch),
                    (found.roll, truth.roll),
                ]) {
                    *sum += (found - truth).abs() / count as f32;
                }
            }
            println!("| {turned} | {noise} | {:.1} | {:.1} | {:.1} |", sums[0], sums[1], sums[2]);
        }
    }
}

/// Measures the accuracy on faces that are pasted into scenes with an in-plane rotation: cropped without rotation,
/// rotated upright by the roll from the landmarks, and rotated upright by the true angle.
fn upright(plan: &DetectorPlan, model: &mut Classifier, faces: &[(usize, Vec<u8>)]) {
    let scenes = scenes();
    let mut detector = plan.build().unwrap();
    let mut cutter = InputCutter::new(plan.framing, model.description().input.clone());
    println!(
        "\n{}: | turned by | found | as it is | upright | by the truth | roll found, median | readability |\n\
         |---:|---:|---:|---:|---:|---:|---:|",
        plan.name()
    );
    for turned in TURNS_DEG {
        let mut right = [0; 3];
        let (mut rolls, mut readable) = (Vec::new(), 0.0);
        for (number, (label, pixels)) in faces.iter().enumerate() {
            let (scene, side) = (&scenes[number % scenes.len()], SIDES[number % SIDES.len()]);
            let patch = Patch { side: side as f32, tilt_deg: turned, turn_deg: 0.0 };
            let picture = paste(scene, pixels, patch);
            let view = PictureView::new(scene.picture.width, scene.picture.height, Color::Rgb, &picture);
            let Some(face) = find(&mut detector, plan, &view, side as f32) else { continue };
            let pose = face.pose.unwrap_or_default();
            for (right, roll_deg) in right.iter_mut().zip([0.0, pose.roll, turned]) {
                let (mut input, mut row) = (Vec::new(), Vec::new());
                cutter.append_upright(&view, &TiltedFace { bounds: face.bounds, roll_deg }, &mut input);
                model.classify(&input, &mut row).unwrap();
                *right += usize::from(argmax(&row) == *label);
            }
            readable += readability(&cutter.crop(), face.bounds.w.max(face.bounds.h), Some(pose));
            rolls.push(pose.roll);
        }
        rolls.sort_by(f32::total_cmp);
        let count = rolls.len() as f32;
        let [raw, upright, truth] = right.map(|right| 100.0 * right as f32 / count);
        let (median, readable) = (rolls[rolls.len() / 2], readable / count);
        println!(
            "| {turned} | {count} | {raw:.1} | {upright:.1} | {truth:.1} | {median:.0} | {readable:.2} |"
        );
    }
}

fn find(
    detector: &mut emotiond::detect::FaceFinder,
    plan: &DetectorPlan,
    view: &PictureView,
    side: f32,
) -> Option<Detection> {
    let mut found = Vec::new();
    detector.detect(view, &plan.settings, &mut found).unwrap();
    let middle = (view.width as f32 / 2.0, view.height as f32 / 2.0);
    found.into_iter().find(|face| {
        let (x, y) = face.bounds.center();
        (x - middle.0).hypot(y - middle.1) < 0.4 * side
    })
}
