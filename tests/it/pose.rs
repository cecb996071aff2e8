//! Landmarks, pose and readability on real pictures. Needs `../shared/models`.

use crate::common::{Scratch, data, ffmpeg, run_sources, shared, text};
use emotiond::{
    decode::FrameDecoder,
    detect::{DetectorChoice, DetectorConfig, DetectorPlan},
    frame::{Encoding, Frame},
};
use emotiond_core::runtime::{Runtime, RuntimeConfig};
use serde_json::Value;
use std::fs;

/// Eyes, nose and corners of the mouth in the portrait, annotated by hand.
const DRAWN: [(f32, f32); 5] =
    [(202.0, 103.0), (247.0, 103.0), (222.0, 125.0), (201.0, 144.0), (240.0, 144.0)];

fn degrees(face: &Value, key: &str) -> f64 {
    face["pose"][key].as_f64().unwrap_or_else(|| panic!("{key} is missing in {face}"))
}

/// The only face of a picture that ffmpeg generates from the portrait.
fn face_of(scratch: &Scratch, filter: &str) -> Value {
    let picture = text(&scratch.path("picture.png"));
    ffmpeg(&["-i", &text(&data("astronaut.jpg")), "-vf", filter, &picture]);
    let faces = run_sources(&scratch.real(""), &[&picture], &[]).exits(0).faces();
    assert_eq!(faces.len(), 1, "{filter}: {faces:?}");
    faces[0].clone()
}

#[test]
#[ignore = "needs developer data"]
fn landmarks_lie_on_eyes_nose_and_mouth_at_any_size_of_the_search() {
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let file = Some(shared("models/yunet_s_640_640.onnx"));
    let config = DetectorConfig { name: DetectorChoice::Yunet, file, ..DetectorConfig::default() };
    let mut plan = DetectorPlan::new(&runtime, &config).unwrap();
    let mut frame = Frame { encoding: Encoding::PictureFile, ..Frame::default() };
    frame.bytes = fs::read(data("astronaut.jpg")).unwrap();
    FrameDecoder::new(64.0).decode(&mut frame).unwrap();
    for max_side_px in [960, 320] {
        plan.settings.max_side_px = max_side_px;
        let mut found = Vec::new();
        plan.build().unwrap().detect(&frame.picture.view(), &plan.settings, &mut found).unwrap();
        let landmarks = found[0].landmarks.unwrap();
        for (point, (x, y)) in landmarks.0.iter().zip(DRAWN) {
            assert!((point.x - x).hypot(point.y - y) < 7.0, "{max_side_px}: {landmarks:?}");
        }
    }
}

#[test]
#[ignore = "needs developer data"]
fn the_portrait_looks_at_the_camera() {
    let scratch = Scratch::new();
    let face = face_of(&scratch, "null");
    assert_eq!(face["facing"], true);
    assert!(face.get("readable").is_none(), "{face}");
    for key in ["yaw", "pitch", "roll"] {
        assert!(degrees(&face, key).abs() < 15.0, "{face}");
    }
    let mirrored = face_of(&scratch, "hflip");
    assert!((degrees(&mirrored, "yaw") + degrees(&face, "yaw")).abs() < 8.0, "{face} {mirrored}");
}

#[test]
#[ignore = "needs developer data"]
fn a_picture_that_is_turned_has_roll_to_the_same_side() {
    let scratch = Scratch::new();
    let turned = |deg: i32| face_of(&scratch, &format!("scale=960:960,rotate={deg}*PI/180:c=gray"));
    let (left, upright, right) = (turned(-25), turned(0), turned(25));
    let [left, upright, right] = [&left, &upright, &right].map(|face| degrees(face, "roll"));
    assert!(left < upright - 8.0 && upright + 8.0 < right, "{left} {upright} {right}");
}

#[test]
#[ignore = "needs developer data"]
fn thresholds_of_the_configuration_decide_what_faces_the_camera() {
    let scratch = Scratch::new();
    let strict = scratch.real("[pose]\nfacing_yaw_deg = 0.0\n");
    let faces = run_sources(&strict, &["tests/data/astronaut.jpg"], &[]).exits(0).faces();
    assert_eq!(faces[0]["facing"], false, "{}", faces[0]);
}

