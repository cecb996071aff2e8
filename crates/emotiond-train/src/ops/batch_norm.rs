//! Batch normalisation (Ioffe and Szegedy 2015) of maps stored channels last, optionally with a ReLU in the same pass.

use super::by_channel::{repeat, task_len, two_sums};
use super::compute::vectorised;
use rayon::prelude::*;

/// Mean and biased variance of each channel.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// One mean per channel.
    pub mean: Vec<f32>,
    /// One variance per channel.
    pub variance: Vec<f32>,
}

/// The statistics of `x`.
pub fn statistics(x: &[f32], channels: usize) -> Statistics {
    let parts: Vec<_> = x
        .par_chunks(task_len(channels))
        .map(|x| {
            // Sums are relative to the first pixel's values: with a large mean, a sum of squares would lose a small
            // variance.
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

/// A normalisation: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, optionally followed by a ReLU.
#[derive(Clone, Copy)]
pub struct Normalisation<'a> {
    /// Mean and variance of each channel.
    pub statistics: &'a Statistics,
    /// The factor of each channel.
    pub gamma: &'a [f32],
    /// The summand of each channel.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// The factor and summand of each channel.
pub fn scale_and_shift(norm: &Normalisation) -> (Vec<f32>, Vec<f32>) {
    let &Normalisation { statistics, gamma, beta, epsilon, .. } = norm;
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

/// Gradients of `x`, gamma and beta in training.
pub fn backward(x: &[f32], norm: &Normalisation, grad: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let &Normalisation { statistics, gamma, epsilon, relu, .. } = norm;
    let channels = gamma.len();
    let (scale, shift) = scale_and_shift(norm);
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

/// Sums of the gradient before the ReLU, and of this gradient times `x - mean`.
fn gradient_sums(
    x: &[f32],
    grad: &[f32],
    scale: &[f32],
    shift: &[f32],
    mean: &[f32],
    floor: f32,
) -> (Vec<f32>, Vec<f32>) {
    two_sums(
        [x, grad],
        [scale, shift, mean],
        #[inline(always)]
        |[x, grad], [scale, shift, mean]| {
            let passed = if x * scale + shift > floor { grad } else { 0.0 };
            (passed, passed * (x - mean))
        },
    )
}

fn input_gradient(x: &[f32], grad: &[f32], by_channel: [&[f32]; 4], floor: f32) -> Vec<f32> {
    let [scale, shift, slope, offset] = by_channel.map(repeat);
    let (width, task) = (scale.len(), task_len(by_channel[0].len()));
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
                            let grad = grad[i];
                            let passed = if x[i] * scale[i] + shift[i] > floor { grad } else { 0.0 };
                            out[i] = scale[i] * passed + slope[i] * x[i] + offset[i];
                        }
                    }
                },
            );
        },
    );
    grad_x
}

/// Sums per channel of `x - shift` and of its square.
fn shifted_sums(x: &[f32], shift: &[f32]) -> (Vec<f32>, Vec<f32>) {
    two_sums(
        [x],
        [shift],
        #[inline(always)]
        |[x], [shift]| {
            let centred = x - shift;
            (centred, centred * centred)
        },
    )
}
