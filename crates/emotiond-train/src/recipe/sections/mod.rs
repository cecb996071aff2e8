//! The sections of a recipe, their defaults and their ranges.

use emotiond_core::{classify::description::InputSpec, levels::Levels, picture::Color};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

mod one_of;

/// Of ImageNet's pixels, 0 to 255: red, green, blue.
const IMAGENET_MEAN: [f32; 3] = [123.675, 116.28, 103.53];
/// Their standard deviations.
const IMAGENET_DEVIATION: [f32; 3] = [58.395, 57.12, 57.375];

/// The emotions that a network tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelScheme {
    /// FER2013's own: angry, disgust, fear, happy, sad, surprise, neutral.
    #[default]
    Seven,
    /// Disgust counts as angry.
    Six,
    /// Neutral, happy and sad; the other rows are left out.
    Three,
    /// FER2013's seven, but what FER+'s taggers say counts in place of FER2013's own label.
    FerPlus7,
    /// FER+'s eight: neutral, happy, surprise, sad, angry, disgust, fear, contempt.
    FerPlus8,
}

/// Where the validation rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// A split of the data by its name.
    Split(String),
    /// This part of the training split, drawn by `fit.seed`, the same part of every class.
    Fraction(f64),
}

/// FER+ votes as soft labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FerPlus {
    /// Weight of the vote distribution, 0 to 1; the rest is the original label's.
    pub weight: f64,
    /// Turns the votes into the distribution of the data's own labels under such votes, fitted on the training rows.
    #[serde(default)]
    pub calibrated: bool,
    /// The CSV of votes, from where the program runs; absent: `ferplus_votes.csv` beside the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<PathBuf>,
}

/// `[data]`: which rows are trained on and what they are called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSection {
    /// The emotions that are told apart.
    pub labels: LabelScheme,
    /// Where the validation rows come from: a split's name or a fraction of the training split.
    pub validation: Validation,
    /// FER+ votes as soft labels; absent: the original labels alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ferplus: Option<FerPlus>,
    /// Leaves out training pictures that repeat another training picture or one of the validation rows.
    pub drop_duplicates: bool,
    /// Leaves out training pictures of a single colour.
    pub drop_constant: bool,
    /// Part of the training rows that are trained on, the same part of every emotion, drawn by `fit.seed`; 1 for all.
    pub part: f64,
}

impl Default for DataSection {
    fn default() -> Self {
        Self {
            labels: LabelScheme::default(),
            validation: Validation::Split("PublicTest".to_owned()),
            ferplus: None,
            drop_duplicates: false,
            drop_constant: false,
            part: 1.0,
        }
    }
}

/// `[augment]`: how training pictures are changed, anew in each epoch. A key that is 0 or absent is off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentSection {
    /// Probability of a mirrored picture.
    pub flip: f64,
    /// Largest shift along each axis, in pixels of the network's input.
    pub shift_px: f64,
    /// Largest rotation either way, in degrees.
    pub rotation_deg: f64,
    /// Zoom as `[least, most]`: 1.1 enlarges the face by a tenth (and so crops the picture); absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoom: Option<[f64; 2]>,
    /// Largest change of brightness, as a part of the full range.
    pub brightness: f64,
    /// Largest change of contrast, as a part: 0.2 multiplies the distance from the mean by 0.8 to 1.2.
    pub contrast: f64,
    /// Probability that a rectangle is erased (Zhong et al. 2017).
    pub erase: f64,
    /// Probability of a small turn of the head: the picture turned about its upright and its level axis by at most 25
    /// and 15 degrees, in perspective.
    pub turn: f64,
    /// Probability that mouth and chin (a mask), the eyes (sunglasses) or a part at the border (a hand) are covered.
    pub cover: f64,
    /// Probability of a curve of exponent 0.4 to 2.5 over the pixel values.
    pub gamma: f64,
    /// Probability of light from one side: a ramp over the picture, 0.3 to 0.9 of full range.
    pub side_light: f64,
    /// Probability of a dim picture: 6 to 60 % of its brightness.
    pub dim: f64,
    /// Probability of a pale picture: 15 to 70 % of its contrast, about a level of its own.
    pub pale: f64,
    /// Probability of a Gaussian blur, of a standard deviation from 0.5 to 2 pixels.
    pub blur: f64,
    /// Probability of a motion blur, 3 to 9 pixels long, in any direction.
    pub motion_blur: f64,
    /// Probability of low resolution: the picture shrunk to 12 to 36 pixels (of 48) and enlarged again.
    pub low_resolution: f64,
    /// Probability of a sensor's noise, Gaussian, of a standard deviation from 1 to 16 pixel values (at most 12 % of
    /// the picture's own range).
    pub noise: f64,
    /// Probability of JPEG compression, of quality 12 to 70.
    pub jpeg: f64,
    /// The alpha of mixup's Beta distribution (Zhang et al. 2017).
    pub mixup_alpha: f64,
}

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

