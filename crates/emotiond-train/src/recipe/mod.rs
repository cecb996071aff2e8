//! A recipe contains all settings of a training run as TOML. An unknown key, a key that does not belong to the chosen
//! optimizer or schedule, and a value out of range are errors that name the key and its line.

mod check;
mod optimizer;
mod parse;
mod schedule;
mod search;
mod sections;

pub use optimizer::{OptimizerMethod, OptimizerName, OptimizerSection};
pub use parse::RecipeError;
pub use schedule::{ScheduleName, SchedulePolicy, ScheduleSection};
pub use search::{Choice, Range, SearchMethod, SearchSection};
pub use sections::{
    Activation, AugmentSection, ClassWeights, DataSection, DistillSection, EarlyStopping, FerPlus,
    FitSection, Freeze, HeldOut, Initializer, LabelScheme, LossKind, LossSection, Monitor, NetworkSection,
    PretrainedSection,
};

use emotiond_core::{classify::description::InputSpec, config::MOST_BYTES, files};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A training recipe. Required are only `network.arch`, `optimizer.name` and `optimizer.learning_rate`; some optional
/// sections have required keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The rows to train on, and their labels.
    #[serde(default)]
    pub data: DataSection,
    /// The augmentation of the training pictures.
    #[serde(default)]
    pub augment: AugmentSection,
    /// The network.
    pub network: NetworkSection,
    /// The loss function.
    #[serde(default)]
    pub loss: LossSection,
    /// Other networks' predictions as targets; absent: off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distill: Option<DistillSection>,
    /// The optimizer.
    pub optimizer: OptimizerSection,
    /// The learning rate schedule.
    #[serde(default)]
    pub schedule: ScheduleSection,
    /// Length of the run, batch size, seed and early stopping.
    #[serde(default)]
    pub fit: FitSection,
    /// The keys that a search varies; `fit` ignores this section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSection>,
}

impl Recipe {
    /// Reads the file at `path`, applies the `overrides` (`key.path=value`, the value in TOML or a bare word) and
    /// checks the result.
    ///
    /// # Errors
    /// When the file does not exist, is not a recipe in TOML, or contains an invalid value.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, RecipeError> {
        Self::parse(&read(path)?, &path.display().to_string(), overrides)
    }

    /// The same for a trial of a search: keys that belong to another optimizer or schedule than the chosen one are left
    /// out, and returned.
    ///
    /// # Errors
    /// As for [`Recipe::load`].
    pub fn load_trial(path: &Path, overrides: &[String]) -> Result<(Self, Vec<&'static str>), RecipeError> {
        parse::parse_trial(&read(path)?, &path.display().to_string(), overrides)
    }

    /// The same from text; `name` is used in error messages.
    ///
    /// # Errors
    /// When the text is not a recipe in TOML or contains an invalid value.
    pub fn parse(text: &str, name: &str, overrides: &[String]) -> Result<Self, RecipeError> {
        parse::parse(text, name, overrides)
    }

    /// The recipe as TOML; [`Recipe::parse`] reads it back unchanged.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe can be written as TOML")
    }

    /// The input of the network.
    pub fn input_spec(&self) -> InputSpec {
        self.network.input_spec()
    }
}

fn read(path: &Path) -> Result<String, RecipeError> {
    files::read_text(path, MOST_BYTES).map_err(|source| RecipeError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
