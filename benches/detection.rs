//! Measures recall and false alarms of each detector for several minimal scores and picture sizes, on pictures with
//! manually annotated boxes. Needs the developers' data.
//!
//! cargo bench --bench detection
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

#[path = "../tests/it/common/judged.rs"]
mod judged;

use emotiond::detect::{DetectorChoice, DetectorConfig, DetectorPlan};
use emotiond_core::runtime::{Runtime, RuntimeConfig};

fn main() {
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    println!(
        "| detector | longest side | minimal score | recall CMU+MIT | false alarms there | recall dlib | false alarms, no faces |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for name in [DetectorChoice::Yunet, DetectorChoice::Centerface, DetectorChoice::Seetaface] {
        for max_side_px in [640, 1280] {
            let config = DetectorConfig {
                name,
                min_score: Some(0.3),
                min_face_px: 8.0,
                max_side_px,
                ..DetectorConfig::default()
            };
            let plan = DetectorPlan::new(&runtime, &config).unwrap();
            let sets = ["cmu_mit", "dlib_faces", "non_face"].map(|set| judged::search(&plan, set));
            for min_score in [0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8] {
                let [cmu_mit, dlib, none] = [0, 1, 2].map(|set| judged::judge(&sets[set], min_score));
                println!(
                    "| {} | {max_side_px} | {min_score:.2} | {:.3} | {} | {:.3} | {} |",
                    plan.name(),
                    cmu_mit.recall(),
                    cmu_mit.false_alarms,
                    dlib.recall(),
                    none.false_alarms
                );
            }
        }
    }
}