/// `[network]`: what is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// The architecture's name.
    pub arch: String,
    /// Probability that dropout clears a feature.
    #[serde(default)]
    pub dropout: f64,
    /// How weights are initialised.
    #[serde(default)]
    pub init: Initializer,
    /// Side of the square input, in pixels.
    #[serde(default = "default_size")]
    pub size: usize,
    /// `gray` or `rgb`.
    #[serde(default = "default_color", with = "color_name")]
    pub color: Color,
    /// What is subtracted from a pixel (0 to 255): one number a channel, or one for all. A recipe that was read holds
    /// its default where the file has none: 127.5, or with pretrained weights what ImageNet's pictures have.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// What the difference is multiplied by: one number a channel, or one for all; likewise.
    #[serde(default)]
    pub scale: Vec<f32>,
    /// `auto` takes brightness and contrast out of each picture first; `raw` leaves them.
    #[serde(default)]
    pub levels: Levels,
    /// Weights that others trained; absent: all are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PretrainedSection>,
}

/// Which blocks of a backbone keep their pretrained weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// The whole backbone.
    All,
    /// This many blocks from the picture on.
    Blocks(usize),
}

impl Default for Freeze {
    fn default() -> Self {
        Self::Blocks(0)
    }
}

/// `[network.pretrained]`: weights that others trained, and how long they are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedSection {
    /// A checkpoint with torchvision's or timm's key names, `.safetensors` or `.pth`, from where the program runs.
    pub file: PathBuf,
    /// `"all"`, or how many blocks of the backbone keep their weights and running statistics.
    #[serde(default)]
    pub freeze: Freeze,
    /// Epochs after which everything is trained; absent: what is frozen stays so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw_after: Option<usize>,
    /// What the learning rate is multiplied by from then on; absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thaw_factor: Option<f64>,
}

impl NetworkSection {
    /// Fills in the normalisation where the file has none. Weights made by torchvision and timm expect ImageNet's mean
    /// and standard deviation, each channel's own; gray pictures get the means of the three.
    pub(super) fn complete(&mut self) {
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

    /// The pixels that the network takes.
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
        }
    }
}

/// The loss function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Cross-entropy against the target distribution.
    #[default]
    CrossEntropy,
    /// Mean squared error between probabilities and target distribution.
    Mse,
}

/// How much each class counts in the loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// All the same.
    #[default]
    None,
    /// In inverse proportion to the class's share of the training rows; the mean over the rows is 1.
    Balanced,
    /// As listed, in the order of the labels.
    List(Vec<f64>),
}

/// `[loss]`: what is minimised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossSection {
    /// The loss function.
    pub kind: LossKind,
    /// The part of each target that is spread evenly over all classes (Szegedy et al. 2015).
    pub label_smoothing: f64,
    /// `"none"`, `"balanced"`, or a list of one weight a class.
    pub class_weights: ClassWeights,
}

/// When a run that no longer gains ends early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without a gain.
    pub patience: usize,
    /// A rise of the validation accuracy (0 to 1) that counts as a gain.
    #[serde(default)]
    pub min_delta: f64,
}

/// `[distill]`: other networks' answers as targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillSection {
    /// The teacher's ONNX file, from where the program runs, or a list of files whose mean teaches; they take the same
    /// input and tell the same labels apart.
    #[serde(with = "one_of::path_or_list")]
    pub teacher: Vec<PathBuf>,
    /// Whether they look at the picture's mirror image too, and the mean of both answers counts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
    /// Weight of their probabilities, 0 to 1; the rest is the data's own target.
    pub weight: f64,
}

/// `[fit]`: how long and how the run goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitSection {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Pictures a step.
    pub batch: usize,
    /// Seed of all that is drawn: weights, order, augmentation, dropout, split. At most 2^63 - 1, TOML's largest.
    pub seed: u64,
    /// Decay a step of the moving average of the weights; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema_decay: Option<f64>,
    /// Longest gradient, as the Euclidean norm over all weights; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Ends the run early; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Default for FitSection {
    fn default() -> Self {
        Self { epochs: 60, batch: 64, seed: 1, ema_decay: None, clip_norm: None, early_stopping: None }
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
