//! How many faces the detectors find, on the developers' pictures with boxes drawn by hand (`../shared`).

use crate::common::judged::{Score, judge, search, search_changed};
use emotiond::{
    decode::FrameDecoder,
    detect::{DetectorChoice, DetectorConfig, DetectorPlan},
    frame::{Encoding, Frame},
};
use emotiond_core::runtime::{Runtime, RuntimeConfig};
use std::{fs, path::PathBuf};
use test_support::shared;

fn plan(name: DetectorChoice) -> DetectorPlan {
    let file: Option<PathBuf> =
        (name == DetectorChoice::Yunet).then(|| shared("models/yunet_s_640_640.onnx"));
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    DetectorPlan::new(&runtime, &DetectorConfig { name, file, min_face_px: 8.0, ..DetectorConfig::default() })
        .unwrap()
}

fn score(plan: &DetectorPlan, set: &str) -> Score {
    judge(&search(plan, set), plan.settings.min_score)
}

#[test]
#[ignore = "needs developer data"]
fn yunet_finds_nine_faces_of_ten_with_few_false_alarms() {
    let plan = plan(DetectorChoice::Yunet);
    let group = score(&plan, "cmu_mit");
    assert!(group.recall() >= 0.90, "recall {:.3}", group.recall());
    assert!(group.false_alarms <= 15, "{} false alarms", group.false_alarms);
    assert!(score(&plan, "non_face").false_alarms <= 3);
    assert!(score(&plan, "dlib_faces").recall() >= 0.90);
}

#[test]
#[ignore = "needs developer data"]
fn faces_are_found_in_the_dark_and_in_fog() {
    let dark: fn(u8) -> u8 = |pixel| pixel / 10;
    for (detector, light, least) in [
        (DetectorChoice::Yunet, dark, 0.88),
        (DetectorChoice::Yunet, |pixel| pixel / 5 + 90, 0.88),
        (DetectorChoice::Seetaface, dark, 0.7),
    ] {
        let plan = plan(detector);
        let [faces, none] = ["cmu_mit", "non_face"]
            .map(|set| judge(&search_changed(&plan, set, light), plan.settings.min_score));
        assert!(faces.recall() >= least, "{}: recall {:.3}", plan.name(), faces.recall());
        assert!(none.false_alarms <= 6, "{}: {} false alarms", plan.name(), none.false_alarms);
    }
}

#[test]
#[ignore = "needs developer data"]
fn seetaface_finds_frontal_faces() {
    let plan = plan(DetectorChoice::Seetaface);
    assert!(score(&plan, "cmu_mit").recall() >= 0.60);
    assert!(score(&plan, "non_face").false_alarms <= 10);
}

#[test]
#[ignore = "needs developer data"]
fn the_smallest_face_is_what_the_setting_says() {
    for name in [DetectorChoice::Yunet, DetectorChoice::Seetaface] {
        let mut plan = plan(name);
        for min_face_px in [20.0, 40.0, 80.0] {
            plan.settings.min_face_px = min_face_px;
            let mut detector = plan.build().unwrap();
            let mut frame = Frame { encoding: Encoding::PictureFile, ..Frame::default() };
            frame.bytes = fs::read(shared("data/detection/cmu_mit/ew-friends.jpg")).unwrap();
            FrameDecoder::new(64.0).decode(&mut frame).unwrap();
            let mut found = Vec::new();
            detector.detect(&frame.picture.view(), &plan.settings, &mut found).unwrap();
            assert!(
                found.iter().all(|face| face.bounds.w.max(face.bounds.h) >= min_face_px),
                "{}",
                plan.name()
            );
        }
    }
}
