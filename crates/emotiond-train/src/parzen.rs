//! The Tree-structured Parzen Estimator (Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"): chooses
//! values that are likelier among the best trials than among the others, each key for itself.

use crate::random::Draw;
use crate::recipe::{Choice, Range};
use tpe::TpeOptimizer;

/// The values for trial `number`, one for each choice, as TOML. `finished` has the values and the accuracy of the trials
/// so far. The result depends on nothing else, so that a resumed search goes on as an uninterrupted one.
pub fn suggest<'a>(
    choices: impl Iterator<Item = &'a Choice>,
    finished: &[(&[String], f64)],
    seed: u64,
    number: u64,
) -> Vec<String> {
    choices
        .enumerate()
        .map(|(key, choice)| {
            let axis = Axis::of(choice);
            let Some(mut optimizer) = axis.optimizer() else { return axis.value(axis.start) };
            for (values, accuracy) in finished {
                // The library searches for the smallest figure.
                let told = axis.place(&values[key]).map(|place| optimizer.tell(place, 1.0 - accuracy));
                debug_assert!(matches!(told, Some(Ok(()))), "{}", values[key]);
            }
            let Ok(place) = optimizer.ask(&mut Draw::Trial.random(seed, number, key as u64));
            axis.value(place)
        })
        .collect()
}

/// A key's values as the numbers from `start` to below `end`.
struct Axis<'a> {
    choice: &'a Choice,
    start: f64,
    end: f64,
}

impl<'a> Axis<'a> {
    fn of(choice: &'a Choice) -> Self {
        // Half a step more on both sides makes the first and the last value as likely as the others.
        let around = |from: f64, to: f64, step: f64, log: bool| {
            let half = step / 2.0;
            if log {
                ((from - half.min(from / 2.0)).ln(), (to + half).ln())
            } else {
                (from - half, to + half)
            }
        };
        let (start, end) = match choice {
            Choice::List(values) => (0.0, values.len() as f64),
            Choice::Whole(range) => {
                around(range.from as f64, range.to as f64, range.step.unwrap_or(1) as f64, range.log)
            }
            Choice::Real(range) => {
                let (start, end) = around(range.from, range.to, range.step.unwrap_or(0.0), range.log);
                (start, end.next_up())
            }
        };
        Self { choice, start, end }
    }

    /// The estimator of this axis; none if there is only one value.
    fn optimizer(&self) -> Option<TpeOptimizer> {
        if self.value(self.start) == self.value(self.end) {
            return None;
        }
        let estimator = match self.choice {
            Choice::List(_) => tpe::histogram_estimator(),
            _ => tpe::parzen_estimator(),
        };
        Some(TpeOptimizer::new(estimator, tpe::range(self.start, self.end).ok()?))
    }

    /// Where `value` lies on the axis.
    fn place(&self, value: &str) -> Option<f64> {
        let number = |log: bool| {
            let number: f64 = value.parse().ok()?;
            Some(if log { number.ln() } else { number })
        };
        let place = match self.choice {
            Choice::List(values) => values.iter().position(|known| known.to_string() == value)? as f64,
            Choice::Whole(range) => number(range.log)?,
            Choice::Real(range) => number(range.log)?,
        };
        Some(place.clamp(self.start, self.end.next_down()))
    }

    /// The value at `place`, as TOML.
    fn value(&self, place: f64) -> String {
        match self.choice {
            Choice::List(values) => values[(place as usize).min(values.len() - 1)].to_string(),
            Choice::Whole(range) => {
                let Range { from, to, log, step } = *range;
                let step = step.unwrap_or(1);
                let steps = (unscaled(place, log) - from as f64) / step as f64;
                (from + (steps.round() as i64).clamp(0, (to - from) / step) * step).to_string()
            }
            Choice::Real(Range { step: Some(step), from, log, .. }) => {
                let last = (self.choice.grid(2).len() - 1) as f64;
                let steps = ((unscaled(place, *log) - from) / step).round().clamp(0.0, last);
                toml::Value::Float(from + steps * step).to_string()
            }
            Choice::Real(range) => {
                toml::Value::Float(unscaled(place, range.log).clamp(range.from, range.to)).to_string()
            }
        }
    }
}

