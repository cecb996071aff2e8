//! `[schedule]`: how the learning rate changes.

use super::check::{Fault, foreign};
use serde::{Deserialize, Serialize};

/// A schedule by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleName {
    /// The same rate throughout.
    #[default]
    Constant,
    /// Times `gamma` every `step_epochs`.
    Step,
    /// Half a cosine from the highest rate to `final_factor` of it (Loshchilov and Hutter 2016).
    Cosine,
    /// Up and down again within the run (Smith and Topin 2017).
    OneCycle,
    /// Times `gamma` when the validation loss has not fallen for `patience` epochs.
    Plateau,
}

/// `[schedule]`: how the learning rate changes. [`ScheduleSection::policy`] gives the chosen one with its defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleSection {
    /// The schedule.
    pub name: ScheduleName,
    /// Epochs over which the rate first rises from near zero in a straight line (not for `one_cycle`).
    pub warmup_epochs: f64,
    /// `step`: epochs between two steps (30).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_epochs: Option<usize>,
    /// `step` and `plateau`: what the rate is multiplied by (0.1).
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
    /// `plateau`: epochs without a gain before the rate falls (5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// `plateau`: a fall of the validation loss that counts as a gain (1e-4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_delta: Option<f64>,
    /// `plateau`: the lowest rate as a part of the highest (0.001).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_factor: Option<f64>,
}

/// The chosen schedule and all that is its own.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the keys of `ScheduleSection`")]
pub enum SchedulePolicy {
    /// The same rate throughout.
    Constant,
    /// Times `gamma` every `step_epochs`.
    Step { step_epochs: usize, gamma: f64 },
    /// Half a cosine.
    Cosine { final_factor: f64 },
    /// Up and down again.
    OneCycle { initial_factor: f64, final_factor: f64, rise: f64 },
    /// Reduce on plateau.
    Plateau { gamma: f64, patience: usize, min_delta: f64, min_factor: f64 },
}

impl ScheduleSection {
    /// The chosen schedule, with the defaults where a key is absent.
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

    /// The first key that belongs to another schedule.
    pub(super) fn foreign_key(&self) -> Result<(), Fault> {
        use ScheduleName::{Constant, Cosine, OneCycle, Plateau, Step};
        let keys: [(&str, bool, &[ScheduleName], &str); 9] = [
            (
                "schedule.warmup_epochs",
                self.warmup_epochs != 0.0,
                &[Constant, Step, Cosine, Plateau],
                "the others: `one_cycle` rises by itself",
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
