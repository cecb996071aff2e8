//! Plots the trials of a search in parallel coordinates: computes the position of each value on its axis.

use crate::{
    plots::{Axis, PlotError, save_parallel},
    recipe::{Choice, SearchMethod, SearchSection},
    search::Record,
};
use std::path::Path;

/// Number of tick marks on an axis of numbers.
const MARKS: usize = 5;

pub(super) fn save(path: &Path, section: &SearchSection, records: &[Record]) -> Result<(), PlotError> {
    let best = records.iter().map(|record| record.accuracy).fold(0.0, f64::max);
    let worst = records.iter().map(|record| record.accuracy).fold(best, f64::min);
    let spread = (best - worst).max(1e-6);
    let mut axes: Vec<Axis> = section.space.iter().map(|(key, choice)| axis(key, choice)).collect();
    let mark = |place: f64| (place, format!("{:.1} %", (worst + place * spread) * 100.0));
    axes.push(Axis {
        name: "accuracy".to_owned(),
        marks: (0..=4).map(|at| mark(f64::from(at) / 4.0)).collect(),
    });
    let line = |record: &Record| {
        let places = section.space.values().zip(&record.values).map(|(choice, value)| place(choice, value));
        places.chain([(record.accuracy - worst) / spread]).collect()
    };
    let lines: Vec<Vec<f64>> = records.iter().map(line).collect();
    save_parallel(path, &title(section, records), &axes, &lines)
}

/// The title of the plots.
pub(super) fn title(section: &SearchSection, records: &[Record]) -> String {
    let method = match section.method {
        SearchMethod::Grid => "a grid",
        SearchMethod::Random => "random search",
        SearchMethod::Tpe => "the Parzen estimator",
    };
    format!("{} trials of {method}", records.len())
}

fn axis(key: &str, choice: &Choice) -> Axis {
    let mark = |value: &toml::Value| {
        let text = value.to_string();
        (place(choice, &text), text.parse().map_or(text, short))
    };
    Axis { name: key.to_owned(), marks: choice.grid(MARKS).iter().map(mark).collect() }
}

/// The position of `value` (as TOML) on its axis, 0 to 1.
fn place(choice: &Choice, value: &str) -> f64 {
    let number = || value.parse().unwrap_or(0.0);
    match choice {
        Choice::List(values) => {
            let mut values: Vec<String> = values.iter().map(toml::Value::to_string).collect();
            // Numbers rise along the axis; names keep their order.
            values.sort_by(|a, b| match (a.parse::<f64>(), b.parse()) {
                (Ok(a), Ok(b)) => a.total_cmp(&b),
                _ => std::cmp::Ordering::Equal,
            });
            let index = values.iter().position(|one| one == value).unwrap_or(0);
            index as f64 / (values.len().max(2) - 1) as f64
        }
        Choice::Whole(range) => between(range.from as f64, range.to as f64, range.log, number()),
        Choice::Real(range) => between(range.from, range.to, range.log, number()),
    }
}

fn between(from: f64, to: f64, log: bool, value: f64) -> f64 {
    if to <= from {
        return 0.5;
    }
    if log { (value / from).ln() / (to / from).ln() } else { (value - from) / (to - from) }
}

/// Formats a number with about three digits.
fn short(number: f64) -> String {
    if number != 0.0 && !(1e-3..1e5).contains(&number.abs()) {
        let rounded: f64 = format!("{number:.2e}").parse().unwrap_or(number);
        format!("{rounded:e}")
    } else {
        format!("{}", (number * 1e3).round() / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_scale_puts_them() {
        let choice = |toml: &str| -> Choice {
            let table: std::collections::BTreeMap<String, Choice> =
                toml::from_str(&format!("a = {toml}")).unwrap();
            table["a"].clone()
        };
        assert!((place(&choice("{ from = 1e-4, to = 1e-2, log = true }"), "0.001") - 0.5).abs() < 1e-9);
        assert_eq!(place(&choice("{ from = 0, to = 4 }"), "1"), 0.25);
        assert_eq!(place(&choice("[\"sgd\", \"adam\", \"rmsprop\"]"), "\"adam\""), 0.5);
        assert_eq!(place(&choice("[1.0, 1e-8, 0.1]"), "0.1"), 0.5);
        assert_eq!(place(&choice("[1.0, 1e-8, 0.1]"), "1.0"), 1.0);
        let texts = [1e-4, 1.2345e-6, 0.25, 64.0].map(short);
        assert_eq!(texts, ["1e-4", "1.23e-6", "0.25", "64"]);
    }
}
