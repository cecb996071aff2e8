//! `[network]` and `[network.pretrained]`.

use super::one_of;
use emotiond_core::{classify::description::InputSpec, levels::Levels, picture::Color};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Mean of ImageNet's pixels, 0 to 255: red, green, blue.
const IMAGENET_MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Their standard deviations.
const IMAGENET_DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];

/// How weights are initialised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initializer {
    /// He et al. 2015, for ReLU.
    #[default]
    He,
    /// Glorot and Bengio 2010.
    Glorot,
}

/// The activation after a dense layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Rectified linear unit.
    #[default]
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// `[network]`: the network and its input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// The architecture's name.
    pub arch: String,
    /// Dropout probability.
    #[serde(default)]
    pub dropout: f64,
    /// Output channels of the convolutions, if the architecture leaves them open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widths: Option<Vec<usize>>,
    /// Units of the dense layers of the head before the last one, if the architecture leaves them open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<usize>>,
    /// `"relu"` or `"tanh"` after these dense layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// Weight of a batch's statistics in the running statistics of batch normalisation; absent: 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_momentum: Option<f64>,
    /// The backbones of `arch = "branches"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// How weights are initialised.
    #[serde(default)]
    pub init: Initializer,
    /// Side of the square input, in pixels.
    #[serde(default = "default_size")]
    pub size: usize,
    /// `gray` or `rgb`.
    #[serde(default = "default_color", with = "color_name")]
    pub color: Color,
    /// Mean that is subtracted from each pixel (0 to 255): one number per channel, or one for all. If the file does not
    /// set it, a parsed recipe contains the default: 127.5, or ImageNet's mean with pretrained weights.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// Factor by which the difference is multiplied: one number per channel, or one for all. The default is 1 / 127.5,
    /// or 1 / ImageNet's standard deviation with pretrained weights.
    #[serde(default)]
    pub scale: Vec<f32>,
    /// `auto` normalises the brightness and contrast of each picture first; `raw` does not.
    #[serde(default)]
    pub levels: Levels,
    /// Pretrained weights; absent: all weights are initialised at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PretrainedSection>,
}

/// The part of a backbone that is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// The whole backbone.
    All,
    /// This many convolutions, counted from the input.
    Convolutions(usize),
}

impl Default for Freeze {
    fn default() -> Self {
        Self::Convolutions(0)
    }
}

/// `[network.pretrained]`: pretrained weights, and how long they are frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedSection {
    /// A checkpoint with torchvision's or timm's key names, `.safetensors` or `.pth`, relative to the working
    /// directory; for branches a list of one checkpoint each.
    #[serde(with = "one_of::path_or_list")]
    pub file: Vec<PathBuf>,
    /// `"all"`, or the number of convolutions of the backbone that are frozen, counted from the input. Batch
    /// normalisation is frozen together with its block.
    #[serde(default)]
    pub freeze: Freeze,
    /// Number of epochs after which everything is trained; absent: what is frozen stays frozen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw_after: Option<usize>,
    /// Factor of the learning rate from then on; absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw_factor: Option<f64>,
}

impl NetworkSection {
    /// Sets the default normalisation if the file has none. Weights from torchvision and timm expect ImageNet's mean
    /// and standard deviation of each channel; gray pictures get the averages of the three channels.
    pub(in crate::recipe) fn complete(&mut self) {
        let (mean, scale) = match (&self.pretrained, self.color) {
            (None, _) => (vec![127.5], vec![1.0 / 127.5]),
            (Some(_), Color::Rgb) => (IMAGENET_MEAN.to_vec(), IMAGENET_DEVIATION.map(|d| 1.0 / d).to_vec()),
            (Some(_), Color::Gray) => {
                let average = |values: [f32; 3]| values.iter().sum::<f32>() / 3.0;
                (vec![average(IMAGENET_MEAN)], vec![1.0 / average(IMAGENET_DEVIATION)])
            }
        };
        for (numbers, default) in [(&mut self.mean, mean), (&mut self.scale, scale)] {
            if numbers.is_empty() {
                *numbers = default;
            }
        }
    }

    /// The input of the network.
    pub fn input_spec(&self) -> InputSpec {
        let per_channel = |numbers: &[f32]| match numbers {
            [one] => vec![*one; self.color.channels()],
            all => all.to_vec(),
        };
        InputSpec {
            color: self.color,
            size: self.size,
            mean: per_channel(&self.mean),
            scale: per_channel(&self.scale),
            levels: self.levels,
            colorless: false,
        }
    }
}

fn default_size() -> usize {
    48
}

fn default_color() -> Color {
    Color::Gray
}

mod color_name {
    use emotiond_core::picture::Color;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Name {
        Gray,
        Rgb,
    }

    pub(super) fn serialize<S: Serializer>(color: &Color, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match color {
            Color::Gray => "gray",
            Color::Rgb => "rgb",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Color, D::Error> {
        Ok(match Name::deserialize(deserializer)? {
            Name::Gray => Color::Gray,
            Name::Rgb => Color::Rgb,
        })
    }
}
