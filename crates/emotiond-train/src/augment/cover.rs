//! Draws objects that cover a part of a face: a mask, sunglasses, a hand. The positions are for faces that fill the
//! picture as in FER2013: eyes at two fifths of the height, the mouth at three quarters.

use super::uniform;
use rand::{Rng, RngExt};

/// The covering object; all lengths are parts of the side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cover {
    /// From the bridge of the nose to below the chin.
    Mask {
        /// Vertical position of its upper edge.
        top: f64,
        /// Half its width there.
        half_width: f64,
        /// Brightness, 0 to 255.
        value: f64,
    },
    /// Two dark lenses and the bridge between them.
    Sunglasses {
        /// The height of the lenses' centres.
        y: f64,
        /// Half a lens's width and height.
        lens: (f64, f64),
        /// Brightness, 0 to 255.
        value: f64,
    },
    /// An ellipse in front of one side of the lower face.
    Hand {
        /// Its centre.
        center: (f64, f64),
        /// Its half axes.
        axes: (f64, f64),
        /// Brightness relative to the picture's mean.
        brightness: f64,
    },
}

impl Cover {
    /// A random object. Always draws the same number of random numbers.
    pub(super) fn draw(random: &mut impl Rng) -> Self {
        let kind = random.random::<f64>();
        let [a, b, c, d] = [(); 4].map(|()| random.random::<f64>());
        let value = uniform(random, 0.0, 1.0);
        if kind < 0.45 {
            Self::Mask { top: 0.5 + 0.14 * a, half_width: 0.26 + 0.16 * b, value: 20.0 + 225.0 * value }
        } else if kind < 0.75 {
            Self::Sunglasses {
                y: 0.34 + 0.1 * a,
                lens: (0.12 + 0.08 * b, 0.07 + 0.06 * c),
                value: 55.0 * value,
            }
        } else {
            let x = if a < 0.5 { 0.1 + 0.5 * a } else { 0.9 - 0.5 * (a - 0.5) };
            let axes = (0.12 + 0.14 * c, 0.16 + 0.2 * d);
            Self::Hand { center: (x, 0.55 + 0.4 * b), axes, brightness: 0.7 + 0.6 * value }
        }
    }

    /// Paints the object on `pixels`, `side` x `side` of `channels` bytes.
    pub(super) fn draw_on(&self, side: usize, channels: usize, pixels: &mut [u8]) {
        let value = match *self {
            Self::Mask { value, .. } | Self::Sunglasses { value, .. } => value,
            Self::Hand { brightness, .. } => {
                let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
                (brightness * sum as f64 / pixels.len() as f64).min(255.0)
            }
        };
        for (at, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
            let x = ((at % side) as f64 + 0.5) / side as f64;
            let y = ((at / side) as f64 + 0.5) / side as f64;
            // An edge one pixel wide.
            let part = (0.5 - self.distance(x, y) * side as f64).clamp(0.0, 1.0);
            for channel in pixel {
                *channel =
                    (f64::from(*channel) * (1.0 - part) + self.shaded(value, x, y) * part).round() as u8;
            }
        }
    }

    /// The signed distance to the outline, negative inside; it is accurate near the outline.
    fn distance(&self, x: f64, y: f64) -> f64 {
        let ellipse = |center: (f64, f64), axes: (f64, f64)| {
            let length = (((x - center.0) / axes.0).powi(2) + ((y - center.1) / axes.1).powi(2)).sqrt();
            (length - 1.0) * axes.0.min(axes.1)
        };
        match *self {
            Self::Mask { top, half_width, .. } => {
                let from_top = y - top;
                let narrowing = half_width - 0.25 * from_top.max(0.0).powi(2) - (x - 0.5).abs();
                (-from_top - 0.15 * (0.5 - (x - 0.5).abs())).max(-narrowing)
            }
            Self::Sunglasses { y: height, lens, .. } => {
                let lenses = ellipse((0.31, height), lens).min(ellipse((0.69, height), lens));
                let bridge = ((y - height).abs() - 0.015).max((x - 0.5).abs() - 0.5);
                lenses.min(bridge)
            }
            Self::Hand { center, axes, .. } => ellipse(center, axes),
        }
    }

    /// The brightness at a point: stripes imitate the folds of a mask and the fingers of a hand; glasses are uniform.
    fn shaded(&self, value: f64, x: f64, y: f64) -> f64 {
        let shade = match self {
            Self::Mask { .. } => 1.0 - 0.35 * (2.0 * x - 1.0).abs() - 0.06 * (y * 40.0).sin().max(0.0),
            Self::Sunglasses { .. } => 1.0,
            Self::Hand { .. } => 1.0 - 0.2 * ((x + 0.3 * y) * 42.0).sin().max(0.0),
        };
        (value * shade).clamp(0.0, 255.0)
    }
}
