//! The names of a backbone's layers in torchvision, timm and other projects, in the order of our layers.

use crate::arch::NetworkSpec;

/// A network without its classification head for which weights have been published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backbone {
    /// VGG16.
    Vgg16,
    /// ResNet50 as published and in Keras.
    ResNet50,
    /// ResNet50 with the strides of torchvision.
    ResNet50V15,
    /// DenseNet121.
    DenseNet121,
    /// EfficientNet-B2.
    EfficientNetB2,
    /// EfficientNet-Lite0.
    EfficientNetLite0,
    /// MobileNetV2.
    MobileNetV2,
}

/// One project's names.
#[derive(Clone, Debug)]
pub(super) struct Naming {
    /// The part of the key before `.weight` for each convolution and normalisation.
    pub layers: Vec<String>,
    /// Whether the convolutions have a bias in that project, as they have here.
    pub biases: bool,
    /// The epsilon of its batch normalisation.
    pub epsilon: f64,
}

impl Naming {
    fn new(layers: Vec<String>) -> Self {
        Self { layers, biases: true, epsilon: 1e-5 }
    }
}

impl Backbone {
    /// The backbones of a network: one for each branch, or the only one; empty if there are published weights for none.
    pub fn all_of(spec: &NetworkSpec) -> Vec<Self> {
        match spec.options.branches.as_slice() {
            [] => Self::of(&spec.arch).into_iter().collect(),
            branches => branches.iter().filter_map(|branch| Self::of(branch)).collect(),
        }
    }

    /// The backbone of the architecture or branch called `name`.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "vgg16" | "vgg16_flat" | "vgg16_large" | "vgg16_plain" | "vgg16_small" => Self::Vgg16,
            "resnet50" | "resnet50_large" => Self::ResNet50,
            "resnet50_v15" => Self::ResNet50V15,
            "densenet121" | "densenet121_flat" => Self::DenseNet121,
            "efficientnet_b2" => Self::EfficientNetB2,
            "efficientnet_lite0" => Self::EfficientNetLite0,
            "mobilenet_v2" => Self::MobileNetV2,
            _ => return None,
        })
    }

    /// The name for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vgg16 => "vgg16",
            Self::ResNet50 => "resnet50",
            Self::ResNet50V15 => "resnet50_v15",
            Self::DenseNet121 => "densenet121",
            Self::EfficientNetB2 => "efficientnet_b2",
            Self::EfficientNetLite0 => "efficientnet_lite0",
            Self::MobileNetV2 => "mobilenet_v2",
        }
    }

    /// Number of its convolutions and normalisations.
    pub fn layer_count(self) -> usize {
        self.namings()[0].layers.len()
    }

    /// The naming schemes of its published checkpoints.
    pub(super) fn namings(self) -> Vec<Naming> {
        match self {
            Self::Vgg16 => {
                let places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28];
                vec![Naming::new(places.map(|place| format!("features.{place}")).to_vec())]
            }
            Self::ResNet50 => vec![Naming { epsilon: 1e-3, ..Naming::new(keras_resnet50()) }],
            Self::ResNet50V15 => vec![Naming { biases: false, ..Naming::new(resnet50()) }],
            Self::DenseNet121 => vec![Naming::new(densenet121())],
            Self::EfficientNetB2 => [TORCHVISION_EFFICIENTNET, TIMM]
                .map(|style| style.naming(&[2, 3, 3, 4, 4, 5, 2], true))
                .to_vec(),
            Self::EfficientNetLite0 => {
                [TIMM, LITE].map(|style| style.naming(&[1, 2, 2, 3, 3, 4, 1], false)).to_vec()
            }
            Self::MobileNetV2 => [TORCHVISION_MOBILENET, TIMM, FIRST_MOBILENET]
                .map(|style| style.naming(&[1, 2, 3, 4, 3, 3, 1], false))
                .to_vec(),
        }
    }
}

/// Blocks of ResNet50's stages.
const RESNET50: [usize; 4] = [3, 4, 6, 3];

fn keras_resnet50() -> Vec<String> {
    let mut layers = vec!["conv1".to_owned(), "bn_conv1".to_owned()];
    for (stage, blocks) in (2..).zip(RESNET50) {
        for block in ('a'..).take(blocks) {
            let branches: &[&str] = if block == 'a' { &["2a", "2b", "2c", "1"] } else { &["2a", "2b", "2c"] };
            for branch in branches {
                layers.extend(["res", "bn"].map(|kind| format!("{kind}{stage}{block}_branch{branch}")));
            }
        }
    }
    layers
}

fn resnet50() -> Vec<String> {
    let mut layers = vec!["conv1".to_owned(), "bn1".to_owned()];
    for (stage, blocks) in RESNET50.into_iter().enumerate() {
        for block in 0..blocks {
            let mut names = vec!["conv1", "bn1", "conv2", "bn2", "conv3", "bn3"];
            if block == 0 {
                names.extend(["downsample.0", "downsample.1"]);
            }
            layers.extend(names.iter().map(|name| format!("layer{}.{block}.{name}", stage + 1)));
        }
    }
    layers
}

