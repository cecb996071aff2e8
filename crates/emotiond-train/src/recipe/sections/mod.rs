//! The sections of a recipe, their defaults and their ranges.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

mod network;
mod one_of;

pub use network::{Activation, Freeze, Initializer, NetworkSection, PretrainedSection};

/// The emotions that a network distinguishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelScheme {
    /// FER2013's own: angry, disgust, fear, happy, sad, surprise, neutral.
    #[default]
    Seven,
    /// As seven, but disgust is merged into angry.
    Six,
    /// Neutral, happy and sad; the other rows are not used.
    Three,
    /// FER2013's seven emotions, but labelled by FER+'s taggers instead of FER2013.
    FerPlus7,
    /// FER+'s eight: neutral, happy, surprise, sad, angry, disgust, fear, contempt.
    FerPlus8,
}

/// Where rows that are not trained on come from.
#[derive(Clone, Debug, PartialEq)]
pub enum HeldOut {
    /// A split of the data by its name.
    Split(String),
    /// This part of the training split, chosen at random with `fit.seed`, the same part of every class.
    Fraction(f64),
}

/// FER+ votes as soft labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FerPlus {
    /// Weight of the vote distribution, 0 to 1; the rest is the original label's.
    pub weight: f64,
    /// Whether to convert the votes into the expected distribution of the data's own labels for such votes, fitted on
    /// the training rows.
    #[serde(default)]
    pub calibrated: bool,
    /// The CSV of votes, relative to the working directory; absent: `ferplus_votes.csv` in the folder of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<PathBuf>,
}

/// `[data]`: the rows to train on, and their labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSection {
    /// The label scheme.
    pub labels: LabelScheme,
    /// Where the validation rows come from, on which the best epoch is chosen: a split's name or a fraction of the
    /// training split.
    pub validation: HeldOut,
    /// Where the test rows come from, on which the chosen network is measured once; absent: no test. A fraction is
    /// drawn from the training split before the validation rows are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<HeldOut>,
    /// FER+ votes as soft labels; absent: the original labels alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ferplus: Option<FerPlus>,
    /// Removes training pictures that repeat another training picture or a validation picture.
    pub drop_duplicates: bool,
    /// Removes training pictures of a single colour.
    pub drop_constant: bool,
    /// Part of the training rows to use, the same part of every emotion, chosen at random with `fit.seed`; 1 for all.
    pub part: f64,
    /// Whether to keep the pictures in a file in the run's folder instead of in memory.
    pub streamed: bool,
}

impl Default for DataSection {
    fn default() -> Self {
        Self {
            labels: LabelScheme::default(),
            validation: HeldOut::Split("PublicTest".to_owned()),
            test: None,
            ferplus: None,
            drop_duplicates: false,
            drop_constant: false,
            part: 1.0,
            streamed: false,
        }
    }
}

