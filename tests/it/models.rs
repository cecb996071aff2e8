//! The models that are part of the project: their metadata, and that the 8-bit model agrees with the original one.

use crate::common::{astronaut, root};
use emotiond_core::{
    classify::{Classifier, ModelConfig, description::InputSpec},
    face::{Framing, InputCutter},
    geometry::BoundingBox,
    levels::Levels,
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};

/// The files, and whether brightness and contrast of their crops are normalised.
const MODELS: [(&str, Levels); 6] = [
    ("emotion.onnx", Levels::Auto),
    ("emotion_int8.onnx", Levels::Auto),
    ("mini_xception.onnx", Levels::Auto),
    ("mini_xception_fer2013.onnx", Levels::Raw),
    ("emotion_fer2013.onnx", Levels::Raw),
    ("emotion_fer2013_int8.onnx", Levels::Raw),
];
const LABELS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
/// The face in the portrait, in pixels.
const FACE: (f32, f32, f32) = (165.0, 55.0, 125.0);

fn load(name: &str) -> Classifier {
    let config = ModelConfig { file: Some(root().join("models").join(name)), ..ModelConfig::default() };
    Classifier::load(&Runtime::load(&RuntimeConfig::default()).unwrap(), &config).unwrap()
}

/// The portrait's face with brightness `light`, cropped for `spec` with slightly varying boxes.
fn faces(spec: &InputSpec, light: f32) -> Vec<f32> {
    let mut portrait = astronaut();
    portrait.iter_mut().for_each(|value| *value = (f32::from(*value) * light).round() as u8);
    let view = PictureView {
        width: portrait.width(),
        height: portrait.height(),
        color: Color::Rgb,
        data: portrait.as_raw(),
    };
    let mut cutter = InputCutter::new(Framing::default(), spec.clone());
    let mut inputs = Vec::new();
    for step in 0..25_u8 {
        let (right, down) = (f32::from(step % 5) * 4.0, f32::from(step / 5) * 4.0);
        let face = BoundingBox::new(FACE.0 + right, FACE.1 + down, FACE.2 - right, FACE.2 - down);
        cutter.append(&view, &face, &mut inputs);
    }
    inputs
}

fn answers(name: &str, light: f32) -> Vec<[f32; 7]> {
    let mut model = load(name);
    let inputs = faces(&model.description().input, light);
    let mut rows = Vec::new();
    model.classify(&inputs, &mut rows).unwrap();
    rows.as_chunks::<7>().0.to_vec()
}

#[test]
fn each_model_describes_itself_and_knows_a_smile() {
    for (name, levels) in MODELS {
        let classifier = load(name);
        let description = classifier.description();
        assert_eq!(description.labels, LABELS, "{name}");
        assert_eq!(description.input, InputSpec { levels, ..InputSpec::fer2013() }, "{name}");
        assert_eq!(description.license.as_deref(), Some("MIT"), "{name}");
        assert!(description.trained_on.as_ref().unwrap().contains("training pictures"), "{name}");
        let size = std::fs::metadata(classifier.path()).unwrap().len();
        assert!(size < 6_000_000, "{name} has {size} bytes");
        for row in answers(name, 1.0) {
            assert!(row[3] > 0.5, "{name}: {row:?}");
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{name}: {row:?}");
        }
    }
}

#[test]
fn the_gray_vgg_knows_a_smile_too() {
    let vgg = load("vgg16_int8.onnx");
    let input =
        InputSpec { mean: vec![114.8], scale: vec![1.0], levels: Levels::Auto, ..InputSpec::fer2013() };
    assert_eq!(
        (vgg.description().input.clone(), vgg.description().labels.clone()),
        (input, LABELS.map(String::from).to_vec())
    );
    assert_eq!(vgg.description().license.as_deref(), Some("MIT"));
    assert!(std::fs::metadata(vgg.path()).unwrap().len() < 16_000_000);
    assert!(answers("vgg16_int8.onnx", 1.0).iter().all(|row| row[3] > 0.5));
}

#[test]
fn eight_bits_say_what_floats_say() {
    for name in ["emotion", "emotion_fer2013"] {
        let (floats, int8s) =
            (answers(&format!("{name}.onnx"), 1.0), answers(&format!("{name}_int8.onnx"), 1.0));
        for (float, int8) in floats.iter().zip(int8s) {
            let furthest = float.iter().zip(int8).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(furthest < 0.1, "{name}: {float:?} {int8:?}");
        }
    }
}

#[test]
fn a_smile_is_a_smile_in_a_tenth_of_the_light() {
    for name in ["emotion.onnx", "emotion_int8.onnx", "mini_xception.onnx"] {
        for (bright, dim) in answers(name, 1.0).iter().zip(answers(name, 0.1)) {
            assert!((bright[3] - dim[3]).abs() < 0.2 && dim[3] > 0.5, "{name}: {bright:?} {dim:?}");
        }
    }
}
