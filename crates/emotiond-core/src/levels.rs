//! Normalises the brightness and contrast of a crop or a scene: stretches its pixel values linearly between robust percentiles,
//! like "auto levels" in photo editors. A network then gets similar input in a dim and in a bright room.

use crate::picture::Color;

/// The correction of a crop's brightness and contrast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Levels {
    /// No correction.
    #[default]
    Raw,
    /// Applies [`Stretch::of`].
    Auto,
}

/// The part of the pixels below the lower and above the upper percentile.
const TAIL: f32 = 0.05;
/// The distance between the two percentiles in a stretched crop, in pixel values; about that of faces in good light.
const SPREAD: f32 = 180.0;
/// The smallest distance that is fully stretched: below it, a crop contains noise rather than a face.
const LEAST_SPREAD: f32 = 12.0;
const MIDDLE: f32 = 127.5;
/// The part of a whole scene's pixels beyond its percentiles: small, because a face may be a small part of the scene, in
/// front of a flat wall.
const SCENE_TAIL: f32 = 0.001;
/// [`SPREAD`] and [`LEAST_SPREAD`] of a scene.
const SCENE_SPREAD: f32 = 230.0;
const LEAST_SCENE_SPREAD: f32 = 16.0;
/// A scene with at least this distance between its percentiles is not stretched, ...
const WELL_LIT_SPREAD: f32 = 120.0;
/// ... one with at most this distance fully, and one in between partly, so that faces do not come and go at a limit.
const DIM_SPREAD: f32 = 60.0;
/// Of a scene, one value of so many is counted; a prime number, so that the counted columns differ from row to row.
const SCENE_STEP: usize = 17;

/// The correction `pixel * gain + offset`, neither rounded nor clipped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// At most 15: `SPREAD / LEAST_SPREAD`, or less for a scene.
    pub gain: f32,
    /// In pixel values.
    pub offset: f32,
}

impl Stretch {
    /// Does not change pixels.
    pub const NONE: Self = Self { gain: 1.0, offset: 0.0 };

    /// The stretch that moves the 5th and the 95th percentile of a square crop to fixed values. Only pixels in the
    /// inscribed disc are counted: the face fills it, and a bright window behind the face is mostly outside.
    ///
    /// # Panics
    /// When `crop` is not a square of `color` with a side of `size` pixels.
    ///
    /// ```
    /// use emotiond_core::{levels::Stretch, picture::Color};
    ///
    /// let bright: Vec<u8> = (0..48 * 48).map(|i| 40 + (i % 48) as u8 * 4).collect();
    /// let dark: Vec<u8> = bright.iter().map(|pixel| pixel / 4).collect();
    /// let (one, other) = (Stretch::of(&bright, 48, Color::Gray), Stretch::of(&dark, 48, Color::Gray));
    /// let levelled = |pixel: u8, stretch: &Stretch| f32::from(pixel) * stretch.gain + stretch.offset;
    /// assert!((levelled(bright[20], &one) - levelled(dark[20], &other)).abs() < 4.0);
    /// ```
    pub fn of(crop: &[u8], size: usize, color: Color) -> Self {
        let histogram = histogram_of_disc(crop, size, color.channels());
        let (low, high) = (percentile(&histogram, TAIL), percentile(&histogram, 1.0 - TAIL));
        let gain = SPREAD / (high - low).max(LEAST_SPREAD);
        Self { gain, offset: MIDDLE - gain * (low + high) / 2.0 }
    }

    /// The stretch of a whole picture before faces are searched in it; of a well lit one, [`Stretch::NONE`]. `pixels` are
    /// those of any colour, row by row.
    pub fn of_scene(pixels: &[u8]) -> Self {
        let mut histogram = [0; 256];
        for &pixel in pixels.iter().step_by(SCENE_STEP) {
            histogram[usize::from(pixel)] += 1;
        }
        let (low, high) = (percentile(&histogram, SCENE_TAIL), percentile(&histogram, 1.0 - SCENE_TAIL));
        let dimness = (WELL_LIT_SPREAD - (high - low)) / (WELL_LIT_SPREAD - DIM_SPREAD);
        if dimness <= 0.0 {
            return Self::NONE;
        }
        let full = SCENE_SPREAD / (high - low).max(LEAST_SCENE_SPREAD);
        let part = dimness.min(1.0);
        let gain = 1.0 + part * (full - 1.0);
        Self { gain, offset: part * (MIDDLE - full * (low + high) / 2.0) }
    }

