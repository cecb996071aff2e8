//! The transformations of F(4x4, 3x3) (Lavin and Gray 2016) of a column or row of input, weights and output, and their
//! gradients, which are the transposed matrices. Each works on the same place of several channels.

use std::ops::{Add, Mul, Sub};

/// Channels that are transformed at once.
pub(super) const LANES: usize = 16;

/// One number of each of `LANES` channels.
#[derive(Clone, Copy)]
pub(super) struct Lanes([f32; LANES]);

impl Lanes {
    pub(super) const ZERO: Self = Self([0.0; LANES]);

    #[inline(always)]
    pub(super) fn load(from: &[f32], at: usize) -> Self {
        let mut lanes = [0.0; LANES];
        lanes.copy_from_slice(&from[at..at + LANES]);
        Self(lanes)
    }

    /// Loads numbers that are `step` apart.
    #[inline(always)]
    pub(super) fn gather(from: &[f32], at: usize, step: usize) -> Self {
        Self(std::array::from_fn(|lane| from[at + lane * step]))
    }

    #[inline(always)]
    pub(super) fn scatter(self, to: &mut [f32], at: usize, step: usize) {
        for (lane, value) in self.0.into_iter().enumerate() {
            to[at + lane * step] = value;
        }
    }

    #[inline(always)]
    pub(super) fn store(self, to: &mut [f32], at: usize) {
        to[at..at + LANES].copy_from_slice(&self.0);
    }
}

impl Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] + other.0[lane]))
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] - other.0[lane]))
    }
}

impl Mul<f32> for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(self, factor: f32) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane] * factor))
    }
}

/// A function of a column or row. A trait in place of a closure, because only its method is certain to be compiled into the
/// loop around it, with that loop's vector instructions.
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    fn of(column: [Lanes; FROM]) -> [Lanes; TO];
}

/// Transforms the columns of a square, then the rows of the result.
#[inline(always)]
pub(super) fn transform_square<const FROM: usize, const TO: usize, T: Transform<FROM, TO>>(
    load: impl Fn(usize, usize) -> Lanes,
    mut store: impl FnMut(usize, usize, Lanes),
) {
    let mut columns = [[Lanes::ZERO; TO]; FROM];
    for (j, column) in columns.iter_mut().enumerate() {
        *column = T::of(std::array::from_fn(
            #[inline(always)]
            |i| load(i, j),
        ));
    }
    #[expect(clippy::needless_range_loop, reason = "a row lies across the columns")]
    for i in 0..TO {
        let row = T::of(std::array::from_fn(
            #[inline(always)]
            |j| columns[j][i],
        ));
        for (j, lanes) in row.into_iter().enumerate() {
            store(i, j, lanes);
        }
    }
}

pub(super) struct Input;

impl Transform<6, 6> for Input {
    #[inline(always)]
    fn of([a, b, c, d, e, f]: [Lanes; 6]) -> [Lanes; 6] {
        let (even, odd) = (e - c * 4.0, d - b * 4.0);
        let (even_2, odd_2) = (e - c, (d - b) * 2.0);
        [a * 4.0 - c * 5.0 + e, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, b * 4.0 - d * 5.0 + f]
    }
}

pub(super) struct InputGradient;

impl Transform<6, 6> for InputGradient {
    #[inline(always)]
    fn of([a, b, c, d, e, f]: [Lanes; 6]) -> [Lanes; 6] {
        let (sum, difference) = (b + c, b - c);
        let (sum_2, difference_2) = (d + e, (d - e) * 2.0);
        [
            a * 4.0,
            f * 4.0 - difference * 4.0 - difference_2,
            Lanes::ZERO - a * 5.0 - sum * 4.0 - sum_2,
            difference + difference_2 - f * 5.0,
            a + sum + sum_2,
            f,
        ]
    }
}

pub(super) struct Output;

impl Transform<6, 4> for Output {
    #[inline(always)]
    fn of([a, b, c, d, e, f]: [Lanes; 6]) -> [Lanes; 4] {
        let (sum, difference) = (b + c, b - c);
        let (sum_2, difference_2) = (d + e, d - e);
        [
            a + sum + sum_2,
            difference + difference_2 * 2.0,
            sum + sum_2 * 4.0,
            difference + difference_2 * 8.0 + f,
        ]
    }
}

pub(super) struct OutputGradient;

impl Transform<4, 6> for OutputGradient {
    #[inline(always)]
    fn of([a, b, c, d]: [Lanes; 4]) -> [Lanes; 6] {
        let (even, odd) = (a + c, b + d);
        let (even_2, odd_2) = (a + c * 4.0, b * 2.0 + d * 8.0);
        [a, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, d]
    }
}

pub(super) struct Weight;

impl Transform<3, 6> for Weight {
    #[inline(always)]
    fn of([a, b, c]: [Lanes; 3]) -> [Lanes; 6] {
        let (outer, outer_2) = ((a + c) * (-1.0 / 6.0), a * (1.0 / 24.0) + c * (1.0 / 6.0));
        let (inner, inner_2) = (b * (1.0 / 6.0), b * (1.0 / 12.0));
        [a * 0.25, outer - inner, outer + inner, outer_2 + inner_2, outer_2 - inner_2, c]
    }
}

pub(super) struct WeightGradient;

impl Transform<6, 3> for WeightGradient {
    #[inline(always)]
    fn of([a, b, c, d, e, f]: [Lanes; 6]) -> [Lanes; 3] {
        let sum = (b + c) * (-1.0 / 6.0);
        let sum_2 = d + e;
        [
            a * 0.25 + sum + sum_2 * (1.0 / 24.0),
            (c - b) * (1.0 / 6.0) + (d - e) * (1.0 / 12.0),
            sum + sum_2 * (1.0 / 6.0) + f,
        ]
    }
}
