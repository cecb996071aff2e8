//! Augmentation, in the physical order: objects that cover the face, rotation and framing of the head (one warp),
//! light, camera; then brightness and contrast, and an erased rectangle. Mixup needs whole batches, see
//! [`mod@super::loader`].

mod camera;
mod cover;
mod disturbances;
mod light;
mod warp;

use super::dataset::{Sample, crop_whole};
use super::recipe::AugmentSection;
use camera::Camera;
use cover::Cover;
pub use disturbances::disturbances;
use emotiond_core::{
    classify::description::InputSpec,
    picture::{Color, PictureView},
};
use light::Light;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
pub use warp::{Affine, Turn, warp};

/// A picture to be augmented: square, row by row, pixel by pixel.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// `side * side * channels` bytes.
    pub pixels: &'a [u8],
    /// Side in pixels.
    pub side: usize,
    /// Gray or RGB.
    pub color: Color,
}

/// The changes of one picture, chosen at random by [`Augmentation::draw`].
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
    cover: Option<Cover>,
    turn: Option<Turn>,
    light: Light,
    camera: Camera,
}

/// A rectangle, in parts of the side.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rectangle {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
    noise_seed: u64,
}

impl Default for Augmentation {
    /// Changes nothing.
    fn default() -> Self {
        Self {
            flip: false,
            shift_px: (0.0, 0.0),
            rotation_deg: 0.0,
            zoom: 1.0,
            brightness: 0.0,
            contrast: 1.0,
            erased: None,
            cover: None,
            turn: None,
            light: Light::default(),
            camera: Camera::default(),
        }
    }
}

impl Augmentation {
    /// The same augmentation with another seed of the noise, if it has noise.
    pub fn with_noise_seed(mut self, seed: u64) -> Self {
        self.camera.noise = self.camera.noise.map(|(deviation, _)| (deviation, seed));
        self
    }

    /// Random changes as allowed by `section`. It always draws the same number of random numbers, so that a key of the
    /// recipe does not influence the random values of the others.
    pub fn draw(section: &AugmentSection, random: &mut impl Rng) -> Self {
        let mut either_way = |most: f64| (random.random::<f64>() * 2.0 - 1.0) * most;
        let shift_px = (either_way(section.shift_px), either_way(section.shift_px));
        let rotation_deg = either_way(section.rotation_deg);
        let brightness = either_way(section.brightness);
        let contrast = 1.0 + either_way(section.contrast);
        let [least, most] = section.zoom.unwrap_or([1.0, 1.0]);
        let zoom = log_uniform(random, least, most);
        let flip = random.random::<f64>() < section.flip;
        let erases = random.random::<f64>() < section.erase;
        let rectangle = Rectangle::draw(random);
        let covers = random.random::<f64>() < section.cover;
        let turns = random.random::<f64>() < section.turn;
        let mut own = |_: usize| ChaCha8Rng::seed_from_u64(random.random());
        let [mut cover, mut turn, mut light, mut camera] = std::array::from_fn(&mut own);
        Self {
            flip,
            shift_px,
            rotation_deg,
            zoom,
            brightness,
            contrast,
            erased: erases.then_some(rectangle),
            cover: covers.then_some(Cover::draw(&mut cover)),
            turn: turns.then_some(Turn::draw(&mut turn)),
            light: Light::draw(section, &mut light),
            camera: Camera::draw(section, &mut camera),
        }
    }

    /// Writes the changed picture into `out`, `side` x `side` pixels of the source's colour.
    ///
    /// # Panics
    /// When `out` is not that long.
    pub fn apply(&self, source: &Original, side: usize, out: &mut [u8]) {
        let map = Affine::new(source.side, side, self.flip, self.shift_px, self.rotation_deg, self.zoom);
        let channels = source.color.channels();
        match &self.cover {
            Some(cover) => {
                let mut covered = source.pixels.to_vec();
                cover.draw_on(source.side, channels, &mut covered);
                warp(&Original { pixels: &covered, ..*source }, &map, self.turn, side, out);
            }
            None => warp(source, &map, self.turn, side, out),
        }
        if self.light != Light::default() || self.camera != Camera::default() {
            let mut light: Vec<f32> = out.iter().map(|&pixel| f32::from(pixel)).collect();
            self.light.apply(side, channels, &mut light);
            self.camera.take(light, side, source.color, out);
        }
        self.change_tones(out);
        if let Some(rectangle) = &self.erased {
            rectangle.erase(side, channels, out);
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

/// Writes the sample, changed by `augmentation`, in the format of `spec`.
///
/// # Panics
/// When `crop` is not `spec.crop_len()` bytes long.
pub fn augment_sample(sample: &Sample, augmentation: &Augmentation, spec: &InputSpec, crop: &mut [u8]) {
    let pixels = sample.pixels.read();
    let source = Original { pixels: &pixels, side: sample.side as usize, color: sample.color };
    if sample.color == spec.color {
        augmentation.apply(&source, spec.size, crop);
        return;
    }
    let mut changed = vec![0; spec.size * spec.size * sample.color.channels()];
    augmentation.apply(&source, spec.size, &mut changed);
    let side = spec.size as u32;
    crop_whole(&PictureView::new(side, side, sample.color, &changed), spec, crop);
}

fn uniform(random: &mut impl Rng, least: f64, most: f64) -> f64 {
    least + random.random::<f64>() * (most - least)
}

/// A random value that is uniform in the logarithm: halving is as likely as doubling.
fn log_uniform(random: &mut impl Rng, least: f64, most: f64) -> f64 {
    uniform(random, least.ln(), most.ln()).exp()
}

impl Rectangle {
    /// A rectangle for random erasing (Zhong et al. 2017): 2 to 25 % of the area, aspect ratio 1:3 to 3:1.
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
        let mut noise = ChaCha8Rng::seed_from_u64(self.noise_seed);
        let at = |part: f64| ((part * side as f64).round() as usize).min(side);
        let columns = at(self.x) * channels..at(self.x + self.w) * channels;
        for y in at(self.y)..at(self.y + self.h) {
            noise.fill_bytes(&mut pixels[y * side * channels..][columns.clone()]);
        }
    }
}

#[cfg(test)]
mod tests;
