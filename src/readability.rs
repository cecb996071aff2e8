//! Readability of a face's crop: the network's output for turned, small, blurred or low-contrast faces is unreliable.

use crate::pose::Pose;
use emotiond_core::picture::{Color, PictureView};

/// Faces with a lower readability are unreadable.
pub const LEAST: f32 = 0.1;

/// For each of the four measures, the value from which the factor is 0, and the value from which it is 1. Measured, see
/// docs/pose.md.
const AWAY_DEG: (f32, f32) = (75.0, 35.0);
const SIDE_PX: (f32, f32) = (8.0, 32.0);
const SHARPNESS: (f32, f32) = (0.35, 0.8);
const CONTRAST: (f32, f32) = (1.0, 5.0);

/// The readability of a face, 0 to 1: the product of factors for its pose, size, sharpness and contrast.
///
/// `crop` is the network's input before normalisation, `side_px` the longer side of the face in pixels of the source's
/// frame; `pose` is `None` if it is unknown.
pub fn readability(crop: &PictureView, side_px: f32, pose: Option<Pose>) -> f32 {
    let Detail { contrast, sharpness } = Detail::of(crop);
    let turned = pose.map_or(1.0, |pose| ramp(pose.away_deg(), AWAY_DEG));
    turned * ramp(side_px, SIDE_PX) * ramp(sharpness, SHARPNESS) * ramp(contrast, CONTRAST)
}

/// 0 up to the first limit, 1 from the second limit, linear in between.
fn ramp(value: f32, (nothing, all): (f32, f32)) -> f32 {
    ((value - nothing) / (all - nothing)).clamp(0.0, 1.0)
}

/// Contrast and sharpness of a crop, computed at half its size to reduce noise.
struct Detail {
    /// Standard deviation of the pixels, which are from 0 to 255.
    contrast: f32,
    /// Mean second difference of neighbouring pixels divided by their mean first difference, independent of contrast:
    /// about 1.2 for edges as sharp as possible, less for wider edges.
    sharpness: f32,
}

impl Detail {
    /// Measures a crop; of a colour picture, the green channel.
    fn of(crop: &PictureView) -> Self {
        let (stride, channels) = (crop.width as usize, crop.color.channels());
        let channel = if crop.color == Color::Rgb { 1 } else { 0 };
        let pixel = |x: usize, y: usize| i32::from(crop.data[(y * stride + x) * channels + channel]);
        // The sum of four pixels, that is, four times the pixel at half the size.
        let four = |x: usize, y: usize| {
            let (x, y) = (2 * x, 2 * y);
            pixel(x, y) + pixel(x + 1, y) + pixel(x, y + 1) + pixel(x + 1, y + 1)
        };
        let (width, height) = (stride / 2, crop.height as usize / 2);
        let (mut sum, mut squares, mut first, mut second) = (0i64, 0i64, 0i64, 0i64);
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                let (here, left, right) = (four(x, y), four(x - 1, y), four(x + 1, y));
                let (above, below) = (four(x, y - 1), four(x, y + 1));
                sum += i64::from(here);
                squares += i64::from(here * here);
                first += i64::from((right - here).abs() + (below - here).abs());
                second += i64::from((4 * here - left - right - above - below).abs());
            }
        }
        let count = (width.saturating_sub(2) * height.saturating_sub(2)).max(1) as f32;
        let mean = sum as f32 / count;
        Self {
            contrast: (squares as f32 / count - mean * mean).max(0.0).sqrt() / 4.0,
            sharpness: second as f32 / first.max(1) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 48;

    /// A pattern with a face's contrast, blurred `blurs` times.
    fn crop(contrast: f32, blurs: usize) -> Vec<u8> {
        let spot =
            |x: usize, y: usize| ((x / 4 * 13 + y / 4 * 29 + (x / 4) * (y / 4) * 7) % 64) as f32 / 32.0 - 1.0;
        let mut values: Vec<f32> = (0..SIDE * SIDE).map(|i| spot(i % SIDE, i / SIDE)).collect();
        for _ in 0..blurs {
            let before = values.clone();
            let at = |x: usize, y: usize| before[y.min(SIDE - 1) * SIDE + x.min(SIDE - 1)];
            for (i, value) in values.iter_mut().enumerate() {
                let (x, y) = (i % SIDE, i / SIDE);
                let near =
                    at(x + 1, y) + at(x.saturating_sub(1), y) + at(x, y + 1) + at(x, y.saturating_sub(1));
                *value = (near + at(x, y)) / 5.0;
            }
        }
        values.iter().map(|value| (128.0 + contrast * value).round() as u8).collect()
    }

    fn read(pixels: &[u8], side_px: f32, pose: Option<Pose>) -> f32 {
        readability(&PictureView::new(SIDE as u32, SIDE as u32, Color::Gray, pixels), side_px, pose)
    }

    #[test]
    fn a_sharp_large_frontal_face_is_readable() {
        let pixels = crop(80.0, 0);
        assert_eq!(read(&pixels, 100.0, Some(Pose::default())), 1.0);
        assert_eq!(read(&pixels, 100.0, None), 1.0);
    }

    #[test]
    fn what_is_turned_small_blurred_or_flat_is_less_readable() {
        let turned = |yaw| read(&crop(80.0, 0), 100.0, Some(Pose { yaw, ..Pose::default() }));
        let small = |side_px| read(&crop(80.0, 0), side_px, None);
        let blurred = |blurs| read(&crop(80.0, blurs), 100.0, None);
        let flat = |contrast| read(&crop(contrast, 0), 100.0, None);
        for values in [
            [turned(0.0), turned(-50.0), turned(65.0)],
            [small(40.0), small(20.0), small(12.0)],
            [blurred(0), blurred(12), blurred(30)],
            [flat(80.0), flat(8.0), flat(4.0)],
        ] {
            assert!(values.windows(2).all(|pair| pair[0] > pair[1]), "{values:?}");
        }
        for nothing in [turned(80.0), small(8.0), flat(1.0)] {
            assert!(nothing < LEAST, "{nothing}");
        }
    }

    #[test]
    fn a_colour_crop_is_as_readable_as_the_same_in_gray() {
        let gray = crop(20.0, 3);
        let rgb: Vec<u8> = gray.iter().flat_map(|&pixel| [pixel; 3]).collect();
        let colour = PictureView::new(SIDE as u32, SIDE as u32, Color::Rgb, &rgb);
        assert_eq!(readability(&colour, 20.0, None), read(&gray, 20.0, None));
    }

    #[test]
    fn tiny_and_empty_crops_are_unreadable() {
        for side in 0..3usize {
            let pixels = vec![7; side * side];
            let view = PictureView::new(side as u32, side as u32, Color::Gray, &pixels);
            assert_eq!(readability(&view, 100.0, None), 0.0);
        }
    }
}
