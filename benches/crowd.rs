//! Measures which faces of a full house YuNet finds, and in what time: with one search of the whole picture at several
//! sizes, and with tiles. Needs the developers' data.
//!
//! cargo bench --bench crowd
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

#[path = "../tests/it/common/crowd.rs"]
mod crowd;
#[path = "../tests/it/common/judged.rs"]
#[expect(dead_code, reason = "the detectors' test uses the rest of it")]
mod judged;

use cpu_time::ThreadTime;
use crowd::{Crowd, crowd, side};
use emotiond::detect::{DetectorChoice, DetectorConfig, DetectorPlan, TileRule};
use emotiond_core::{
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};
use test_support::Truth;

const SIZES: [f32; 6] = [24.0, 30.0, 36.0, 42.0, 48.0, 60.0];
/// Faces are counted by the size to which theirs is nearest, from one limit to the next.
const LIMITS: [f32; 6] = [16.0, 21.0, 27.0, 42.0, 54.0, 80.0];
const ROUNDS: usize = 9;

fn main() {
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let scene = crowd(3840, 2160, &SIZES);
    println!("{} faces in 3840x2160", scene.truths.len());
    let ranges: Vec<String> =
        LIMITS.windows(2).map(|limits| format!("{} to {} px", limits[0], limits[1])).collect();
    println!(
        "| longest side | tiles | smallest face | {} | false alarms | processor time, ms |",
        ranges.join(" | ")
    );
    println!("|---:|---|---:|{}---:|---:|", "---:|".repeat(ranges.len()));
    for (max_side_px, tiles, min_face_px) in [
        (960, TileRule::Off, 16.0),
        (1920, TileRule::Off, 16.0),
        (3840, TileRule::Off, 16.0),
        (960, TileRule::Auto, 48.0),
        (960, TileRule::Auto, 32.0),
        (960, TileRule::Auto, 24.0),
        (960, TileRule::Auto, 16.0),
    ] {
        let name = DetectorChoice::Yunet;
        let config = DetectorConfig { name, max_side_px, tiles, min_face_px, ..DetectorConfig::default() };
        measure(&DetectorPlan::new(&runtime, &config).unwrap(), &config, &scene);
    }
}

fn measure(plan: &DetectorPlan, config: &DetectorConfig, scene: &Crowd) {
    let picture = &scene.picture;
    let view = PictureView::new(picture.width(), picture.height(), Color::Rgb, picture.as_raw());
    let (mut finder, mut found) = (plan.build().unwrap(), Vec::new());
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = ThreadTime::now();
            finder.detect(&view, &plan.settings, &mut found).unwrap();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let missed = judged::missed(&found, scene.truths.clone());
    let within = |truths: &[Truth], limits: &[f32]| {
        truths.iter().filter(|truth| (limits[0]..limits[1]).contains(&side(truth))).count()
    };
    let recalls = LIMITS.windows(2).map(|limits| {
        let all = within(&scene.truths, limits);
        format!("{:.3} of {all}", 1.0 - within(&missed, limits) as f64 / all as f64)
    });
    println!(
        "| {} | {:?} | {} | {} | {} | {:.0} |",
        config.max_side_px,
        config.tiles,
        config.min_face_px,
        recalls.collect::<Vec<_>>().join(" | "),
        found.len() + missed.len() - scene.truths.len(),
        times[ROUNDS / 2]
    );
}
