//! Augmentation: one affine warp (flip, shift, rotation, zoom), brightness and contrast, a rectangle erased. Mixup
//! works on whole batches, see [`mod@super::loader`].

mod warp;

use super::recipe::AugmentSection;
use crate::picture::Color;
use rand::{Rng, RngExt};
pub use warp::{Affine, warp};

/// A picture to be augmented: square, row by row, pixel by pixel.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// `side * side * channels` bytes.
    pub pixels: &'a [u8],
    /// Side in pixels.
    pub side: usize,
    /// Gray or RGB.
    pub color: Color,
}

/// What happens to one picture. Drawn by [`Augmentation::draw`].
#[derive(Clone, Debug, PartialEq)]
pub struct Augmentation {
    flip: bool,
    /// To the right and down, in pixels of the output.
    shift_px: (f64, f64),
    /// Counter-clockwise.
    rotation_deg: f64,
    zoom: f64,
    /// Added to each pixel, as a part of 255.
    brightness: f64,
    /// Multiplies the distance from the picture's mean.
    contrast: f64,
    erased: Option<Rectangle>,
}

/// In parts of the side.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rectangle {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
    noise_seed: u64,
}

impl Augmentation {
    /// Draws from `random` what `section` allows. It always draws the same number of figures, so that one key of the
    /// recipe does not change what the others bring.
    pub fn draw(section: &AugmentSection, random: &mut impl Rng) -> Self {
        let mut either_way = |most: f64| (random.random::<f64>() * 2.0 - 1.0) * most;
        let shift_px = (either_way(section.shift_px), either_way(section.shift_px));
        let rotation_deg = either_way(section.rotation_deg);
        let brightness = either_way(section.brightness);
        let contrast = 1.0 + either_way(section.contrast);
        let [least, most] = section.zoom.unwrap_or([1.0, 1.0]);
        // Even in the logarithm: halving is as likely as doubling.
        let zoom = (least.ln() + random.random::<f64>() * (most.ln() - least.ln())).exp();
        let flip = random.random::<f64>() < section.flip;
        let erases = random.random::<f64>() < section.erase;
        let rectangle = Rectangle::draw(random);
        Self { flip, shift_px, rotation_deg, zoom, brightness, contrast, erased: erases.then_some(rectangle) }
    }

    /// Writes the changed picture into `out`, `side` x `side` pixels of the source's colour.
    ///
    /// # Panics
    /// When `out` is not that long.
    pub fn apply(&self, source: &Source, side: usize, out: &mut [u8]) {
        let map = Affine::new(source.side, side, self.flip, self.shift_px, self.rotation_deg, self.zoom);
        warp(source, &map, side, out);
        self.change_tones(out);
        if let Some(rectangle) = &self.erased {
            rectangle.erase(side, source.color.channels(), out);
        }
    }

    fn change_tones(&self, pixels: &mut [u8]) {
        if self.brightness == 0.0 && self.contrast == 1.0 {
            return;
        }
        let sum: u64 = pixels.iter().map(|&pixel| u64::from(pixel)).sum();
        let mean = sum as f64 / pixels.len() as f64;
        let table: [u8; 256] = std::array::from_fn(|pixel| {
            ((pixel as f64 - mean) * self.contrast + mean + self.brightness * 255.0).round() as u8
        });
        pixels.iter_mut().for_each(|pixel| *pixel = table[usize::from(*pixel)]);
    }
}

impl Rectangle {
    /// Random erasing's rectangle (Zhong et al. 2017): 2 to 25 % of the area, sides 1:3 to 3:1.
    fn draw(random: &mut impl Rng) -> Self {
        let area: f64 = 0.02 + 0.23 * random.random::<f64>();
        let ratio = 3.0_f64.powf(random.random::<f64>() * 2.0 - 1.0);
        let (w, h) = ((area * ratio).sqrt().min(1.0), (area / ratio).sqrt().min(1.0));
        let x = random.random::<f64>() * (1.0 - w);
        let y = random.random::<f64>() * (1.0 - h);
        Self { x, y, w, h, noise_seed: random.random() }
    }

    /// Fills the rectangle with noise.
    fn erase(&self, side: usize, channels: usize, pixels: &mut [u8]) {
        use rand::SeedableRng;
        let mut noise = rand_chacha::ChaCha8Rng::seed_from_u64(self.noise_seed);
        let at = |part: f64| ((part * side as f64).round() as usize).min(side);
        let columns = at(self.x) * channels..at(self.x + self.w) * channels;
        for y in at(self.y)..at(self.y + self.h) {
            noise.fill_bytes(&mut pixels[y * side * channels..][columns.clone()]);
        }
    }
}

#[cfg(test)]
mod tests;
