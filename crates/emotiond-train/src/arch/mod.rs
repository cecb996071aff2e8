//! The architectures, by name.

pub mod blocks;
mod branches;
mod cnn_256;
mod cnn_32_64_128;
mod convnet;
pub mod cost;
mod densenet121;
mod efficientnet;
mod four_conv;
mod grow;
mod head;
mod inverted;
pub mod make;
mod mini_xception;
mod mobilenet_v2;
mod options;
mod resnet50;
mod resnet_48;
mod vgg16;

pub use branches::BACKBONES;
pub use grow::{deepen, shallower};
pub use options::Options;

use crate::ops::Maps;
use crate::recipe::NetworkSection;
use blocks::{Block, Dense, Gather};
use burn::module::Module;
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use make::Blocks;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The specification of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkSpec {
    /// The architecture's name, one of [`names`].
    pub arch: String,
    /// Channels of the input: 1 or 3.
    pub channels: usize,
    /// Side of the square input, in pixels.
    pub size: usize,
    /// Classes of the output.
    pub classes: usize,
    /// Dropout probability, if the architecture has dropout; 0 for none.
    pub dropout: f64,
    /// What the architecture leaves open.
    #[serde(flatten)]
    pub options: Options,
}

impl NetworkSpec {
    /// The network of a recipe's section, for this number of classes.
    pub fn of(network: &NetworkSection, classes: usize) -> Self {
        Self {
            arch: network.arch.clone(),
            channels: network.color.channels(),
            size: network.size,
            classes,
            dropout: network.dropout,
            options: Options {
                widths: network.widths.clone(),
                units: network.units.clone(),
                activation: network.activation,
                branches: network.branches.clone(),
                norm_momentum: network.norm_momentum,
            },
        }
    }

    /// The published network called `arch` without dropout.
    pub fn published(arch: &str, channels: usize, size: usize, classes: usize) -> Self {
        Self { arch: arch.to_owned(), channels, size, classes, dropout: 0.0, options: Options::default() }
    }
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { arch, channels, size, classes, dropout, options: _ } = self;
        write!(f, "{arch} ({size}x{size}x{channels} to {classes} classes, dropout {dropout})")
    }
}

/// Why a network cannot be built.
#[derive(Debug, Error, PartialEq)]
pub enum ArchError {
    /// No architecture has this name.
    #[error("there is no architecture {name:?}: use one of {}", names().join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The input is too small or too large for the architecture.
    #[error("{arch} takes inputs of {smallest} to {largest} pixels, not {size}: change network.size")]
    Size {
        /// The architecture.
        arch: &'static str,
        /// The smallest side, in pixels.
        smallest: usize,
        /// The largest side, in pixels.
        largest: usize,
        /// The requested side, in pixels.
        size: usize,
    },
    /// The architecture does not leave this open.
    #[error("network.{key}: {arch} leaves no such choice: remove the key, or use another network.arch")]
    NoChoice {
        /// The architecture.
        arch: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A layer without channels or units.
    #[error("network.{key} has a 0: every layer needs at least one")]
    Zero {
        /// The key.
        key: &'static str,
    },
    /// The number of convolutions does not fit the architecture.
    #[error("network.widths has {given} numbers, but the network has {wanted} convolutions")]
    Widths {
        /// The network's number of convolutions.
        wanted: usize,
        /// The length of the list.
        given: usize,
    },
    /// There are no branches, or one is no backbone.
    #[error("network.branches is {given:?}: list one or more of {}", BACKBONES.map(|(name, _)| name).join(", "))]
    Branches {
        /// The names.
        given: Vec<String>,
    },
}

struct Architecture {
    name: &'static str,
    smallest: usize,
    largest: usize,
    /// The keys of [`Options`] that it leaves open.
    open: &'static [&'static str],
    build: fn(&Blocks, &NetworkSpec) -> Network,
}

/// Choices that architectures leave open.
const NOTHING: &[&str] = &[];
const HEAD: &[&str] = &["units", "activation"];
const CONVOLUTIONS: &[&str] = &["widths", "units", "activation"];
const BRANCHES: &[&str] = &["branches", "units", "activation"];

