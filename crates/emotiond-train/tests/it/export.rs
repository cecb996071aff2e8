//! Compares the trainer's forward pass with ONNX Runtime on the exported model.

use burn::{
    module::Module,
    nn::Initializer,
    tensor::{Device, Distribution, Tensor, TensorData},
};
use emotiond_core::{
    classify::{
        Classifier, ModelConfig,
        description::{Description, InputSpec},
    },
    face,
    runtime::{Runtime, RuntimeConfig},
};
use emotiond_train::{
    arch::{self, Network, NetworkSpec},
    calibration::softmax,
    dataset::Dataset,
    export,
};
use test_support::shared;

const TEMPERATURE: f32 = 1.3;

/// A network whose running statistics have been updated with several batches.
fn network(arch: &str) -> Network {
    let device = Device::flex().autodiff();
    device.seed(7);
    let mut spec = NetworkSpec { dropout: 0.3, ..NetworkSpec::published(arch, 1, 48, 7) };
    // Six passes are enough to settle.
    spec.options.norm_momentum = Some(0.5);
    if arch == "branches" {
        spec.options.branches = ["mobilenet_v2", "resnet50"].map(str::to_owned).to_vec();
    }
    let initializer = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false };
    let network = arch::build(&spec, initializer, &device).unwrap();
    for _ in 0..6 {
        let faces = Tensor::random([4, 1, 48, 48], Distribution::Normal(0.0, 0.5), &device);
        // Without it, what each pass computes is kept for all of them.
        network.forward(faces).sum().backward();
    }
    network.valid()
}

fn description() -> Description {
    Description {
        labels: emotiond_core::labels::FER2013_LABELS.map(str::to_owned).to_vec(),
        input: InputSpec::fer2013(),
        license: Some("MIT".to_owned()),
        trained_on: None,
        accuracy: None,
    }
}

/// The largest difference between a probability of the trainer and of ONNX Runtime on `faces`.
fn largest_difference(arch: &str, faces: &[Vec<u8>]) -> f32 {
    let network = network(arch);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    export::save(&network, TEMPERATURE, &description(), &path).unwrap();
    let config = ModelConfig { file: Some(path), ..ModelConfig::default() };
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let mut classifier = Classifier::load(&runtime, &config).unwrap();
    assert_eq!(*classifier.description(), description());

    let mut inputs = vec![0.0; faces.len() * 48 * 48];
    for (face, input) in faces.iter().zip(inputs.chunks_exact_mut(48 * 48)) {
        face::normalize(face, &InputSpec::fer2013(), input);
    }
    let mut served = Vec::new();
    classifier.classify(&inputs, &mut served).unwrap();
    let inputs = TensorData::new(inputs, [faces.len(), 1, 48, 48]);
    let logits = network.forward(Tensor::from_data(inputs, &Device::flex())).into_data();
    let trained = softmax(logits.as_slice().unwrap(), 7, f64::from(TEMPERATURE));
    assert!(trained.iter().any(|p| (p - 1.0 / 7.0).abs() > 5e-3), "{arch}: the output is not uniform");
    trained.iter().zip(&served).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_architecture_says_the_same_in_onnx_runtime() {
    let face = |seed: usize| (0..48 * 48).map(|i| ((i * (seed + 3) + i * i / 97) % 256) as u8).collect();
    let faces: Vec<Vec<u8>> = (0..5).map(face).collect();
    for arch in arch::names() {
        let difference = largest_difference(arch, &faces);
        // Rounding errors add up over the layers of random weights, and convolutions in tiles round more than others.
        let bound = match arch {
            "branches" | "resnet50_large" => 5e-4,
            "efficientnet_b2" | "resnet50" | "resnet50_v15" => 1e-4,
            "vgg16_flat" | "vgg16_large" | "vgg16_plain" | "vgg16_small" => 5e-5,
            _ => 1e-5,
        };
        assert!(difference <= bound, "{arch}: {difference}");
    }
}

#[test]
#[ignore = "needs developer data"]
fn on_real_faces_too() {
    let path = shared("data/fer2013/fer2013.csv.gz");
    let dataset = Dataset::load(&path, &InputSpec::fer2013()).unwrap();
    let faces: Vec<Vec<u8>> =
        dataset.samples.iter().step_by(500).map(|sample| sample.pixels.read().into_owned()).collect();
    assert!(faces.len() > 50);
    let difference = largest_difference("mini_xception", &faces);
    assert!(difference <= 1e-5, "{difference}");
}
