//! Batch normalisation over maps stored channels last, with the ReLU that mostly follows it in the same pass
//! (Ioffe and Szegedy 2015).

use super::compute::vectorised;
use rayon::prelude::*;

/// Values a task takes, before rounding to whole pixels: it stays in the second-level cache.
const TASK_LEN: usize = 64 * 1024;
/// Values that are summed side by side: four of the widest registers.
const LANES: usize = 64;

/// Mean and biased variance of each channel.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// One mean a channel.
    pub mean: Vec<f32>,
    /// One variance a channel.
    pub variance: Vec<f32>,
}

/// The statistics of `x`.
pub fn statistics(x: &[f32], channels: usize) -> Statistics {
    let parts: Vec<_> = x
        .par_chunks(task_len(channels))
        .map(|x| {
            // Around the first pixel's values: the squares' sum would lose a small variance beside a large mean.
            let shift = &x[..channels];
            (x.len() / channels, shift.to_vec(), shifted_sums(x, shift))
        })
        .collect();
    let count = (x.len() / channels) as f64;
    let mut mean = vec![0.0f64; channels];
    for (rows, shift, (sum, _)) in &parts {
        for c in 0..channels {
            mean[c] += (f64::from(sum[c]) + *rows as f64 * f64::from(shift[c])) / count;
        }
    }
    let mut variance = vec![0.0f64; channels];
    for (rows, shift, (sum, squares)) in &parts {
        for c in 0..channels {
            let offset = f64::from(shift[c]) - mean[c];
            variance[c] +=
                (f64::from(squares[c]) + 2.0 * offset * f64::from(sum[c]) + *rows as f64 * offset * offset)
                    / count;
        }
    }
    Statistics {
        mean: mean.into_iter().map(|v| v as f32).collect(),
        variance: variance.into_iter().map(|v| v.max(0.0) as f32).collect(),
    }
}

