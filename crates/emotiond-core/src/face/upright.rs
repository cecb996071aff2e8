//! Rotates a tilted crop upright.

use crate::classify::description::InputSpec;
use std::f32::consts::SQRT_2;

/// Writes the tilted square in the middle of `tilted` into `out`. `tilted` has `size` x `size` pixels and just contains
/// the corners of the square, whose axes are (`cos`, `sin`) and (-`sin`, `cos`). Each output pixel is the mean of four
/// bilinear samples.
pub(super) fn turn_upright(
    tilted: &[u8],
    size: usize,
    (sin, cos): (f32, f32),
    spec: &InputSpec,
    out: &mut [u8],
) {
    let channels = spec.color.channels();
    let pitch = size as f32 / SQRT_2 / (2 * spec.size) as f32;
    let middle = (size as f32 - 1.0) / 2.0;
    let last = (size - 1) as f32;
    let add = |x: f32, y: f32, sums: &mut [f32]| {
        let (x, y) = (x.clamp(0.0, last), y.clamp(0.0, last));
        let (column, row) = ((x as usize).min(size - 2), (y as usize).min(size - 2));
        let (right, below) = (x - column as f32, y - row as f32);
        let at = (row * size + column) * channels;
        for (channel, sum) in sums.iter_mut().enumerate() {
            let pixel = |place: usize| f32::from(tilted[at + place * channels + channel]);
            let upper = pixel(0) + (pixel(1) - pixel(0)) * right;
            let lower = pixel(size) + (pixel(size + 1) - pixel(size)) * right;
            *sum += upper + (lower - upper) * below;
        }
    };
    for (index, pixel) in out.chunks_exact_mut(channels).enumerate() {
        let mut sums = [0.0; 3];
        for part in 0..4 {
            let across = (2 * (index % spec.size) + part % 2) as f32 + 0.5 - spec.size as f32;
            let down = (2 * (index / spec.size) + part / 2) as f32 + 0.5 - spec.size as f32;
            let (across, down) = (across * pitch, down * pitch);
            add(
                middle + across * cos - down * sin,
                middle + across * sin + down * cos,
                &mut sums[..channels],
            );
        }
        for (value, sum) in pixel.iter_mut().zip(sums) {
            *value = (sum / 4.0).round() as u8;
        }
    }
}
