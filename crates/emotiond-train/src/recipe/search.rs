//! `[search]`: which keys of the recipe a search varies, and how it chooses.

use super::check::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Value;

/// How the next trial is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMethod {
    /// Every combination in turn.
    Grid,
    /// Drawn evenly.
    Random,
    /// Bayesian: the Tree-structured Parzen Estimator (Bergstra et al. 2011).
    #[default]
    Tpe,
}

/// What a key may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a list of values or a range { from, to } with log or step")]
pub enum Choice {
    /// One of these.
    List(Vec<Value>),
    /// A whole number; both ends are part of it.
    Whole(Range<i64>),
    /// A number; both ends are part of it.
    Real(Range<f64>),
}

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range<T> {
    /// The smallest.
    pub from: T,
    /// The largest.
    pub to: T,
    /// Even in the logarithm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    /// Only `from` and multiples of this above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<T>,
}

/// `[search]`: a search over keys of the recipe. `fit` passes it over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSection {
    /// How the next trial is chosen.
    #[serde(default)]
    pub method: SearchMethod,
    /// Trials at most; a grid ends with its last point.
    #[serde(default = "default_trials")]
    pub trials: usize,
    /// Trials that are trained side by side, each in memory of its own; the next ones are chosen when all have ended.
    #[serde(default = "default_at_once")]
    pub at_once: usize,
    /// Seed of what is drawn.
    #[serde(default)]
    pub seed: u64,
    /// Whether a trial ends when it is behind the median of the others at the same epoch.
    #[serde(default = "default_prune")]
    pub prune: bool,
    /// Points that a grid takes of a range without a step.
    #[serde(default = "default_points")]
    pub points: usize,
    /// The keys, as in `--set`, and what they may be.
    pub space: BTreeMap<String, Choice>,
}

impl SearchSection {
    /// What the types cannot say.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let wrong = |message: String| Err(("search.space", message));
        if self.trials == 0 || self.at_once == 0 || self.points < 2 {
            return Err(("search", "needs at least 1 trial, 1 at once and 2 points a range".to_owned()));
        }
        if self.space.is_empty() {
            return wrong("is empty: name a key, as in `\"network.dropout\" = [0.0, 0.3]`".to_owned());
        }
        for (key, choice) in &self.space {
            let is_usable = match choice {
                Choice::List(values) => !values.is_empty(),
                Choice::Whole(range) => {
                    range.from <= range.to
                        && range.step.is_none_or(|step| step > 0)
                        && (!range.log || range.from > 0)
                }
                Choice::Real(range) => {
                    range.from <= range.to
                        && range.to.is_finite()
                        && range.step.is_none_or(|step| step > 0.0)
                        && (!range.log || range.from > 0.0)
                }
            };
            if !is_usable {
                return wrong(format!(
                    "`{key}` leaves nothing to choose: `from` must not be above `to`, `step` is above 0, and with \
                     `log` so is `from`"
                ));
            }
        }
        Ok(())
    }
}

impl Choice {
    /// The points that a grid takes, `points` of a range without a step.
    pub fn grid(&self, points: usize) -> Vec<Value> {
        match self {
            Self::List(values) => values.clone(),
            Self::Whole(range) => {
                let step = range.step.unwrap_or(((range.to - range.from) / (points as i64 - 1)).max(1));
                (range.from..=range.to).step_by(step as usize).map(Value::Integer).collect()
            }
            Self::Real(Range { from, to, step: Some(step), .. }) => {
                // A little more than whole steps: 0.3 is three steps of 0.1.
                let count = ((to - from) / step + 1e-9) as usize;
                (0..=count).map(|at| Value::Float(from + at as f64 * step)).collect()
            }
            Self::Real(Range { from, to, log, .. }) => (0..points)
                .map(|at| at as f64 / (points - 1) as f64)
                .map(|part| if *log { from * (to / from).powf(part) } else { from + part * (to - from) })
                .map(Value::Float)
                .collect(),
        }
    }
}

fn default_trials() -> usize {
    20
}

fn default_at_once() -> usize {
    1
}

fn default_prune() -> bool {
    true
}

fn default_points() -> usize {
    3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(toml: &str) -> String {
        let table: BTreeMap<String, Choice> = toml::from_str(&format!("a = {toml}")).unwrap();
        table["a"].grid(3).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_grid_takes_lists_steps_and_points() {
        assert_eq!(grid("[\"sgd\", \"adam\"]"), "\"sgd\" \"adam\"");
        assert_eq!(grid("{ from = 32, to = 128, step = 32 }"), "32 64 96 128");
        assert_eq!(grid("{ from = 1, to = 9 }"), "1 5 9");
        assert_eq!(grid("{ from = 0.25, to = 1.0, step = 0.25 }"), "0.25 0.5 0.75 1.0");
        assert_eq!(grid("{ from = 1.0, to = 100.0, log = true }"), "1.0 10.0 100.0");
        assert_eq!(grid("{ from = 0.0, to = 1.0 }"), "0.0 0.5 1.0");
    }
}
