//! A recipe: all that decides how a model is trained, as strict TOML. An unknown key, a key that does not belong to
//! the chosen optimizer or schedule, and a figure out of range are errors that name the key and its line.

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
    AugmentSection, ClassWeights, DataSection, DistillSection, EarlyStopping, FerPlus, FitSection, Freeze,
    Initializer, LabelScheme, LossKind, LossSection, NetworkSection, PretrainedSection, Validation,
};

use emotiond_core::classify::description::InputSpec;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A training recipe. Every section and key but `network.arch` and `optimizer.learning_rate` has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Which rows are trained on and what they are called.
    #[serde(default)]
    pub data: DataSection,
    /// How pictures are changed from epoch to epoch.
    #[serde(default)]
    pub augment: AugmentSection,
    /// What is trained.
    pub network: NetworkSection,
    /// What is minimised.
    #[serde(default)]
    pub loss: LossSection,
    /// Another network's answers as targets; absent: off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distill: Option<DistillSection>,
    /// How the weights move.
    pub optimizer: OptimizerSection,
    /// How the learning rate changes.
    #[serde(default)]
    pub schedule: ScheduleSection,
    /// How long and how the run goes.
    #[serde(default)]
    pub fit: FitSection,
    /// Which keys a search varies; `fit` passes it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchSection>,
}

impl Recipe {
    /// Reads the file at `path`, applies the `overrides` (`key.path=value`, the value in TOML or a bare word) and
    /// checks the result.
    ///
    /// # Errors
    /// When the file is not there, is not the TOML of a recipe, or asks for something impossible.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, RecipeError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| RecipeError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string(), overrides)
    }

    /// The same from text; `name` is what the errors call it.
    ///
    /// # Errors
    /// When the text is not the TOML of a recipe or asks for something impossible.
    pub fn parse(text: &str, name: &str, overrides: &[String]) -> Result<Self, RecipeError> {
        parse::parse(text, name, overrides)
    }

    /// The recipe as TOML that [`Recipe::parse`] reads back to the same recipe.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe holds nothing that TOML cannot say")
    }

    /// The pixels that the network takes.
    pub fn input_spec(&self) -> InputSpec {
        self.network.input_spec()
    }
}

#[cfg(test)]
mod tests;