const fn architecture(
    name: &'static str,
    [smallest, largest]: [usize; 2],
    open: &'static [&'static str],
    build: fn(&Blocks, &NetworkSpec) -> Network,
) -> Architecture {
    Architecture { name, smallest, largest, open, build }
}

const ARCHITECTURES: [Architecture; 20] = [
    architecture("branches", [32, 512], BRANCHES, branches::build),
    architecture("cnn_256", [35, 256], NOTHING, cnn_256::build),
    architecture("cnn_32_64_128", [16, 256], NOTHING, cnn_32_64_128::build),
    architecture("convnet", [28, 256], NOTHING, convnet::build),
    architecture("densenet121_flat", [32, 256], HEAD, densenet121::build),
    architecture("efficientnet_b2", [32, 512], NOTHING, efficientnet::build_b2),
    architecture("efficientnet_lite0", [32, 512], NOTHING, efficientnet::build_lite0),
    architecture("four_conv", [16, 256], CONVOLUTIONS, four_conv::build),
    architecture("four_conv_plain", [16, 256], CONVOLUTIONS, four_conv::build_plain),
    architecture("mini_xception", [20, 512], NOTHING, mini_xception::build),
    architecture("mobilenet_v2", [32, 512], NOTHING, mobilenet_v2::build),
    architecture("resnet50", [32, 512], HEAD, resnet50::build),
    architecture("resnet50_large", [32, 512], HEAD, resnet50::build_large),
    architecture("resnet50_v15", [32, 512], HEAD, resnet50::build_v15),
    architecture("resnet_48", [16, 256], NOTHING, resnet_48::build),
    architecture("resnet_48_deep", [16, 256], NOTHING, resnet_48::build_deep),
    architecture("vgg16_flat", [32, 256], HEAD, vgg16::build_flat),
    architecture("vgg16_large", [32, 512], HEAD, vgg16::build_large),
    architecture("vgg16_plain", [32, 256], HEAD, vgg16::build_plain),
    architecture("vgg16_small", [32, 512], HEAD, vgg16::build_small),
];

/// The names of the architectures.
pub fn names() -> Vec<&'static str> {
    ARCHITECTURES.iter().map(|architecture| architecture.name).collect()
}

/// The weight of a batch in the running statistics, as in torch.
const DEFAULT_MOMENTUM: f64 = 0.1;

/// Builds the network described by `spec` and initialises its weights with `initializer` and the device's generator.
///
/// # Errors
/// When no architecture has that name, or it does not support the input size or an option.
pub fn build(spec: &NetworkSpec, initializer: Initializer, device: &Device) -> Result<Network, ArchError> {
    let architecture = ARCHITECTURES
        .iter()
        .find(|architecture| architecture.name == spec.arch)
        .ok_or_else(|| ArchError::Unknown { name: spec.arch.clone() })?;
    let Architecture { name: arch, smallest, largest, open, build } = *architecture;
    if !(smallest..=largest).contains(&spec.size) {
        return Err(ArchError::Size { arch, smallest, largest, size: spec.size });
    }
    spec.options.check(arch, open)?;
    let norm_momentum = spec.options.norm_momentum.unwrap_or(DEFAULT_MOMENTUM);
    Ok(build(&Blocks { device, initializer, norm_momentum }, spec))
}

/// A network: a body on feature maps, a pooling or flattening step, and a head that computes the logits.
#[derive(Module, Debug)]
pub struct Network {
    /// The blocks from the picture to the last feature maps.
    pub body: Vec<Block>,
    /// How the last feature maps are turned into a vector.
    #[module(skip)]
    pub gather: Gather,
    /// The layers from the vector to the logits; empty if the vector contains the logits.
    pub head: Vec<Dense>,
}

impl Network {
    /// A network of these parts.
    pub fn new(body: Vec<Block>, gather: Gather, head: Vec<Dense>) -> Self {
        Self { body, gather, head }
    }

    /// The logits `[samples, classes]` of pictures `[samples, channels, height, width]`.
    pub fn forward(&self, pictures: Tensor<4>) -> Tensor<2> {
        self.forward_maps(Maps::new(pictures))
    }