    /// The stretched value, neither rounded nor clipped.
    pub fn level(&self, value: f32) -> f32 {
        value * self.gain + self.offset
    }

    /// The stretched `pixel`, rounded and clipped.
    pub fn apply(&self, pixel: u8) -> u8 {
        self.level(f32::from(pixel)).round() as u8
    }
}

fn histogram_of_disc(crop: &[u8], size: usize, channels: usize) -> [u32; 256] {
    assert_eq!(crop.len(), size * size * channels, "a crop of the wrong length");
    let mut histogram = [0; 256];
    let radius = size as f32 / 2.0;
    for (y, row) in crop.chunks_exact(size * channels).enumerate() {
        let from_center = y as f32 + 0.5 - radius;
        let half_width = (radius * radius - from_center * from_center).sqrt();
        let columns = (radius - half_width).round() as usize..(radius + half_width).round() as usize;
        for &pixel in &row[columns.start * channels..columns.end * channels] {
            histogram[usize::from(pixel)] += 1;
        }
    }
    histogram
}

/// The value below which `part` of the pixels lie. A pixel of value `v` is spread over `v - 0.5` to `v + 0.5`, so that
/// percentiles are precise even in a dark crop with few different values.
fn percentile(histogram: &[u32; 256], part: f32) -> f32 {
    let wanted = part * histogram.iter().sum::<u32>() as f32;
    let mut below = 0.0;
    for (value, &count) in histogram.iter().enumerate() {
        let count = count as f32;
        if count > 0.0 && below + count >= wanted {
            return value as f32 - 0.5 + (wanted - below) / count;
        }
        below += count;
    }
    255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn face() -> Vec<u8> {
        (0..48 * 48).map(|i: usize| (60 + (i % 48) * 3 + i / 48 % 7) as u8).collect()
    }

    fn stretched(crop: &[u8]) -> Vec<f32> {
        let stretch = Stretch::of(crop, 48, Color::Gray);
        crop.iter().map(|&pixel| f32::from(pixel) * stretch.gain + stretch.offset).collect()
    }

    proptest! {
        #[test]
        fn dim_and_pale_faces_become_the_same(gain in 0.15f32..1.0, offset in 0.0f32..20.0) {
            let changed: Vec<u8> =
                face().iter().map(|&pixel| (f32::from(pixel) * gain + offset).round() as u8).collect();
            for (before, after) in stretched(&face()).iter().zip(stretched(&changed)) {
                // The rounding error of half a pixel value is stretched too.
                prop_assert!((before - after).abs() < 1.5 / gain + 1.0, "{before} {after}");
            }
        }
    }

    #[test]
    fn a_flat_crop_stays_flat() {
        let noise: Vec<u8> = (0..48 * 48).map(|i| 30 + (i % 3) as u8).collect();
        let pixels = stretched(&noise);
        assert!(pixels.iter().all(|pixel| (pixel - MIDDLE).abs() < 25.0), "noise was stretched to a picture");
        assert!(stretched(&[0; 48 * 48]).iter().all(|pixel| (pixel - MIDDLE).abs() < 8.0));
    }

    #[test]
    fn a_dim_scene_is_stretched_and_a_small_face_before_a_wall_is_not() {
        let scene: Vec<u8> = (0..90_000).map(|i| (i * 37 % 256) as u8).collect();
        assert_eq!(Stretch::of_scene(&scene), Stretch::NONE);
        let dim: Vec<u8> = scene.iter().map(|value| value / 10).collect();
        let stretch = Stretch::of_scene(&dim);
        assert!(stretch.apply(0) < 20 && stretch.apply(25) > 235, "{stretch:?}");
        let mut wall = vec![104; 90_000];
        wall[40_000..40_900].copy_from_slice(&scene[..900]);
        assert_eq!(Stretch::of_scene(&wall), Stretch::NONE);
    }

    #[test]
    fn what_lies_in_the_corners_does_not_count() {
        let mut window = face();
        for (at, pixel) in window.iter_mut().enumerate() {
            let (x, y) = ((at % 48) as f32 - 23.5, (at / 48) as f32 - 23.5);
            if x * x + y * y > 25.0 * 25.0 {
                *pixel = 255;
            }
        }
        assert_eq!(Stretch::of(&window, 48, Color::Gray), Stretch::of(&face(), 48, Color::Gray));
    }
}
