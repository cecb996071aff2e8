//! `[search]`: the keys of the recipe that a search varies, and how it chooses their values.

use super::check::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Value;

/// How the values of the next trial are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMethod {
    /// Every combination of values in turn.
    Grid,
    /// Uniformly at random.
    Random,
    /// Bayesian: the Tree-structured Parzen Estimator (Bergstra et al. 2011).
    #[default]
    Tpe,
}

/// The values that a key can take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a list of values or a range { from, to } with log or step")]
pub enum Choice {
    /// One of these.
    List(Vec<Value>),
    /// An integer range, both ends included.
    Whole(Range<i64>),
    /// A range of real numbers, both ends included.
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
    /// Whether values are uniform in the logarithm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    /// Restricts the values to `from` plus multiples of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<T>,
}

/// `[search]`: a search over keys of the recipe. `fit` ignores this section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSection {
    /// How the values of the next trial are chosen.
    #[serde(default)]
    pub method: SearchMethod,
    /// Maximal number of trials; absent: all points of a grid, 20 otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// Number of trials trained in parallel; each needs its own memory. The next round starts when all have ended.
    #[serde(default = "default_at_once")]
    pub at_once: usize,
    /// Seed of the random choices.
    #[serde(default)]
    pub seed: u64,
    /// Whether a trial ends early when it is below the median of the others at the same epoch.
    #[serde(default = "default_prune")]
    pub prune: bool,
    /// Number of grid points in a range without a step.
    #[serde(default = "default_points")]
    pub points: usize,
    /// The keys, written as in `--set`, and their possible values.
    pub space: BTreeMap<String, Choice>,
}

impl SearchSection {
    /// Checks what the types cannot express.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let wrong = |message: String| Err(("search.space", message));
        if self.trials == Some(0) || self.at_once == 0 || self.points < 2 {
            return Err(("search", "needs at least `trials = 1`, `at_once = 1` and `points = 2`".to_owned()));
        }
        if self.space.is_empty() {
            return wrong("is empty: add a key, for example `\"network.dropout\" = [0.0, 0.3]`".to_owned());
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
                    "`{key}` has an empty or invalid range: `from` must not be above `to`, and `step` (with `log` \
                     also `from`) must be above 0"
                ));
            }
        }
        Ok(())
    }
}

impl Choice {
    /// The grid points: all values of a list or a stepped range, `points` values of a range without a step.
    pub fn grid(&self, points: usize) -> Vec<Value> {
        match self {
            Self::List(values) => values.clone(),
            Self::Whole(range) => {
                let step = range.step.unwrap_or(((range.to - range.from) / (points as i64 - 1)).max(1));
                (range.from..=range.to).step_by(step as usize).map(Value::Integer).collect()
            }
            Self::Real(Range { from, to, step: Some(step), .. }) => {
                // The small addition makes up for rounding: 0.3 is three steps of 0.1.
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
