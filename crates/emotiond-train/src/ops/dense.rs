//! Convolution over all channels: im2col of one sample at a time, then a matrix product. 1x1 windows need no im2col.
//! Maps are stored channels last, weights as `[kernel, kernel, in, out]`.

use super::compute::{Matrix, matmul, samples_per_task, sum_in_order};
use super::shape::{MapShape, Window};
use rayon::prelude::*;

/// The shapes of a convolution.
#[derive(Clone, Copy)]
pub struct Convolution {
    /// Shape of the input.
    pub shape: MapShape,
    /// The window.
    pub window: Window,
    /// Output channels.
    pub channels: usize,
}

/// The convolution of `x` with `weight`, without bias.
pub fn forward(x: &[f32], weight: &[f32], convolution: &Convolution) -> Vec<f32> {
    let &Convolution { shape, window, channels } = convolution;
    let out_shape = window.output(shape, channels);
    let (pixels, depth) = (out_shape.h * out_shape.w, patch_len(shape, window));
    let weight = Matrix::new(weight, depth, channels);
    let mut out = vec![0.0; out_shape.len()];
    let task = samples_per_task(shape.n);
    out.par_chunks_mut(task * out_shape.sample_len()).zip(x.par_chunks(task * shape.sample_len())).for_each(
        |(out, x)| {
            if is_pointwise(window) {
                matmul(out, Matrix::new(x, x.len() / depth, depth), weight, false);
                return;
            }
            let mut patches = vec![0.0; pixels * depth];
            let samples =
                out.chunks_exact_mut(out_shape.sample_len()).zip(x.chunks_exact(shape.sample_len()));
            for (out, x) in samples {
                gather_patches(x, shape, window, &mut patches);
                matmul(out, Matrix::new(&patches, pixels, depth), weight, false);
            }
        },
    );
    out
}

/// Gradients of `x` (if `needs_input`) and of the weight.
pub fn backward(
    x: &[f32],
    weight: &[f32],
    convolution: &Convolution,
    grad: &[f32],
    needs_input: bool,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let &Convolution { shape, window, channels } = convolution;
    let out_shape = window.output(shape, channels);
    let depth = patch_len(shape, window);
    let task = samples_per_task(shape.n);
    let step = Step { shape, window, pixels: out_shape.h * out_shape.w, depth, channels };
    let weight = Matrix::new(weight, depth, channels);
    let tasks = grad.par_chunks(task * out_shape.sample_len()).zip(x.par_chunks(task * shape.sample_len()));
    if !needs_input {
        let parts = tasks.map(|(grad, x)| step.run(x, grad, weight, None)).collect();
        return (None, sum_in_order(parts, depth * channels));
    }
    let mut grad_x = vec![0.0; shape.len()];
    let parts = tasks
        .zip(grad_x.par_chunks_mut(task * shape.sample_len()))
        .map(|((grad, x), grad_x)| step.run(x, grad, weight, Some(grad_x)))
        .collect();
    (Some(grad_x), sum_in_order(parts, depth * channels))
}

struct Step {
    shape: MapShape,
    window: Window,
    pixels: usize,
    depth: usize,
    channels: usize,
}

impl Step {
    /// Processes the samples of one task: fills `grad_x` and returns the task's part of the weight gradient.
    fn run(&self, x: &[f32], grad: &[f32], weight: Matrix, grad_x: Option<&mut [f32]>) -> Vec<f32> {
        let mut grad_weight = vec![0.0; self.depth * self.channels];
        if is_pointwise(self.window) {
            let rows = x.len() / self.depth;
            let grad = Matrix::new(grad, rows, self.channels);
            matmul(&mut grad_weight, Matrix::new(x, rows, self.depth).t(), grad, false);
            if let Some(grad_x) = grad_x {
                matmul(grad_x, grad, weight.t(), false);
            }
            return grad_weight;
        }
        let mut patches = vec![0.0; self.pixels * self.depth];
        let mut grad_x = grad_x.map(|all| all.chunks_exact_mut(self.shape.sample_len()));
        let samples =
            x.chunks_exact(self.shape.sample_len()).zip(grad.chunks_exact(self.pixels * self.channels));
        for (x, grad) in samples {
            let grad = Matrix::new(grad, self.pixels, self.channels);
            gather_patches(x, self.shape, self.window, &mut patches);
            matmul(&mut grad_weight, Matrix::new(&patches, self.pixels, self.depth).t(), grad, true);
            if let Some(grad_x) = grad_x.as_mut().and_then(Iterator::next) {
                matmul(&mut patches, grad, weight.t(), false);
                scatter_patches(&patches, self.shape, self.window, grad_x);
            }
        }
        grad_weight
    }
}

fn patch_len(shape: MapShape, window: Window) -> usize {
    window.kernel * window.kernel * shape.c
}

fn is_pointwise(window: Window) -> bool {
    window == Window { kernel: 1, stride: 1, padding: 0 }
}

/// Writes the pixels under each position of the window: `[positions, kernel * kernel * channels]`.
fn gather_patches(x: &[f32], shape: MapShape, window: Window, patches: &mut [f32]) {
    let row_len = window.kernel * shape.c;
    for_each_row(shape, window, |patch, row| {
        let patch = &mut patches[patch * row_len..][..row_len];
        let Some((from, at, len)) = row else { return patch.fill(0.0) };
        patch[..at].fill(0.0);
        patch[at..at + len].copy_from_slice(&x[from..from + len]);
        patch[at + len..].fill(0.0);
    });
}

/// Adds each patch to the pixels from which it was gathered.
fn scatter_patches(patches: &[f32], shape: MapShape, window: Window, x: &mut [f32]) {
    let row_len = window.kernel * shape.c;
    for_each_row(shape, window, |patch, row| {
        let Some((to, at, len)) = row else { return };
        let values = &patches[patch * row_len + at..][..len];
        for (sum, value) in x[to..to + len].iter_mut().zip(values) {
            *sum += value;
        }
    });
}

/// Calls `visit` for each row of each patch with the row's number and, unless the row is entirely in the padding,
/// (index of its first value in the map, index of that value in the patch's row, number of values).
fn for_each_row(
    shape: MapShape,
    window: Window,
    mut visit: impl FnMut(usize, Option<(usize, usize, usize)>),
) {
    let mut patch_row = 0;
    for out_y in 0..window.outputs(shape.h) {
        for out_x in 0..window.outputs(shape.w) {
            let (columns, x0) = window.inside(out_x * window.stride, shape.w);
            for ky in 0..window.kernel {
                let y = (out_y * window.stride + ky).checked_sub(window.padding).filter(|y| *y < shape.h);
                let row = y.map(|y| {
                    ((y * shape.w + x0) * shape.c, columns.start * shape.c, columns.len() * shape.c)
                });
                visit(patch_row, row.filter(|(_, _, len)| *len > 0));
                patch_row += 1;
            }
        }
    }
}
