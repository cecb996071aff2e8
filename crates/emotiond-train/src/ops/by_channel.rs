//! Passes over maps stored channels last with parameters per channel.

use super::compute::vectorised;
use rayon::prelude::*;

/// Number of values per task, before rounding to whole pixels; they fit in the second-level cache.
pub(super) const TASK_LEN: usize = 64 * 1024;
/// Number of values that are summed in parallel: four of the widest registers.
const LANES: usize = 64;

/// `x * scale + shift` per channel, then a ReLU if `relu`.
pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], relu: bool) -> Vec<f32> {
    let channels = scale.len();
    let (scale, shift) = (repeat(scale), repeat(shift));
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut out = vec![0.0; x.len()];
    let task = task_len(channels);
    out.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(out, x)| {
        vectorised(
            #[inline(always)]
            || {
                for (out, x) in out.chunks_mut(scale.len()).zip(x.chunks(scale.len())) {
                    for (((out, x), scale), shift) in out.iter_mut().zip(x).zip(&scale).zip(&shift) {
                        let y = x * scale + shift;
                        *out = if y > floor { y } else { floor };
                    }
                }
            },
        );
    });
    out
}

/// Sums per channel of the two values that `terms` computes from the values of `inputs` at a position and the
/// parameters of its channel. Blocks of lanes are summed in registers; the remainder is summed last.
pub(super) fn two_sums<const I: usize, const F: usize>(
    inputs: [&[f32]; I],
    figures: [&[f32]; F],
    terms: impl Fn([f32; I], [f32; F]) -> (f32, f32) + Copy,
) -> (Vec<f32>, Vec<f32>) {
    let channels = figures[0].len();
    let figures = figures.map(repeat);
    let width = width(channels);
    let whole = inputs[0].len() / width * width;
    let (mut first, mut second) = (vec![0.0; width], vec![0.0; width]);
    vectorised(
        #[inline(always)]
        || {
            for block in (0..width).step_by(LANES) {
                let figures: [&[f32; LANES]; F] = std::array::from_fn(|f| lanes(&figures[f], block));
                let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
                for row in (block..whole).step_by(width) {
                    let rows: [&[f32; LANES]; I] = std::array::from_fn(|i| lanes(inputs[i], row));
                    for lane in 0..LANES {
                        let (one, other) =
                            terms(rows.map(|row| row[lane]), figures.map(|figure| figure[lane]));
                        a[lane] += one;
                        b[lane] += other;
                    }
                }
                first[block..block + LANES].copy_from_slice(&a);
                second[block..block + LANES].copy_from_slice(&b);
            }
        },
    );
    for (lane, at) in (whole..inputs[0].len()).enumerate() {
        let (one, other) =
            terms(inputs.map(|input| input[at]), std::array::from_fn(|figure| figures[figure][lane]));
        first[lane] += one;
        second[lane] += other;
    }
    (fold(&first, channels), fold(&second, channels))
}

#[inline(always)]
fn lanes(values: &[f32], at: usize) -> &[f32; LANES] {
    values[at..at + LANES].try_into().expect("a block of lanes")
}

/// The smallest multiple of `channels` that is also a multiple of the block length.
fn width(channels: usize) -> usize {
    (1..=LANES)
        .map(|times| times * channels)
        .find(|width| width % LANES == 0)
        .expect("LANES times anything is a multiple of LANES")
}

/// The channels' parameters, repeated up to the step width of [`two_sums`] and [`affine`].
pub(super) fn repeat(by_channel: &[f32]) -> Vec<f32> {
    by_channel.repeat(width(by_channel.len()) / by_channel.len())
}

/// Number of values per task for maps with `channels` channels: a multiple of that width.
pub(super) fn task_len(channels: usize) -> usize {
    let width = width(channels);
    width * (TASK_LEN / width).max(1)
}

fn fold(lanes: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0; channels];
    for row in lanes.chunks_exact(channels) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums
}
