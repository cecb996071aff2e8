//! Simulates lighting: light from one side, gamma curve, dim and pale pictures.

use super::{AugmentSection, log_uniform, uniform};
use rand::{Rng, RngExt};

/// The changes to apply; `None` for no such change.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Light {
    /// Loss of brightness at the dark end of the ramp, 0 to 1, and the direction towards the dark end, in radians.
    pub(super) side: Option<(f64, f64)>,
    pub(super) gamma: Option<f64>,
    /// The remaining contrast, 0 to 1, and the mean level, 0 to 255.
    pub(super) pale: Option<(f64, f64)>,
    /// The remaining brightness, 0 to 1.
    pub(super) dim: Option<f64>,
}

impl Light {
    /// Random changes as allowed by `section`. Always draws the same number of random numbers.
    pub(super) fn draw(section: &AugmentSection, random: &mut impl Rng) -> Self {
        let mut chance = |probability: f64| random.random::<f64>() < probability;
        let [side, gamma, pale, dim] =
            [section.side_light, section.gamma, section.pale, section.dim].map(&mut chance);
        let ramp = (uniform(random, 0.3, 0.9), uniform(random, 0.0, std::f64::consts::TAU));
        let exponent = log_uniform(random, 0.4, 2.5);
        let paleness = (log_uniform(random, 0.15, 0.7), uniform(random, 40.0, 200.0));
        let brightness = log_uniform(random, 0.06, 0.6);
        Self {
            side: side.then_some(ramp),
            gamma: gamma.then_some(exponent),
            pale: pale.then_some(paleness),
            dim: dim.then_some(brightness),
        }
    }

    /// Applies the changes to `pixels`, `side` x `side` of `channels` values from 0 to 255, without rounding.
    pub(super) fn apply(&self, side: usize, channels: usize, pixels: &mut [f32]) {
        if let Some((strength, direction)) = self.side {
            let (sin, cos) = direction.sin_cos();
            let half = side as f64 / 2.0;
            for (at, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
                let x = ((at % side) as f64 + 0.5 - half) / half;
                let y = ((at / side) as f64 + 0.5 - half) / half;
                let part = (1.0 + (x * cos + y * sin).clamp(-1.0, 1.0)) / 2.0;
                pixel.iter_mut().for_each(|value| *value *= (1.0 - strength * part) as f32);
            }
        }
        let curve = |value: f32| {
            let mut value = f64::from(value);
            if let Some(gamma) = self.gamma {
                value = 255.0 * (value / 255.0).max(0.0).powf(gamma);
            }
            if let Some((contrast, level)) = self.pale {
                value = level + (value - 127.5) * contrast;
            }
            if let Some(brightness) = self.dim {
                value *= brightness;
            }
            value as f32
        };
        if self.gamma.is_some() || self.pale.is_some() || self.dim.is_some() {
            pixels.iter_mut().for_each(|value| *value = curve(*value));
        }
    }
}