/// `x * scale + shift` by channel, then ReLU where asked for.
pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], relu: bool) -> Vec<f32> {
    let (scale, shift) = (repeat(scale), repeat(shift));
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut out = vec![0.0; x.len()];
    let task = task_len_of(scale.len());
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

/// A channel's factor and summand: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.
pub fn scale_and_shift(
    statistics: &Statistics,
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = statistics
        .variance
        .iter()
        .zip(gamma)
        .map(|(variance, gamma)| gamma / (variance + epsilon).sqrt())
        .collect();
    let shift = statistics
        .mean
        .iter()
        .zip(&scale)
        .zip(beta)
        .map(|((mean, scale), beta)| beta - mean * scale)
        .collect();
    (scale, shift)
}

/// Gradients for `x`, gamma and beta of the normalisation in training.
pub fn backward(
    x: &[f32],
    statistics: &Statistics,
    gamma: &[f32],
    beta: &[f32],
    epsilon: f32,
    relu: bool,
    grad: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let channels = gamma.len();
    let (scale, shift) = scale_and_shift(statistics, gamma, beta, epsilon);
    let (mean, inverse): (&[f32], Vec<f32>) =
        (&statistics.mean, statistics.variance.iter().map(|v| 1.0 / (v + epsilon).sqrt()).collect());
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let task = task_len(channels);
    let parts: Vec<_> = x
        .par_chunks(task)
        .zip(grad.par_chunks(task))
        .map(|(x, grad)| gradient_sums(x, grad, &scale, &shift, mean, floor))
        .collect();
    let (mut grad_beta, mut grad_centred) = (vec![0.0f64; channels], vec![0.0f64; channels]);
    for (sums, centred) in parts {
        for c in 0..channels {
            grad_beta[c] += f64::from(sums[c]);
            grad_centred[c] += f64::from(centred[c]);
        }
    }
    let count = (x.len() / channels) as f64;
    // grad_x = scale * (g - mean(g) - (x - mean) * inverse^2 * mean(g * (x - mean)))
    //        = scale * g + slope * x + offset
    let slope: Vec<f32> = (0..channels)
        .map(|c| (-f64::from(scale[c]) * f64::from(inverse[c]).powi(2) * grad_centred[c] / count) as f32)
        .collect();
    let offset: Vec<f32> = (0..channels)
        .map(|c| {
            (-f64::from(scale[c]) * grad_beta[c] / count - f64::from(slope[c]) * f64::from(mean[c])) as f32
        })
        .collect();
    let grad_x = input_gradient(x, grad, [&scale, &shift, &slope, &offset], floor);
    let grad_gamma = (0..channels).map(|c| (grad_centred[c] * f64::from(inverse[c])) as f32).collect();
    (grad_x, grad_gamma, grad_beta.into_iter().map(|v| v as f32).collect())
}

/// Sums of the gradient behind the ReLU, and of it times `x - mean`.
fn gradient_sums(
    x: &[f32],
    grad: &[f32],
    scale: &[f32],
    shift: &[f32],
    mean: &[f32],
    floor: f32,
) -> (Vec<f32>, Vec<f32>) {
    let channels = scale.len();
    let (scale, shift, mean) = (repeat(scale), repeat(shift), repeat(mean));
    two_sums(
        [x, grad],
        channels,
        #[inline(always)]
        |lane, [x, grad]| {
            let passed = if x * scale[lane] + shift[lane] > floor { grad } else { 0.0 };
            (passed, passed * (x - mean[lane]))
        },
    )
}

fn input_gradient(x: &[f32], grad: &[f32], by_channel: [&[f32]; 4], floor: f32) -> Vec<f32> {
    let [scale, shift, slope, offset] = by_channel.map(repeat);
    let width = scale.len();
    let task = task_len_of(width);
    let mut grad_x = vec![0.0; x.len()];
    grad_x.par_chunks_mut(task).zip(x.par_chunks(task)).zip(grad.par_chunks(task)).for_each(
        |((out, x), grad)| {
            vectorised(
                #[inline(always)]
                || {
                    for ((out, x), grad) in out.chunks_mut(width).zip(x.chunks(width)).zip(grad.chunks(width))
                    {
                        let (x, grad) = (&x[..out.len()], &grad[..out.len()]);
                        let (scale, shift) = (&scale[..out.len()], &shift[..out.len()]);
                        let (slope, offset) = (&slope[..out.len()], &offset[..out.len()]);
                        for i in 0..out.len() {
                            let passed = if x[i] * scale[i] + shift[i] > floor { grad[i] } else { 0.0 };
                            out[i] = scale[i] * passed + slope[i] * x[i] + offset[i];
                        }
                    }
                },
            );
        },
    );
    grad_x
}

/// Sums by channel of `x - shift` and of its square.
fn shifted_sums(x: &[f32], shift: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let channels = shift.len();
    let shift = repeat(shift);
    two_sums(
        [x],
        channels,
        #[inline(always)]
        |lane, [x]| {
            let centred = x - shift[lane];
            (centred, centred * centred)
        },
    )
}

/// Sums by channel of the two values that `terms` makes of a lane (its channel is `lane % channels`) and of what
/// `inputs` hold there. Blocks of lanes are summed in registers; what does not fill a row of lanes comes last.
fn two_sums<const I: usize>(
    inputs: [&[f32]; I],
    channels: usize,
    terms: impl Fn(usize, [f32; I]) -> (f32, f32) + Copy,
) -> (Vec<f32>, Vec<f32>) {
    let width = width(channels);
    let whole = inputs[0].len() / width * width;
    let (mut first, mut second) = (vec![0.0; width], vec![0.0; width]);
    vectorised(
        #[inline(always)]
        || {
            for block in (0..width).step_by(LANES) {
                let (mut a, mut b) = ([0.0f32; LANES], [0.0f32; LANES]);
                for row in (block..whole).step_by(width) {
                    let rows: [&[f32; LANES]; I] =
                        inputs.map(|input| input[row..row + LANES].try_into().expect("a block of lanes"));
                    for lane in 0..LANES {
                        let (one, other) = terms(block + lane, rows.map(|row| row[lane]));
                        a[lane] += one;
                        b[lane] += other;
                    }
                }
                first[block..block + LANES].copy_from_slice(&a);
                second[block..block + LANES].copy_from_slice(&b);
            }
        },
    );
    for at in whole..inputs[0].len() {
        let (one, other) = terms(at - whole, inputs.map(|input| input[at]));
        first[at - whole] += one;
        second[at - whole] += other;
    }
    (fold(&first, channels), fold(&second, channels))
}

/// The smallest multiple of `channels` that whole blocks of lanes fill.
fn width(channels: usize) -> usize {
    (1..=LANES)
        .map(|times| times * channels)
        .find(|width| width % LANES == 0)
        .expect("LANES is a multiple of LANES")
}

fn repeat(by_channel: &[f32]) -> Vec<f32> {
    by_channel.repeat(width(by_channel.len()) / by_channel.len())
}

fn fold(lanes: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = vec![0.0; channels];
    for row in lanes.chunks_exact(channels) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
    }
    sums
}

fn task_len(channels: usize) -> usize {
    task_len_of(width(channels))
}

fn task_len_of(width: usize) -> usize {
    width * (TASK_LEN / width).max(1)
}