#[test]
fn a_detector_without_landmarks_tells_no_pose() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny(""), &["tests/data/astronaut.jpg"], &[]).exits(0);
    let face = &ran.faces()[0];
    assert!(face.get("pose").is_none() && face.get("facing").is_none(), "{face}");
}

/// Three seconds of the portrait with a filter, ten frames each.
fn clip(scratch: &Scratch, filter: &str) -> String {
    let path = text(&scratch.path("clip.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    let input = ["-loop", "1", "-framerate", "10", "-i", &portrait, "-frames:v", "30", "-vf", filter];
    ffmpeg(&[&input[..], &["-pix_fmt", "yuv420p", "-qp", "10", &path]].concat());
    path
}

#[test]
#[ignore = "needs developer data"]
fn attention_is_summed_up_at_the_end_and_over_the_audience() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.real(""), &[&clip(&scratch, "null")], &[]).exits(0);
    let faces = ran.faces();
    let end = faces.last().unwrap();
    assert_eq!(end["phase"], "end");
    assert_eq!(end["facing_s"], end["duration_s"]);
    assert!(faces.iter().filter(|face| face["phase"] != "end").all(|face| face.get("facing_s").is_none()));
    let audience = ran.events().into_iter().find(|event| event["type"] == "audience").unwrap();
    assert_eq!(audience["facing"], 1.0);
}

#[test]
#[ignore = "needs developer data"]
fn what_cannot_be_read_keeps_the_emotion_and_says_so_where_it_never_could() {
    let scratch = Scratch::new();
    let blurred = face_of(&scratch, "gblur=sigma=8:steps=6");
    assert_eq!(blurred["readable"], false, "{blurred}");
    let clip = clip(&scratch, "gblur=sigma=8:steps=6:enable='between(t,0.95,1.95)'");
    let faces = |by_readability: bool| {
        let smoothing = format!("[smoothing]\nby_readability = {by_readability}\ntime_constant_s = 0.0\n");
        let ran = run_sources(&scratch.real(&smoothing), &[&clip], &["--emit", "every-frame"]).exits(0);
        let faces: Vec<Value> = ran.faces().into_iter().filter(|face| face["phase"] != "end").collect();
        assert!(faces.len() > 25, "the face is followed through the blur: {}", faces.len());
        assert!(faces.iter().all(|face| face.get("readable").is_none()), "it could be read at first");
        faces
    };
    let happy = |face: &Value| face["probabilities"]["happy"].as_f64().unwrap();
    assert!(faces(true).iter().all(|face| happy(face) > 0.9), "the blur changes nothing");
    assert!(faces(false).iter().any(|face| happy(face) < 0.9), "the blur is read");
}

#[test]
#[ignore = "needs developer data"]
fn a_head_that_turns_away_and_back_is_told_of_and_does_not_flicker() {
    let scratch = Scratch::new();
    let clip = text(&shared("data/video/head-pose-face-detection-female.gif"));
    let faces = run_sources(&scratch.real(""), &[&clip], &[]).exits(0).faces();
    let ways: Vec<bool> = faces.iter().map(|face| face["facing"].as_bool().unwrap()).collect();
    let turns = ways.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((1..=4).contains(&turns), "{ways:?}");
    let alone = |pair: &[Value]| {
        pair[1]["phase"] == "update"
            && pair[0]["facing"] != pair[1]["facing"]
            && pair[0]["emotion"] == pair[1]["emotion"]
    };
    assert!(faces.windows(2).any(alone), "to look at the camera is worth a line: {faces:?}");
    let end = faces.last().unwrap();
    let (facing_s, duration_s) = (end["facing_s"].as_f64().unwrap(), end["duration_s"].as_f64().unwrap());
    assert!(facing_s > 0.0 && facing_s < duration_s, "{end}");
    // In the frames, her head is visibly turned to the picture's left at first and to its right later.
    let every = run_sources(&scratch.real(""), &[&clip], &["--emit", "every-frame"]).exits(0).faces();
    let yaws: Vec<f64> = every.iter().map(|face| degrees(face, "yaw")).collect();
    let most = yaws.iter().copied().fold(f64::MIN, f64::max);
    assert!(yaws[0] < -30.0 && most > 20.0, "{yaws:?}");
}
