//! Smooths the probabilities and the displayed emotion of a face over time.

use crate::readability;
use emotiond_core::{classify::argmax, config::values};
use serde::{Deserialize, Serialize};

/// `[smoothing]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothingConfig {
    /// Time constant in seconds, in which the weight of old values falls to 37 %; 0 turns smoothing off.
    #[serde(deserialize_with = "values::seconds")]
    pub time_constant_s: f32,
    /// The displayed emotion changes when another one is this many times as probable, ...
    #[serde(deserialize_with = "values::ratio_from_one")]
    pub lead: f32,
    /// ... or has been more probable for this many seconds.
    #[serde(deserialize_with = "values::seconds")]
    pub hold_s: f32,
    /// Whether to weight faces by readability; an unreadable face keeps its emotion.
    pub by_readability: bool,
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self { time_constant_s: 0.25, lead: 1.5, hold_s: 0.5, by_readability: true }
    }
}

/// Lower limit of probabilities, so that a single overconfident frame does not dominate for seconds.
const LEAST_PROBABILITY: f32 = 1e-3;
/// The lead, as a logarithm, that the displayed emotion keeps over a more probable rival until it changes; enough to
/// survive rounding.
const AHEAD: f32 = 2e-3;

/// Smooths one face's probabilities and its displayed emotion.
///
/// The logarithms of the probabilities run through an exponential moving average with a time constant in seconds, so
/// that the frame rate does not matter. At the start it is the plain mean, so that the first frame has no extra weight.
/// Each row is weighted with the readability of its face: an unreadable row changes nothing, and a readability of 0.5
/// moves the average half as far. The displayed emotion has hysteresis: it changes when a rival is `lead` times as
/// probable, or has been ahead for `hold_s`. Until then, the displayed emotion is reported slightly ahead of its rival,
/// so that it is always the most probable one.
pub struct Smoother {
    config: SmoothingConfig,
    logs: Vec<f32>,
    probabilities: Vec<f32>,
    /// Time of the last readable row.
    time_s: f64,
    /// Readability of the first row, ...
    first: f32,
    /// ... and the seconds since then, weighted with the readability of their rows.
    told_s: f64,
    shown: usize,
    /// Time since which another emotion has been ahead.
    rivalled_since_s: Option<f64>,
}

impl Smoother {
    /// A smoother with its first row of probabilities, measured at `time_s` for a face with the readability `readable`,
    /// from 0 to 1.
    pub fn new(config: &SmoothingConfig, row: &[f32], readable: f32, time_s: f64) -> Self {
        let mut smoother = Self {
            config: *config,
            logs: row.iter().map(|&value| log(value)).collect(),
            probabilities: Vec::with_capacity(row.len()),
            time_s,
            first: evidence(config, readable),
            told_s: 0.0,
            shown: argmax(row),
            rivalled_since_s: None,
        };
        smoother.derive_probabilities();
        smoother
    }

    /// Changes the settings.
    pub fn configure(&mut self, config: &SmoothingConfig) {
        self.config = *config;
    }

    /// Adds a row of probabilities, measured at `time_s` for a face with readability `readable` (0 to 1).
    pub fn update(&mut self, row: &[f32], readable: f32, time_s: f64) {
        let evidence = evidence(&self.config, readable);
        if evidence == 0.0 {
            return;
        }
        let weight = self.weight(evidence, time_s);
        self.told_s += f64::from(evidence) * (time_s - self.time_s).max(0.0);
        self.time_s = self.time_s.max(time_s);
        for (smooth, &new) in self.logs.iter_mut().zip(row) {
            *smooth += (log(new) - *smooth) * weight;
        }
        self.choose();
        self.derive_probabilities();
    }

    /// Smoothed probabilities; the one of the displayed emotion is the largest.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Index of the displayed emotion.
    pub fn shown(&self) -> usize {
        self.shown
    }

