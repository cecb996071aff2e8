//! The architectures, by name.

pub mod blocks;
mod cnn_256;
mod cnn_32_64_128;
mod convnet;
pub mod cost;
mod densenet121;
mod efficientnet;
mod four_conv;
mod grow;
mod inverted;
pub mod make;
mod mini_xception;
mod mobilenet_v2;
mod resnet50;
mod resnet_48;
mod two_branch;
mod vgg16;

pub use grow::{deepen, shallower};

use crate::ops::Maps;
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
}

impl fmt::Display for NetworkSpec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { arch, channels, size, classes, dropout } = self;
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
}

struct Architecture {
    name: &'static str,
    smallest: usize,
    largest: usize,
    build: fn(&Blocks, &NetworkSpec) -> Network,
}

const ARCHITECTURES: [Architecture; 18] = [
    Architecture { name: "cnn_256", smallest: 35, largest: 256, build: cnn_256::build },
    Architecture { name: "cnn_32_64_128", smallest: 16, largest: 256, build: cnn_32_64_128::build },
    Architecture { name: "convnet", smallest: 28, largest: 256, build: convnet::build },
    Architecture { name: "densenet121_flat", smallest: 32, largest: 256, build: densenet121::build },
    Architecture { name: "efficientnet_b2", smallest: 32, largest: 512, build: efficientnet::build_b2 },
    Architecture { name: "efficientnet_lite0", smallest: 32, largest: 512, build: efficientnet::build_lite0 },
    Architecture { name: "four_conv", smallest: 16, largest: 256, build: four_conv::build },
    Architecture { name: "four_conv_1028", smallest: 16, largest: 256, build: four_conv::build_1028 },
    Architecture { name: "four_conv_256", smallest: 16, largest: 256, build: four_conv::build_256 },
    Architecture { name: "mini_xception", smallest: 20, largest: 512, build: mini_xception::build },
    Architecture { name: "mobilenet_v2", smallest: 32, largest: 512, build: mobilenet_v2::build },
    Architecture { name: "resnet50", smallest: 32, largest: 512, build: resnet50::build },
    Architecture { name: "resnet_48", smallest: 16, largest: 256, build: resnet_48::build },
    Architecture { name: "resnet_48_deep", smallest: 16, largest: 256, build: resnet_48::build_deep },
    Architecture { name: "two_branch", smallest: 32, largest: 512, build: two_branch::build },
    Architecture { name: "vgg16_flat", smallest: 32, largest: 256, build: vgg16::build_flat },
    Architecture { name: "vgg16_large", smallest: 32, largest: 512, build: vgg16::build_large },
    Architecture { name: "vgg16_small", smallest: 32, largest: 512, build: vgg16::build_small },
];

/// The names of the architectures.
pub fn names() -> Vec<&'static str> {
    ARCHITECTURES.iter().map(|architecture| architecture.name).collect()
}

/// Builds the network described by `spec` and initialises its weights with `initializer` and the device's generator.
///
/// # Errors
/// When no architecture has that name or it does not support the input size.
pub fn build(spec: &NetworkSpec, initializer: Initializer, device: &Device) -> Result<Network, ArchError> {
    let architecture = ARCHITECTURES
        .iter()
        .find(|architecture| architecture.name == spec.arch)
        .ok_or_else(|| ArchError::Unknown { name: spec.arch.clone() })?;
    let Architecture { name: arch, smallest, largest, build } = *architecture;
    if !(smallest..=largest).contains(&spec.size) {
        return Err(ArchError::Size { arch, smallest, largest, size: spec.size });
    }
    Ok(build(&Blocks { device, initializer }, spec))
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
        let spec = NetworkSpec { arch: arch.to_owned(), channels, size: 48, classes, dropout: 0.5 };
        build(&spec, Initializer::KaimingNormal { gain: 1.0, fan_out_only: false }, &Device::flex()).unwrap()
    }

    #[test]
    fn the_networks_have_their_published_sizes() {
        for (arch, channels, classes, numbers) in [
            ("convnet", 1, 7, 89_479),
            ("cnn_32_64_128", 1, 7, 730_855),
            ("mini_xception", 1, 7, 58_423),
            ("mini_xception", 1, 6, 57_270),
            ("vgg16_small", 3, 7, 14_781_767),
            ("vgg16_large", 3, 7, 15_382_683),
            ("resnet50", 3, 7, 23_858_695),
            // The parameters of the backbone in torchvision and timm, plus those of our head.
            ("densenet121_flat", 3, 3, 7_037_504 + 1024 * 512 + 512 + 4 * 512 + 512 * 3 + 3),
            ("efficientnet_b2", 3, 7, 7_768_562 + 1408 * 128 * 9 + 128 + 128 * 128 + 128 + 128 * 7 + 7),
            ("efficientnet_lite0", 3, 7, 3_413_024 + 1280 * 7 + 7),
            ("mobilenet_v2", 3, 7, 2_257_984 + 1280 * 7 + 7),
            ("two_branch", 3, 7, 3_413_024 + 2_257_984 + 2560 * 7 + 7),
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
        let spec = |arch: &str, size| NetworkSpec {
            arch: arch.to_owned(),
            channels: 1,
            size,
            classes: 7,
            dropout: 0.0,
        };
        let refusal = |spec| build(&spec, Initializer::Zeros, &Device::flex()).unwrap_err().to_string();
        assert!(refusal(spec("lenet", 48)).contains("mini_xception"));
        assert!(refusal(spec("mini_xception", 12)).contains("20 to 512"));
    }
}
