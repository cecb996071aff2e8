//! Adds a bias per channel to maps, optionally followed by a ReLU.

use super::by_channel::{affine, task_len, two_sums};
use super::compute::vectorised;
use rayon::prelude::*;

/// `x + bias` per channel, then a ReLU if `relu`.
pub fn forward(x: &[f32], bias: &[f32], relu: bool) -> Vec<f32> {
    affine(x, &vec![1.0; bias.len()], bias, relu)
}

/// Gradients of `x` and the bias; `out` is the output of [`forward`] with the same `relu`.
pub fn backward(out: &[f32], grad: &[f32], channels: usize, relu: bool) -> (Vec<f32>, Vec<f32>) {
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    let task = task_len(channels);
    let mut grad_x = vec![0.0; grad.len()];
    let parts: Vec<Vec<f32>> = grad_x
        .par_chunks_mut(task)
        .zip(out.par_chunks(task))
        .zip(grad.par_chunks(task))
        .map(|((grad_x, out), grad)| {
            vectorised(
                #[inline(always)]
                || {
                    for ((grad_x, out), grad) in grad_x.iter_mut().zip(out).zip(grad) {
                        *grad_x = if *out > floor { *grad } else { 0.0 };
                    }
                },
            );
            let unit = vec![1.0; channels];
            two_sums(
                [grad_x],
                [&unit],
                #[inline(always)]
                |[grad], [unit]| (grad * unit, 0.0),
            )
            .0
        })
        .collect();
    let mut grad_bias = vec![0.0f64; channels];
    for part in parts {
        grad_bias.iter_mut().zip(part).for_each(|(sum, value)| *sum += f64::from(value));
    }
    (grad_x, grad_bias.into_iter().map(|sum| sum as f32).collect())
}