    /// The weight of a row at `time_s` with this evidence, relative to all previous rows.
    fn weight(&self, evidence: f32, time_s: f64) -> f32 {
        let evidence = f64::from(evidence);
        let elapsed_s = (time_s - self.time_s).max(0.0);
        let time_constant_s = f64::from(self.config.time_constant_s);
        if time_constant_s <= 0.0 {
            return 1.0;
        }
        let fading = evidence * (1.0 - (-elapsed_s / time_constant_s).exp());
        // The first row is given the same duration as this one.
        let all_s = f64::from(self.first) * elapsed_s + self.told_s + evidence * elapsed_s;
        let mean = if elapsed_s > 0.0 { evidence * elapsed_s / all_s } else { 0.0 };
        fading.max(mean) as f32
    }

    fn choose(&mut self) {
        let first = argmax(&self.logs);
        if first == self.shown {
            self.rivalled_since_s = None;
            return;
        }
        let since_s = *self.rivalled_since_s.get_or_insert(self.time_s);
        let is_clear = self.logs[first] - self.logs[self.shown] >= self.config.lead.ln();
        if is_clear || self.time_s - since_s >= f64::from(self.config.hold_s) {
            self.shown = first;
            self.rivalled_since_s = None;
        }
    }

    /// Softmax of the averages, with the displayed emotion ahead of a rival.
    fn derive_probabilities(&mut self) {
        let largest = self.logs.iter().copied().fold(f32::MIN, f32::max);
        let rivalled = argmax(&self.logs) != self.shown;
        self.probabilities.clear();
        self.probabilities.extend(self.logs.iter().map(|log| (log - largest).exp()));
        if rivalled {
            self.probabilities[self.shown] = AHEAD.exp();
        }
        let sum: f32 = self.probabilities.iter().sum();
        self.probabilities.iter_mut().for_each(|value| *value /= sum);
    }
}

/// The evidence of a row: its readability, or 0 if the face is unreadable.
fn evidence(config: &SmoothingConfig, readable: f32) -> f32 {
    match config.by_readability {
        true if readable < readability::LEAST => 0.0,
        true => readable,
        false => 1.0,
    }
}