    /// The same for maps in any memory order.
    pub fn forward_maps(&self, maps: Maps) -> Tensor<2> {
        self.forward_from(0, maps)
    }

    /// The same from the output of the first `blocks` blocks of the body.
    pub fn forward_from(&self, blocks: usize, maps: Maps) -> Tensor<2> {
        self.classify(self.row(blocks::forward(&self.body[blocks..], maps)))
    }

    /// The feature vectors `[samples, numbers]` of the body's output `maps`.
    pub fn row(&self, maps: Maps) -> Tensor<2> {
        match self.gather {
            Gather::GlobalAverage => maps.global_average(),
            Gather::Flatten => maps.flatten(),
        }
    }

    /// The logits `[samples, classes]` of feature vectors.
    pub fn classify(&self, row: Tensor<2>) -> Tensor<2> {
        self.head.iter().fold(row, |row, layer| layer.forward(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(arch: &str, channels: usize, classes: usize) -> Network {
        let mut spec = NetworkSpec { dropout: 0.5, ..NetworkSpec::published(arch, channels, 48, classes) };
        if arch == "branches" {
            spec.options.branches = vec!["mobilenet_v2".to_owned(), "efficientnet_lite0".to_owned()];
        }
        build(&spec, Initializer::KaimingNormal { gain: 1.0, fan_out_only: false }, &Device::flex()).unwrap()
    }

    #[test]
    fn the_networks_have_their_published_sizes() {
        for (arch, channels, classes, numbers) in [
            ("mini_xception", 1, 7, 58_423),
            // The parameters of the backbone in torchvision and timm, plus those of our head.
            ("densenet121_flat", 3, 3, 7_037_504 + 1024 * 512 + 512 + 4 * 512 + 512 * 3 + 3),
            ("efficientnet_b2", 3, 7, 7_768_562 + 1408 * 128 * 9 + 128 + 128 * 128 + 128 + 128 * 7 + 7),
            ("efficientnet_lite0", 3, 7, 3_413_024 + 1280 * 7 + 7),
            ("mobilenet_v2", 3, 7, 2_257_984 + 1280 * 7 + 7),
        ] {
            assert_eq!(network(arch, channels, classes).num_params(), numbers, "{arch}");
        }
    }

    #[test]
    fn every_architecture_maps_pictures_to_logits() {
        for arch in names() {
            let pictures = Tensor::zeros([3, 1, 48, 48], &Device::flex());
            assert_eq!(network(arch, 1, 7).forward(pictures).dims(), [3, 7], "{arch}");
        }
    }

    #[test]
    fn an_unknown_name_and_an_impossible_size_are_refused() {
        let spec = |arch: &str, size| NetworkSpec::published(arch, 1, size, 7);
        let refusal = |spec| build(&spec, Initializer::Zeros, &Device::flex()).unwrap_err().to_string();
        assert!(refusal(spec("lenet", 48)).contains("mini_xception"));
        assert!(refusal(spec("mini_xception", 12)).contains("20 to 512"));
    }

    #[test]
    fn a_choice_that_an_architecture_does_not_leave_open_is_refused() {
        let refusal = |arch: &str, options: Options| {
            let spec = NetworkSpec { options, ..NetworkSpec::published(arch, 1, 48, 7) };
            build(&spec, Initializer::Zeros, &Device::flex()).unwrap_err().to_string()
        };
        let none = Options::default;
        let units = Options { units: Some(vec![64]), ..none() };
        assert!(refusal("convnet", units).contains("network.units: convnet"));
        assert!(refusal("vgg16_plain", Options { units: Some(vec![0]), ..none() }).contains("at least one"));
        let widths = Options { widths: Some(vec![64; 3]), ..none() };
        assert!(refusal("four_conv", widths).contains("4 convolutions"));
        assert!(refusal("branches", none()).contains("densenet121"));
        let branches = Options { branches: vec!["lenet".to_owned()], ..none() };
        assert!(refusal("branches", branches).contains("lenet"));
    }
}
