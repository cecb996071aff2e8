//! Simulates the image errors of cameras: lens blur, motion blur, low resolution, sensor noise and JPEG compression.

use super::{AugmentSection, log_uniform, uniform};
use emotiond_core::picture::{Color, PictureView, resize_part};
use fast_image_resize::Resizer;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

/// The image errors to apply; `None` for no such error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Camera {
    /// Standard deviation in pixels of a 48-pixel picture.
    pub(super) blur: Option<f64>,
    /// Length in pixels of a 48-pixel picture, and direction in radians.
    pub(super) motion: Option<(f64, f64)>,
    /// The reduced side, as a part of the full side.
    pub(super) resolution: Option<f64>,
    /// Standard deviation in pixel values, and the random seed.
    pub(super) noise: Option<(f64, u64)>,
    /// Quality, 1 to 100.
    pub(super) jpeg: Option<i32>,
}

/// Strengths are given for pictures of this side.
const REFERENCE_SIDE: f64 = 48.0;
/// Limit of the noise, as a part of the distance between the picture's darkest and brightest pixel.
const MOST_NOISE: f64 = 0.12;

impl Camera {
    /// Random errors as allowed by `section`. Always draws the same number of random numbers.
    pub(super) fn draw(section: &AugmentSection, random: &mut impl Rng) -> Self {
        let mut chance = |probability: f64| random.random::<f64>() < probability;
        let [blurs, moves, shrinks, rustles, compresses] =
            [section.blur, section.motion_blur, section.low_resolution, section.noise, section.jpeg]
                .map(&mut chance);
        let blur = uniform(random, 0.5, 2.0);
        let motion = (uniform(random, 3.0, 9.0), uniform(random, 0.0, std::f64::consts::PI));
        let resolution = log_uniform(random, 12.0, 36.0) / REFERENCE_SIDE;
        let noise = (log_uniform(random, 1.0, 16.0), random.random());
        let jpeg = uniform(random, 12.0, 70.0).round() as i32;
        Self {
            blur: blurs.then_some(blur),
            motion: moves.then_some(motion),
            resolution: shrinks.then_some(resolution),
            noise: rustles.then_some(noise),
            jpeg: compresses.then_some(jpeg),
        }
    }

    /// Applies the errors to `light`, `side` x `side` values of `color` from 0 to 255, and writes the picture, which
    /// has the same size.
    pub(super) fn take(&self, mut light: Vec<f32>, side: usize, color: Color, out: &mut [u8]) {
        let channels = color.channels();
        let scale = side as f64 / REFERENCE_SIDE;
        if let Some(deviation) = self.blur {
            light = along(&light, side, channels, (1.0, 0.0), &bell(deviation * scale));
            light = along(&light, side, channels, (0.0, 1.0), &bell(deviation * scale));
        }
        if let Some((length, direction)) = self.motion {
            let steps = (length * scale).round().max(1.0) as usize | 1;
            light = along(
                &light,
                side,
                channels,
                (direction.cos(), direction.sin()),
                &vec![1.0 / steps as f32; steps],
            );
        }
        let Some(part) = self.resolution else {
            self.expose(&light, side, color, out);
            return;
        };
        let few = ((side as f64 * part).round() as usize).max(1);
        let mut small = vec![0; few * few * channels];
        let whole: Vec<u8> = light.iter().map(|value| value.round() as u8).collect();
        resize(&whole, side, &mut small, few, color);
        let small_light: Vec<f32> = small.iter().map(|&value| f32::from(value)).collect();
        self.expose(&small_light, few, color, &mut small);
        resize(&small, few, out, side, color);
    }

    /// Applies sensor noise, rounding and JPEG compression.
    fn expose(&self, light: &[f32], side: usize, color: Color, out: &mut [u8]) {
        match self.noise {
            Some((deviation, seed)) => {
                let (darkest, brightest) =
                    light.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| (low.min(v), high.max(v)));
                let most = f64::from(brightest - darkest) * MOST_NOISE;
                let normal =
                    Normal::new(0.0, deviation.min(most.max(0.5)) as f32).expect("a deviation above 0");
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                for (pixel, value) in out.iter_mut().zip(light) {
                    *pixel = (value + normal.sample(&mut random)).round() as u8;
                }
            }
            None => out.iter_mut().zip(light).for_each(|(pixel, value)| *pixel = value.round() as u8),
        }
        if let Some(quality) = self.jpeg {
            compress(side, color, quality, out);
        }
    }
}

/// Compresses the picture as JPEG and decompresses it.
fn compress(side: usize, color: Color, quality: i32, pixels: &mut [u8]) {
    let (format, subsampling) = match color {
        Color::Gray => (turbojpeg::PixelFormat::GRAY, turbojpeg::Subsamp::Gray),
        Color::Rgb => (turbojpeg::PixelFormat::RGB, turbojpeg::Subsamp::Sub2x2),
    };
    let (width, height, pitch) = (side, side, side * color.channels());
    let image = turbojpeg::Image { pixels: &*pixels, width, pitch, height, format };
    let jpeg = turbojpeg::compress(image, quality, subsampling).expect("a picture can be compressed");
    let mut decompressor = turbojpeg::Decompressor::new().expect("the JPEG library can be initialised");
    let back = turbojpeg::Image { pixels: &mut *pixels, width, pitch, height, format };
    decompressor.decompress(&jpeg, back).expect("the JPEG was just compressed");
}

fn resize(from: &[u8], from_side: usize, to: &mut [u8], to_side: usize, color: Color) {
    let source = PictureView::new(from_side as u32, from_side as u32, color, from);
    let size = (to_side as u32, to_side as u32);
    resize_part(&mut Resizer::new(), &source, None, size, to).expect("the sides are short");
}

/// The weights of a Gaussian, an odd number.
fn bell(deviation: f64) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as i64;
    let weights: Vec<f64> = (-reach..=reach).map(|x| (-0.5 * (x as f64 / deviation).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// The weighted mean of each pixel's neighbours along a direction; the pixels of the border are repeated outside.
fn along(pixels: &[f32], side: usize, channels: usize, direction: (f64, f64), weights: &[f32]) -> Vec<f32> {
    let reach = weights.len() as i64 / 2;
    let last = side as i64 - 1;
    let offsets: Vec<(i64, i64)> = (-reach..=reach)
        .map(|step| {
            let at = |part: f64| (step as f64 * part).round() as i64;
            (at(direction.0), at(direction.1))
        })
        .collect();
    let mut out = vec![0.0; pixels.len()];
    for (at, sum) in out.chunks_exact_mut(channels).enumerate() {
        let (x, y) = ((at % side) as i64, (at / side) as i64);
        for (&(dx, dy), weight) in offsets.iter().zip(weights) {
            let neighbour = ((y + dy).clamp(0, last) * side as i64 + (x + dx).clamp(0, last)) as usize;
            for (sum, value) in sum.iter_mut().zip(&pixels[neighbour * channels..]) {
                *sum += weight * value;
            }
        }
    }
    out
}