/// `[augment]`: random changes of the training pictures in each epoch. A key that is 0 or absent is off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentSection {
    /// Probability of a horizontal flip.
    pub flip: f64,
    /// Largest shift along each axis, in pixels of the network's input.
    pub shift_px: f64,
    /// Largest rotation either way, in degrees.
    pub rotation_deg: f64,
    /// Zoom as `[least, most]`: 1.1 enlarges the face by 10 % (and so crops the picture); absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zoom: Option<[f64; 2]>,
    /// Largest change of brightness, as a part of the full range.
    pub brightness: f64,
    /// Largest change of contrast, as a part: 0.2 multiplies the distance from the mean by 0.8 to 1.2.
    pub contrast: f64,
    /// Probability that a rectangle is erased (Zhong et al. 2017).
    pub erase: f64,
    /// Probability of a small rotation of the head: the picture is rotated in perspective about its vertical axis by at
    /// most 25 degrees and about its horizontal axis by at most 15 degrees.
    pub turn: f64,
    /// Probability that mouth and chin (a mask), the eyes (sunglasses) or a part at the border (a hand) are covered.
    pub cover: f64,
    /// Probability of a gamma curve with an exponent of 0.4 to 2.5.
    pub gamma: f64,
    /// Probability of light from one side: the brightness falls across the picture by 30 to 90 %.
    pub side_light: f64,
    /// Probability of a dim picture, which keeps 6 to 60 % of its brightness.
    pub dim: f64,
    /// Probability of a pale picture, which keeps 15 to 70 % of its contrast, around a random level.
    pub pale: f64,
    /// Probability of a Gaussian blur with a standard deviation of 0.5 to 2 pixels.
    pub blur: f64,
    /// Probability of a motion blur, 3 to 9 pixels long, in any direction.
    pub motion_blur: f64,
    /// Probability of low resolution: the picture is shrunk to 12 to 36 (of 48) pixels and enlarged again.
    pub low_resolution: f64,
    /// Probability of Gaussian sensor noise with a standard deviation of 1 to 16 pixel values (at most 12 % of the
    /// picture's range of values).
    pub noise: f64,
    /// Probability of JPEG compression with a quality of 12 to 70.
    pub jpeg: f64,
    /// The alpha of mixup's Beta distribution (Zhang et al. 2017).
    pub mixup_alpha: f64,
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
    /// Cross-entropy of outputs that went through a ReLU instead of a softmax and are divided by their sum. It becomes
    /// NaN when an output is negative: it shows why no classifier may end so.
    ReluCrossEntropy,
}

/// The weight of each class in the loss.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ClassWeights {
    /// All classes have the same weight.
    #[default]
    None,
    /// In inverse proportion to the class's share of the training rows; the mean over the rows is 1.
    Balanced,
    /// The given weights, in the order of the labels.
    List(Vec<f64>),
}

/// `[loss]`: the loss function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossSection {
    /// The loss function.
    pub kind: LossKind,
    /// The part of each target that is distributed evenly over all classes (Szegedy et al. 2015).
    pub label_smoothing: f64,
    /// `"none"`, `"balanced"`, or a list of one weight per class.
    pub class_weights: ClassWeights,
}

/// What epochs are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The validation accuracy; the highest is the best.
    #[default]
    ValidationAccuracy,
    /// The validation loss; the lowest is the best.
    ValidationLoss,
    /// The training accuracy; the highest is the best.
    TrainingAccuracy,
    /// The training loss; the lowest is the best.
    TrainingLoss,
}

/// Ends a run early when it no longer improves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Number of epochs without an improvement.
    pub patience: usize,
    /// Smallest change that counts as an improvement.
    #[serde(default)]
    pub min_delta: f64,
    /// What must improve.
    #[serde(default)]
    pub monitor: Monitor,
}

/// `[distill]`: other networks' predictions as targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistillSection {
    /// The teacher's ONNX file, relative to the working directory, or a list of files whose predictions are averaged.
    /// They must have the same labels as the network, and the same input except for its normalisation.
    #[serde(with = "one_of::path_or_list")]
    pub teacher: Vec<PathBuf>,
    /// Whether to average the teachers' predictions for the picture and for its mirror image.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
    /// Weight of the teachers' probabilities, 0 to 1; the rest is the data's own target.
    pub weight: f64,
}

/// `[fit]`: length of the run, batch size, seed and early stopping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FitSection {
    /// Number of passes over the training rows.
    pub epochs: usize,
    /// Batch size: pictures per step.
    pub batch: usize,
    /// Seed of all random choices: weights, order, augmentation, dropout, split. At most 2^63 - 1, TOML's largest
    /// integer.
    pub seed: u64,
    /// Decay per step of the moving average of the weights; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ema_decay: Option<f64>,
    /// Gradient clipping: largest Euclidean norm over the gradients of all weights; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// What the best epoch is chosen by; its weights are kept and exported.
    pub best: Monitor,
    /// Early stopping; absent: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
}

impl Default for FitSection {
    fn default() -> Self {
        Self {
            epochs: 60,
            batch: 64,
            seed: 1,
            ema_decay: None,
            clip_norm: None,
            best: Monitor::default(),
            early_stopping: None,
        }
    }
}