fn densenet121() -> Vec<String> {
    let mut layers = vec!["features.conv0".to_owned(), "features.norm0".to_owned()];
    for (stage, count) in [6, 12, 24, 16].into_iter().enumerate() {
        if stage > 0 {
            layers.extend(["norm", "conv"].map(|name| format!("features.transition{stage}.{name}")));
        }
        for layer in 1..=count {
            let names = ["norm1", "conv1", "norm2", "conv2"];
            layers.extend(
                names.map(|name| format!("features.denseblock{}.denselayer{layer}.{name}", stage + 1)),
            );
        }
    }
    layers.push("features.norm5".to_owned());
    layers
}

/// A project's names for the parts of a network of inverted residual blocks.
#[derive(Clone, Copy)]
struct Style {
    /// The first convolution and its normalisation.
    stem: [&'static str; 2],
    /// The last convolution and its normalisation.
    head: [&'static str; 2],
    /// Prefix of the names in a block. `stage` counts the stages from 0, `block` the blocks of the stage, and `index`
    /// all blocks.
    prefix: fn(stage: usize, block: usize, index: usize) -> String,
    /// The layers of a block with expansion: three convolutions with their normalisations.
    wide: [&'static str; 6],
    /// The layers of a block without expansion.
    narrow: [&'static str; 4],
    /// The two layers of the gate in a block with expansion, and in one without.
    gates: [[&'static str; 2]; 2],
    epsilon: f64,
}

const TIMM: Style = Style {
    stem: ["conv_stem", "bn1"],
    head: ["conv_head", "bn2"],
    prefix: |stage, block, _| format!("blocks.{stage}.{block}."),
    wide: ["conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"],
    narrow: ["conv_dw", "bn1", "conv_pw", "bn2"],
    gates: [["se.conv_reduce", "se.conv_expand"]; 2],
    epsilon: 1e-5,
};
const TORCHVISION_EFFICIENTNET: Style = Style {
    stem: ["features.0.0", "features.0.1"],
    head: ["features.8.0", "features.8.1"],
    prefix: |stage, block, _| format!("features.{}.{block}.block.", stage + 1),
    wide: ["0.0", "0.1", "1.0", "1.1", "3.0", "3.1"],
    narrow: ["0.0", "0.1", "2.0", "2.1"],
    gates: [["2.fc1", "2.fc2"], ["1.fc1", "1.fc2"]],
    epsilon: 1e-5,
};
const TORCHVISION_MOBILENET: Style = Style {
    stem: ["features.0.0", "features.0.1"],
    head: ["features.18.0", "features.18.1"],
    prefix: |_, _, index| format!("features.{}.conv.", index + 1),
    wide: ["0.0", "0.1", "1.0", "1.1", "2", "3"],
    narrow: ["0.0", "0.1", "1", "2"],
    gates: [[""; 2]; 2],
    epsilon: 1e-5,
};
/// The first implementation for PyTorch, which also numbers the activations.
const FIRST_MOBILENET: Style =
    Style { wide: ["0", "1", "3", "4", "6", "7"], narrow: ["0", "1", "3", "4"], ..TORCHVISION_MOBILENET };
/// PyPI's efficientnet-lite-pytorch, whose weights come from TensorFlow with its epsilon.
const LITE: Style = Style {
    stem: ["_conv_stem", "_bn0"],
    head: ["_conv_head", "_bn1"],
    prefix: |_, _, index| format!("_blocks.{index}."),
    wide: ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"],
    narrow: ["_depthwise_conv", "_bn1", "_project_conv", "_bn2"],
    gates: [[""; 2]; 2],
    epsilon: 1e-3,
};

impl Style {
    /// The names for a network with these numbers of blocks per stage; only the first stage has no expansion.
    fn naming(&self, stages: &[usize; 7], gated: bool) -> Naming {
        let mut layers: Vec<String> = self.stem.map(str::to_owned).to_vec();
        let mut index = 0;
        for (stage, &blocks) in stages.iter().enumerate() {
            for block in 0..blocks {
                let prefix = (self.prefix)(stage, block, index);
                let (names, gate) = match stage {
                    0 => (&self.narrow[..], self.gates[1]),
                    _ => (&self.wide[..], self.gates[0]),
                };
                // The gate comes before the projection convolution.
                let (before, after) = names.split_at(names.len() - 2);
                let gate = if gated { &gate[..] } else { &[] };
                let all = before.iter().chain(gate).chain(after);
                layers.extend(all.map(|name| format!("{prefix}{name}")));
                index += 1;
            }
        }
        layers.extend(self.head.map(str::to_owned));
        Naming { epsilon: self.epsilon, ..Naming::new(layers) }
    }
}
