//! Warps pictures with bilinear interpolation: an affine map, then a perspective map. The pixels of the border are
//! repeated outside, as in the daemon's crop.

use super::{Original, uniform};
use rand::Rng;

const FRACTION_BITS: u32 = 16;
const ONE: i64 = 1 << FRACTION_BITS;

/// An affine map from output to source: `source = origin + x * right + y * down`, in source pixels, with the centre of
/// the first pixel at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    origin: (f64, f64),
    right: (f64, f64),
    down: (f64, f64),
}

impl Affine {
    /// The map that resizes a square of `source_side` to `side` pixels and then, about the centre, mirrors, zooms,
    /// rotates (counter-clockwise) and shifts (right, down, in pixels of the output).
    pub fn new(
        source_side: usize,
        side: usize,
        flip: bool,
        shift_px: (f64, f64),
        rotation_deg: f64,
        zoom: f64,
    ) -> Self {
        let scale = source_side as f64 / side as f64 / zoom;
        let (sin, cos) = rotation_deg.to_radians().sin_cos();
        let mirror = if flip { -1.0 } else { 1.0 };
        let right = (cos * scale * mirror, sin * scale);
        let down = (-sin * scale * mirror, cos * scale);
        let (center, source_center) = (side as f64 / 2.0 - 0.5, source_side as f64 / 2.0 - 0.5);
        let (x, y) = (center + shift_px.0, center + shift_px.1);
        let origin = (source_center - x * right.0 - y * down.0, source_center - x * right.1 - y * down.1);
        Self { origin, right, down }
    }

    /// The point of the source that appears at (`x`, `y`) of the output.
    pub fn source_point(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.origin.0 + x * self.right.0 + y * self.down.0,
            self.origin.1 + x * self.right.1 + y * self.down.1,
        )
    }
}

/// A picture rotated about its vertical axis and then about its horizontal axis, seen in perspective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// The directions right and down of the rotated picture: x, y and depth.
    right: [f64; 3],
    down: [f64; 3],
}

/// Distance of the eye, in halves of the picture's side.
const EYE: f64 = 4.0;

impl Turn {
    /// A rotation about the vertical and the horizontal axis, in degrees.
    pub fn new(yaw_deg: f64, pitch_deg: f64) -> Self {
        let (yaw_sin, yaw_cos) = yaw_deg.to_radians().sin_cos();
        let (pitch_sin, pitch_cos) = pitch_deg.to_radians().sin_cos();
        Self {
            right: [yaw_cos, yaw_sin * pitch_sin, yaw_sin * pitch_cos],
            down: [0.0, pitch_cos, -pitch_sin],
        }
    }

    pub(super) fn draw(random: &mut impl Rng) -> Self {
        Self::new(uniform(random, -25.0, 25.0), uniform(random, -15.0, 15.0))
    }

    /// The point of the picture before the rotation that is seen at (`x`, `y`) of `side` x `side` pixels.
    fn before(&self, side: usize, x: f64, y: f64) -> (f64, f64) {
        let half = side as f64 / 2.0;
        let (x, y) = ((x + 0.5 - half) / half, (y + 0.5 - half) / half);
        // The ray through (x, y) meets the plane where u * right + v * down lies on it.
        let equation = |seen: f64, axis: usize| {
            (
                EYE * self.right[axis] - seen * self.right[2],
                EYE * self.down[axis] - seen * self.down[2],
                EYE * seen,
            )
        };
        let ((a, b, p), (c, d, q)) = (equation(x, 0), equation(y, 1));
        let determinant = a * d - b * c;
        let (u, v) = ((p * d - b * q) / determinant, (a * q - p * c) / determinant);
        (u * half + half - 0.5, v * half + half - 0.5)
    }
}

/// Writes `side` x `side` pixels into `out`: the source warped by `map`, then rotated by `turn` if there is one.
///
/// # Panics
/// When the length of `out` or of the source does not match its side and colour.
pub fn warp(source: &Original, map: &Affine, turn: Option<Turn>, side: usize, out: &mut [u8]) {
    let channels = source.color.channels();
    assert_eq!(out.len(), side * side * channels, "the output does not fit its side");
    assert_eq!(source.pixels.len(), source.side * source.side * channels, "the source does not fit its side");
    let fixed = |value: f64| (value * ONE as f64).round() as i64;
    if let Some(turn) = turn {
        for (at, pixel) in out.chunks_exact_mut(channels).enumerate() {
            let (x, y) = turn.before(side, (at % side) as f64, (at / side) as f64);
            let (x, y) = map.source_point(x, y);
            sample(source, channels, fixed(x), fixed(y), pixel);
        }
        return;
    }
    let (step_x, step_y) = (fixed(map.right.0), fixed(map.right.1));
    for (row, line) in out.chunks_exact_mut(side * channels).enumerate() {
        let start = map.source_point(0.0, row as f64);
        let (mut x, mut y) = (fixed(start.0), fixed(start.1));
        for pixel in line.chunks_exact_mut(channels) {
            sample(source, channels, x, y, pixel);
            x += step_x;
            y += step_y;
        }
    }
}

/// One pixel by bilinear interpolation at the fixed-point position (`x`, `y`).
#[inline]
fn sample(source: &Original, channels: usize, x: i64, y: i64, pixel: &mut [u8]) {
    let last = source.side as i64 - 1;
    let (x, y) = (x.clamp(0, last * ONE), y.clamp(0, last * ONE));
    let (left, top) = (x >> FRACTION_BITS, y >> FRACTION_BITS);
    let (right, bottom) = ((left + 1).min(last), (top + 1).min(last));
    // With eleven bits per fraction, the product of two fractions and a byte fits into 32 bits.
    let (fx, fy) = (((x & (ONE - 1)) >> 5) as u32, ((y & (ONE - 1)) >> 5) as u32);
    let at = |x: i64, y: i64, channel: usize| {
        u32::from(source.pixels[(y as usize * source.side + x as usize) * channels + channel])
    };
    for (channel, value) in pixel.iter_mut().enumerate() {
        let above = at(left, top, channel) * (2048 - fx) + at(right, top, channel) * fx;
        let below = at(left, bottom, channel) * (2048 - fx) + at(right, bottom, channel) * fx;
        *value = ((above * (2048 - fy) + below * fy + (1 << 21)) >> 22) as u8;
    }
}
