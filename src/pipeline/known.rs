//! What is remembered of a face from its first to its last sight.

use crate::{config::SmoothingConfig, emit::EmitPolicy, event::PixelBox, smooth::Smoother};

/// A face that has been announced.
pub(super) struct Known {
    smoother: Smoother,
    first_s: f64,
    last_s: f64,
    told_s: f64,
    told_emotion: usize,
    sums: Vec<f32>,
    count: u32,
    /// Where it was seen last.
    pub bounds: PixelBox,
    /// The detector's score then.
    pub score: f32,
}

impl Known {
    /// A face at its first sight, at `time_s` with the probabilities `row`.
    pub fn new(config: &SmoothingConfig, time_s: f64, row: &[f32], bounds: PixelBox, score: f32) -> Self {
        let smoother = Smoother::new(config, row, time_s);
        Self {
            told_emotion: smoother.shown(),
            smoother,
            first_s: time_s,
            last_s: time_s,
            told_s: time_s,
            sums: row.to_vec(),
            count: 1,
            bounds,
            score,
        }
    }

    /// Takes another sight of it.
    pub fn see(&mut self, config: &SmoothingConfig, time_s: f64, row: &[f32], bounds: PixelBox, score: f32) {
        self.smoother.configure(config);
        self.smoother.update(row, time_s);
        self.last_s = time_s;
        self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        self.count += 1;
        (self.bounds, self.score) = (bounds, score);
    }

    /// Whether its last sight is worth a line; if so, that counts as told.
    pub fn tell(&mut self, policy: EmitPolicy) -> bool {
        let emotion = self.smoother.shown();
        let worth = policy.wants_update(self.last_s - self.told_s, emotion != self.told_emotion);
        if worth {
            (self.told_s, self.told_emotion) = (self.last_s, emotion);
        }
        worth
    }

    /// Smoothed probabilities.
    pub fn probabilities(&self) -> &[f32] {
        self.smoother.probabilities()
    }

    /// Index of the emotion that it shows.
    pub fn emotion(&self) -> usize {
        self.smoother.shown()
    }

    /// The mean of all rows, and the seconds from the first to the last sight.
    pub fn summary(&self) -> (Vec<f32>, f32) {
        let mean = self.sums.iter().map(|sum| sum / self.count as f32).collect();
        (mean, (self.last_s - self.first_s) as f32)
    }
}
