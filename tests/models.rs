//! The models that come with the project: what their files say, and that the 8-bit one is the other one's likeness.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::{astronaut, root};
use emotiond::{
    classify::{Classifier, description::InputSpec},
    config::{ModelConfig, RuntimeConfig},
    face::{Framing, InputCutter},
    geometry::BoundingBox,
    picture::{Color, PictureView},
    runtime::Runtime,
};

const MODELS: [&str; 3] = ["emotion.onnx", "emotion_int8.onnx", "mini_xception.onnx"];
const LABELS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
/// The face in the portrait, in pixels.
const FACE: (f32, f32, f32) = (165.0, 55.0, 125.0);

fn load(name: &str) -> Classifier {
    let config = ModelConfig { file: Some(root().join("models").join(name)), ..ModelConfig::default() };
    Classifier::load(&Runtime::load(&RuntimeConfig::default()).unwrap(), &config).unwrap()
}

/// The portrait's face, cut as a detector's box wanders.
fn faces() -> Vec<f32> {
    let portrait = astronaut();
    let view = PictureView {
        width: portrait.width(),
        height: portrait.height(),
        color: Color::Rgb,
        data: portrait.as_raw(),
    };
    let mut cutter = InputCutter::new(Framing::default(), InputSpec::fer2013());
    let mut inputs = Vec::new();
    for step in 0..25_u8 {
        let (right, down) = (f32::from(step % 5) * 4.0, f32::from(step / 5) * 4.0);
        let face = BoundingBox::new(FACE.0 + right, FACE.1 + down, FACE.2 - right, FACE.2 - down);
        cutter.append(&view, &face, &mut inputs);
    }
    inputs
}

fn answers(name: &str) -> Vec<[f32; 7]> {
    let mut rows = Vec::new();
    load(name).classify(&faces(), &mut rows).unwrap();
    rows.as_chunks::<7>().0.to_vec()
}

#[test]
fn each_model_describes_itself_and_knows_a_smile() {
    for name in MODELS {
        let classifier = load(name);
        let description = classifier.description();
        assert_eq!(description.labels, LABELS, "{name}");
        assert_eq!(description.input, InputSpec::fer2013(), "{name}");
        assert_eq!(description.license.as_deref(), Some("MIT"), "{name}");
        assert!(description.trained_on.as_ref().unwrap().contains("training pictures"), "{name}");
        let size = std::fs::metadata(classifier.path()).unwrap().len();
        assert!(size < 6_000_000, "{name} has {size} bytes");
        for row in answers(name) {
            assert!(row[3] > 0.5, "{name}: {row:?}");
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{name}: {row:?}");
        }
    }
}

#[test]
fn eight_bits_say_what_floats_say() {
    for (float, int8) in answers("emotion.onnx").iter().zip(answers("emotion_int8.onnx")) {
        let furthest = float.iter().zip(int8).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 0.1, "{float:?} {int8:?}");
    }
}
