//! Probabilities over time: what flickers from frame to frame is not what a person feels.

/// An exponential moving average over a face's probabilities, with its time constant in seconds, so that the rate of
/// frames does not matter.
pub struct Smoother {
    time_constant_s: f64,
    probabilities: Vec<f32>,
    time_s: f64,
}

impl Smoother {
    /// A smoother that knows nothing yet. A time constant of 0 passes everything through.
    pub fn new(time_constant_s: f32) -> Self {
        Self { time_constant_s: f64::from(time_constant_s), probabilities: Vec::new(), time_s: 0.0 }
    }

    /// Takes a row of probabilities measured at `time_s` and returns the smoothed ones.
    pub fn update(&mut self, row: &[f32], time_s: f64) -> &[f32] {
        if self.probabilities.is_empty() {
            self.probabilities.extend_from_slice(row);
        } else {
            let elapsed_s = (time_s - self.time_s).max(0.0);
            let weight = if self.time_constant_s > 0.0 {
                1.0 - (-elapsed_s / self.time_constant_s).exp() as f32
            } else {
                1.0
            };
            for (smooth, new) in self.probabilities.iter_mut().zip(row) {
                *smooth += (new - *smooth) * weight;
            }
        }
        self.time_s = time_s;
        &self.probabilities
    }

    /// The smoothed probabilities; empty before the first update.
    pub fn row(&self) -> &[f32] {
        &self.probabilities
    }
}

/// The index of the largest value; 0 for an empty row.
pub fn strongest(row: &[f32]) -> usize {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0))).map_or(0, |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_is_followed_to_63_percent_in_one_time_constant_at_any_rate() {
        for rate in [5, 30, 200] {
            let mut smoother = Smoother::new(0.5);
            smoother.update(&[1.0, 0.0], 0.0);
            let mut last = 0.0;
            for frame in 1..=rate / 2 {
                last = smoother.update(&[0.0, 1.0], f64::from(frame) / f64::from(rate))[1];
            }
            let expected = 1.0 - (-f64::from(rate / 2) / f64::from(rate) / 0.5).exp() as f32;
            assert!((last - expected).abs() < 1e-4, "{rate}: {last}");
        }
    }

    proptest! {
        #[test]
        fn smoothed_rows_stay_probabilities(rows in prop::collection::vec((0f32..1.0, 0f64..0.3), 1..50), tau in 0f32..2.0) {
            let mut smoother = Smoother::new(tau);
            let mut time_s = 0.0;
            for (p, step) in rows {
                time_s += step;
                let out = smoother.update(&[p, 1.0 - p], time_s);
                prop_assert!((out[0] + out[1] - 1.0).abs() < 1e-4 && out.iter().all(|v| (-1e-6..=1.000_001).contains(v)));
            }
        }
    }
}
