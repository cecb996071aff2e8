//! `[schedule]`: the learning rate schedule.

use super::check::{Fault, foreign};
use serde::{Deserialize, Serialize};

/// A schedule by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleName {
    /// A constant rate.
    #[default]
    Constant,
    /// Multiplies the rate by `gamma` every `step_epochs`.
    Step,
    /// Follows half a cosine from the highest rate to `final_factor` times that rate (Loshchilov and Hutter 2016).
    Cosine,
    /// Rises and then falls over the run (Smith and Topin 2017).
    OneCycle,
    /// Multiplies the rate by `gamma` when the validation loss has not fallen for `patience` epochs.
    Plateau,
}

/// `[schedule]`. [`ScheduleSection::policy`] returns the chosen schedule with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSection {
    /// The schedule.
    pub name: ScheduleName,
    /// Warm-up: epochs in which the rate rises linearly from near zero (not for `one_cycle`).
    pub warmup_epochs: f64,
    /// `step`: epochs between two steps (30).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_epochs: Option<usize>,
    /// `step` and `plateau`: factor of the rate (0.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// `cosine` and `one_cycle`: the last rate as a part of the highest (0.001).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_factor: Option<f64>,
    /// `one_cycle`: the first rate as a part of the highest (0.04).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_factor: Option<f64>,
    /// `one_cycle`: the part of the run in which the rate rises (0.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rise: Option<f64>,
    /// `plateau`: epochs without an improvement before the rate is reduced (5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// `plateau`: smallest decrease of the validation loss that counts as an improvement (1e-4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_delta: Option<f64>,
    /// `plateau`: the lowest rate as a part of the highest (0.001).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_factor: Option<f64>,
}

/// The chosen schedule with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the keys of `ScheduleSection`")]
pub enum SchedulePolicy {
    /// A constant rate.
    Constant,
    /// Multiplies the rate by `gamma` every `step_epochs`.
    Step { step_epochs: usize, gamma: f64 },
    /// Half a cosine.
    Cosine { final_factor: f64 },
    /// Rises and then falls.
    OneCycle { initial_factor: f64, final_factor: f64, rise: f64 },
    /// Reduce on plateau.
    Plateau { gamma: f64, patience: usize, min_delta: f64, min_factor: f64 },
}

impl ScheduleSection {
    /// The chosen schedule, with defaults for absent keys.
    pub fn policy(&self) -> SchedulePolicy {
        let gamma = self.gamma.unwrap_or(0.1);
        let final_factor = self.final_factor.unwrap_or(0.001);
        match self.name {
            ScheduleName::Constant => SchedulePolicy::Constant,
            ScheduleName::Step => SchedulePolicy::Step { step_epochs: self.step_epochs.unwrap_or(30), gamma },
            ScheduleName::Cosine => SchedulePolicy::Cosine { final_factor },
            ScheduleName::OneCycle => SchedulePolicy::OneCycle {
                initial_factor: self.initial_factor.unwrap_or(0.04),
                final_factor,
                rise: self.rise.unwrap_or(0.3),
            },
            ScheduleName::Plateau => SchedulePolicy::Plateau {
                gamma,
                patience: self.patience.unwrap_or(5),
                min_delta: self.min_delta.unwrap_or(1e-4),
                min_factor: self.min_factor.unwrap_or(0.001),
            },
        }
    }

    /// An error for the first key that belongs to another schedule.
    pub(super) fn foreign_key(&self) -> Result<(), Fault> {
        use ScheduleName::{Constant, Cosine, OneCycle, Plateau, Step};
        let keys: [(&str, bool, &[ScheduleName], &str); 9] = [
            (
                "schedule.warmup_epochs",
                self.warmup_epochs != 0.0,
                &[Constant, Step, Cosine, Plateau],
                "the other schedules (`one_cycle` has its own warm-up)",
            ),
            ("schedule.step_epochs", self.step_epochs.is_some(), &[Step], "`step`"),
            ("schedule.gamma", self.gamma.is_some(), &[Step, Plateau], "`step` and `plateau`"),
            (
                "schedule.final_factor",
                self.final_factor.is_some(),
                &[Cosine, OneCycle],
                "`cosine` and `one_cycle`",
            ),
            ("schedule.initial_factor", self.initial_factor.is_some(), &[OneCycle], "`one_cycle`"),
            ("schedule.rise", self.rise.is_some(), &[OneCycle], "`one_cycle`"),
            ("schedule.patience", self.patience.is_some(), &[Plateau], "`plateau`"),
            ("schedule.min_delta", self.min_delta.is_some(), &[Plateau], "`plateau`"),
            ("schedule.min_factor", self.min_factor.is_some(), &[Plateau], "`plateau`"),
        ];
        foreign(&keys, &self.name)
    }
}