fn log(probability: f32) -> f32 {
    probability.max(LEAST_PROBABILITY).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(time_constant_s: f32, lead: f32, hold_s: f32) -> SmoothingConfig {
        SmoothingConfig { time_constant_s, lead, hold_s, by_readability: true }
    }

    #[test]
    fn a_step_is_followed_to_63_percent_in_one_time_constant_at_any_rate() {
        let config = config(0.5, 1.0, 0.0);
        for rate in [5, 30, 200] {
            let mut smoother = Smoother::new(&config, &[0.9, 0.1], 1.0, 0.0);
            for frame in 1..=rate * 5 {
                smoother.update(&[0.9, 0.1], 1.0, f64::from(frame) / f64::from(rate));
            }
            for frame in 1..=rate / 2 {
                smoother.update(&[0.1, 0.9], 1.0, 5.0 + f64::from(frame) / f64::from(rate));
            }
            let part = 1.0 - (-f64::from(rate / 2) / f64::from(rate) / 0.5).exp() as f32;
            let step = 0.9f32.ln() - 0.1f32.ln();
            let odds = smoother.probabilities()[0].ln() - smoother.probabilities()[1].ln();
            assert!((odds - (step - 2.0 * step * part)).abs() < 1e-3, "{rate}: {odds}");
        }
    }

    #[test]
    fn a_first_frame_weighs_no_more_than_the_others() {
        let mut smoother = Smoother::new(&config(10.0, 1.0, 0.0), &[0.9, 0.1], 1.0, 0.0);
        for frame in 1..4 {
            smoother.update(&[0.1, 0.9], 1.0, f64::from(frame) / 30.0);
        }
        let mean = (0.9f32.ln() + 3.0 * 0.1f32.ln()) / 4.0 - (0.1f32.ln() + 3.0 * 0.9f32.ln()) / 4.0;
        let odds = smoother.probabilities()[0].ln() - smoother.probabilities()[1].ln();
        assert!((odds - mean).abs() < 1e-3, "{odds} where {mean} is the mean");
    }

    #[test]
    fn without_smoothing_rows_pass_as_they_are() {
        let mut smoother = Smoother::new(&config(0.0, 1.0, 0.0), &[0.2, 0.3, 0.5], 1.0, 0.0);
        for row in [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [0.0, 1.0, 0.0]] {
            smoother.update(&row, 1.0, 0.1);
            assert_eq!(smoother.shown(), argmax(&row));
            assert!(smoother.probabilities().iter().zip(row).all(|(a, b)| (a - b).abs() < 3e-3));
        }
    }

    #[test]
    fn a_rival_must_be_clearly_ahead_or_ahead_for_long() {
        let mut smoother = Smoother::new(&config(0.0, 2.0, 0.5), &[0.6, 0.4], 1.0, 0.0);
        smoother.update(&[0.45, 0.55], 1.0, 0.1);
        assert_eq!(smoother.shown(), 0, "a small lead");
        smoother.update(&[0.6, 0.4], 1.0, 0.2);
        smoother.update(&[0.45, 0.55], 1.0, 0.3);
        smoother.update(&[0.45, 0.55], 1.0, 0.7);
        assert_eq!(smoother.shown(), 0, "the lead was interrupted");
        smoother.update(&[0.45, 0.55], 1.0, 0.81);
        assert_eq!(smoother.shown(), 1, "half a second ahead");
        smoother.update(&[0.7, 0.3], 1.0, 0.9);
        assert_eq!(smoother.shown(), 0, "twice as probable");
    }

    #[test]
    fn a_face_that_cannot_be_read_keeps_its_emotion() {
        let mut smoother = Smoother::new(&config(0.0, 1.0, 0.0), &[0.9, 0.1], 1.0, 0.0);
        smoother.update(&[0.0, 1.0], 0.05, 1.0);
        assert_eq!((smoother.shown(), smoother.probabilities()[0] > 0.85), (0, true));
        let off = SmoothingConfig { by_readability: false, ..config(0.0, 1.0, 0.0) };
        smoother.configure(&off);
        smoother.update(&[0.0, 1.0], 0.05, 2.0);
        assert_eq!(smoother.shown(), 1);
    }

    #[test]
    fn rows_weigh_as_much_as_their_faces_are_readable() {
        let odds = |readable: f32| {
            let mut smoother = Smoother::new(&config(0.5, 1.0, 0.0), &[0.5, 0.5], 1.0, 0.0);
            (1..100).for_each(|frame| smoother.update(&[0.5, 0.5], 1.0, f64::from(frame) / 30.0));
            smoother.update(&[0.1, 0.9], readable, 100.0 / 30.0);
            smoother.probabilities()[1].ln() - smoother.probabilities()[0].ln()
        };
        assert!((odds(0.5) * 2.0 - odds(1.0)).abs() < 1e-3 && odds(1.0) > 0.1, "{} {}", odds(0.5), odds(1.0));
    }

    #[test]
    fn the_first_row_that_tells_something_replaces_those_that_told_nothing() {
        let mut smoother = Smoother::new(&config(0.5, 1.0, 0.0), &[0.9, 0.1], 0.0, 0.0);
        smoother.update(&[0.9, 0.1], 0.0, 0.1);
        smoother.update(&[0.2, 0.8], 0.3, 0.2);
        assert!((smoother.probabilities()[1] - 0.8).abs() < 1e-3, "{:?}", smoother.probabilities());
    }

    proptest! {
        #[test]
        fn what_comes_out_are_probabilities_and_the_shown_emotion_leads(
            rows in prop::collection::vec((prop::collection::vec(0f32..1.0, 7), 0f32..1.0, 0f64..0.3), 1..50),
            time_constant_s in 0f32..2.0,
            lead in 1f32..4.0,
            hold_s in 0f32..1.0,
        ) {
            let config = config(time_constant_s, lead, hold_s);
            let mut smoother = Smoother::new(&config, &[1.0 / 7.0; 7], 1.0, 0.0);
            let mut time_s = 0.0;
            for (weights, readable, step_s) in rows {
                time_s += step_s;
                let sum: f32 = weights.iter().sum::<f32>() + 1e-6;
                let row: Vec<f32> = weights.iter().map(|weight| weight / sum).collect();
                smoother.update(&row, readable, time_s);
                let out = smoother.probabilities();
                prop_assert!((out.iter().sum::<f32>() - 1.0).abs() < 1e-4);
                prop_assert!(out.iter().all(|value| (0.0..=1.0).contains(value)));
                prop_assert_eq!(argmax(out), smoother.shown());
            }
        }
    }
}