fn unscaled(place: f64, log: bool) -> f64 {
    if log { place.exp() } else { place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::RngExt;
    use std::collections::BTreeMap;

    /// A learning rate, a number of layers and a kind, of which about 3e-3, 5 and "b" are the best.
    fn space() -> BTreeMap<String, Choice> {
        let text = "kind = [\"a\", \"b\", \"c\"]\nlayers = { from = 1, to = 9 }\n\
                    rate = { from = 1e-5, to = 1e-1, log = true }";
        toml::from_str(text).unwrap()
    }

    fn accuracy(values: &[String]) -> f64 {
        let kind = if values[0] == "\"b\"" { 0.0 } else { 0.15 };
        let layers = (values[1].parse::<f64>().unwrap() - 5.0).abs() * 0.03;
        let rate = (values[2].parse::<f64>().unwrap() / 3e-3).log10().abs() * 0.15;
        0.9 - kind - layers - rate
    }

    /// The accuracy of `trials` trials, of which the first six are random.
    fn run(seed: u64, trials: u64) -> Vec<f64> {
        let space = space();
        let mut finished: Vec<(Vec<String>, f64)> = Vec::new();
        for number in 0..trials {
            let told: Vec<(&[String], f64)> =
                finished.iter().map(|(values, got)| (&**values, *got)).collect();
            let known = if number < 6 { &[] } else { &*told };
            let values = suggest(space.values(), known, seed, number);
            finished.push((values.clone(), accuracy(&values)));
        }
        finished.into_iter().map(|(_, accuracy)| accuracy).collect()
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn later_trials_are_better_than_random_ones() {
        for seed in 0..10 {
            let got = run(seed, 40);
            let (random, late) = (mean(&got[..6]), mean(&got[25..]));
            assert!(late > random + 0.05, "seed {seed}: {random:.3}, then {late:.3}");
        }
        let best = |got: &[f64]| got.iter().copied().fold(0.0, f64::max);
        let found = mean(&(0..10).map(|seed| best(&run(seed, 40))).collect::<Vec<_>>());
        assert!(found > 0.85, "{found}");
    }

    #[test]
    fn the_values_of_different_trials_differ() {
        let space = space();
        let told: Vec<Vec<String>> = (0..8).map(|number| suggest(space.values(), &[], 1, number)).collect();
        let finished: Vec<(&[String], f64)> =
            told.iter().map(|values| (&**values, accuracy(values))).collect();
        let rates: std::collections::BTreeSet<String> =
            (8..20).map(|number| suggest(space.values(), &finished, 1, number)[2].clone()).collect();
        assert!(rates.len() > 6, "{rates:?}");
    }

    fn choices() -> impl Strategy<Value = Choice> {
        let whole = (1i64..50, prop_oneof![Just(0), 0i64..50], any::<bool>(), prop::option::of(1i64..9));
        let real = (
            1e-6f64..1.0,
            prop_oneof![Just(0.0), 0.0f64..10.0],
            any::<bool>(),
            prop::option::of(0.01f64..1.0),
        );
        prop_oneof![
            (1usize..6).prop_map(|len| Choice::List((0..len as i64).map(Into::into).collect())),
            whole.prop_map(|(from, more, log, step)| Choice::Whole(Range {
                from,
                to: from + more,
                log,
                step
            })),
            real.prop_map(|(from, more, log, step)| Choice::Real(Range { from, to: from + more, log, step })),
        ]
    }

    proptest! {
        #[test]
        fn every_value_is_one_of_the_choice_and_can_be_told(choice in choices(), seed: u64) {
            let mut finished: Vec<(Vec<String>, f64)> = Vec::new();
            let mut random = Draw::Trial.random(seed, 0, 99);
            for number in 0..12 {
                let told: Vec<(&[String], f64)> = finished.iter().map(|(values, got)| (&**values, *got)).collect();
                let values = suggest([&choice].into_iter(), &told, seed, number);
                let grid = choice.grid(2);
                match &choice {
                    Choice::List(_) => prop_assert!(grid.iter().any(|known| known.to_string() == values[0])),
                    Choice::Whole(range) => {
                        let value: i64 = values[0].parse().unwrap();
                        prop_assert!((range.from..=range.to).contains(&value));
                        prop_assert_eq!((value - range.from) % range.step.unwrap_or(1), 0);
                    }
                    Choice::Real(Range { step: Some(_), .. }) => {
                        prop_assert!(grid.iter().any(|known| known.to_string() == values[0]), "{}", values[0]);
                    }
                    Choice::Real(range) => {
                        prop_assert!((range.from..=range.to).contains(&values[0].parse().unwrap()));
                    }
                }
                finished.push((values, random.random()));
            }
        }
    }
}
