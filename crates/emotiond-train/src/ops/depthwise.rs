//! Depthwise convolution: each channel has its own window. Uses direct loops over blocks of channels, because maps are
//! stored channels last. Weights are `[kernel, kernel, channels]`.

use super::compute::{samples_per_task, sum_in_order, vectorised};
use super::shape::{MapShape, Window};
use rayon::prelude::*;

/// The depthwise convolution of `x` with `weight`, without bias.
pub fn forward(x: &[f32], shape: MapShape, weight: &[f32], window: Window) -> Vec<f32> {
    let out_shape = window.output(shape, shape.c);
    let mut out = vec![0.0; out_shape.len()];
    let padded = Padded::new(shape, window);
    let task = samples_per_task(shape.n);
    out.par_chunks_mut(task * out_shape.sample_len()).zip(x.par_chunks(task * shape.sample_len())).for_each(
        |(out, x)| {
            let mut border = vec![0.0; padded.len()];
            let samples =
                out.chunks_exact_mut(out_shape.sample_len()).zip(x.chunks_exact(shape.sample_len()));
            for (out, x) in samples {
                padded.fill(x, &mut border);
                vectorised(
                    #[inline(always)]
                    || match lanes(shape.c) {
                        16 => padded.forward::<16>(&border, weight, out),
                        8 => padded.forward::<8>(&border, weight, out),
                        _ => padded.forward::<1>(&border, weight, out),
                    },
                );
            }
        },
    );
    out
}

/// Gradients of `x` and of the weight.
pub fn backward(
    x: &[f32],
    shape: MapShape,
    weight: &[f32],
    window: Window,
    grad: &[f32],
) -> (Vec<f32>, Vec<f32>) {
    let out_shape = window.output(shape, shape.c);
    let padded = Padded::new(shape, window);
    let mut grad_x = vec![0.0; shape.len()];
    let task = samples_per_task(shape.n);
    let parts = grad
        .par_chunks(task * out_shape.sample_len())
        .zip(x.par_chunks(task * shape.sample_len()))
        .zip(grad_x.par_chunks_mut(task * shape.sample_len()))
        .map(|((grad, x), grad_x)| {
            let mut grad_weight = vec![0.0; weight.len()];
            let (mut border, mut grad_border) = (vec![0.0; padded.len()], vec![0.0; padded.len()]);
            let samples = grad.chunks_exact(out_shape.sample_len()).zip(x.chunks_exact(shape.sample_len()));
            for ((grad, x), grad_x) in samples.zip(grad_x.chunks_exact_mut(shape.sample_len())) {
                padded.fill(x, &mut border);
                grad_border.fill(0.0);
                let buffers = (&border[..], &mut grad_border[..]);
                vectorised(
                    #[inline(always)]
                    || match lanes(shape.c) {
                        16 => padded.backward::<16>(buffers, weight, grad, &mut grad_weight),
                        8 => padded.backward::<8>(buffers, weight, grad, &mut grad_weight),
                        _ => padded.backward::<1>(buffers, weight, grad, &mut grad_weight),
                    },
                );
                padded.take(&grad_border, grad_x);
            }
            grad_weight
        })
        .collect();
    (grad_x, sum_in_order(parts))
}

/// Number of channels processed at once.
fn lanes(channels: usize) -> usize {
    match channels {
        c if c % 16 == 0 => 16,
        c if c % 8 == 0 => 8,
        _ => 1,
    }
}

/// One sample with padding, so that no position of the window needs a bounds check.
struct Padded {
    shape: MapShape,
    window: Window,
    width: usize,
}

impl Padded {
    fn new(shape: MapShape, window: Window) -> Self {
        Self { shape, window, width: shape.w + 2 * window.padding }
    }

    fn len(&self) -> usize {
        (self.shape.h + 2 * self.window.padding) * self.width * self.shape.c
    }

    /// The range of row `y` of the sample in the padded rows.
    fn row(&self, y: usize) -> std::ops::Range<usize> {
        let start = ((y + self.window.padding) * self.width + self.window.padding) * self.shape.c;
        start..start + self.shape.w * self.shape.c
    }

    fn fill(&self, x: &[f32], border: &mut [f32]) {
        for (y, row) in x.chunks_exact(self.shape.w * self.shape.c).enumerate() {
            border[self.row(y)].copy_from_slice(row);
        }
    }

    fn take(&self, border: &[f32], x: &mut [f32]) {
        for (y, row) in x.chunks_exact_mut(self.shape.w * self.shape.c).enumerate() {
            row.copy_from_slice(&border[self.row(y)]);
        }
    }

    #[inline(always)]
    fn forward<const L: usize>(&self, border: &[f32], weight: &[f32], out: &mut [f32]) {
        match self.window.kernel {
            3 => self.forward_kernel::<L, 3>(border, weight, out),
            kernel => self.forward_any::<L>(kernel, border, weight, out),
        }
    }

    #[inline(always)]
    fn forward_kernel<const L: usize, const K: usize>(
        &self,
        border: &[f32],
        weight: &[f32],
        out: &mut [f32],
    ) {
        let (c, stride) = (self.shape.c, self.window.stride);
        let out_w = self.window.outputs(self.shape.w);
        for block in (0..c).step_by(L) {
            let taps: [[[f32; L]; K]; K] =
                std::array::from_fn(|ky| std::array::from_fn(|kx| load(weight, (ky * K + kx) * c + block)));
            for (y, out_row) in out.chunks_exact_mut(out_w * c).enumerate() {
                for (x, out) in out_row.chunks_exact_mut(c).enumerate() {
                    let mut sum = [0.0f32; L];
                    for (ky, taps) in taps.iter().enumerate() {
                        let start = ((y * stride + ky) * self.width + x * stride) * c + block;
                        let row = &border[start..start + (K - 1) * c + L];
                        for (kx, tap) in taps.iter().enumerate() {
                            multiply_add(&mut sum, &load(row, kx * c), tap);
                        }
                    }
                    out[block..block + L].copy_from_slice(&sum);
                }
            }
        }
    }

    #[inline(always)]
    fn forward_any<const L: usize>(&self, kernel: usize, border: &[f32], weight: &[f32], out: &mut [f32]) {
        let (c, stride) = (self.shape.c, self.window.stride);
        let out_w = self.window.outputs(self.shape.w);
        for (place, out) in out.chunks_exact_mut(c).enumerate() {
            let corner = (place / out_w * self.width + place % out_w) * stride * c;
            for (block, out) in out.chunks_exact_mut(L).enumerate() {
                let mut sum = [0.0f32; L];
                for tap in 0..kernel * kernel {
                    let at = corner + (tap / kernel * self.width + tap % kernel) * c + block * L;
                    multiply_add(&mut sum, &load(border, at), &load(weight, tap * c + block * L));
                }
                out.copy_from_slice(&sum);
            }
        }
    }

    /// Adds to `buffers.1` (the padded gradient of the input) and to `grad_weight`.
    #[inline(always)]
    fn backward<const L: usize>(
        &self,
        buffers: (&[f32], &mut [f32]),
        weight: &[f32],
        grad: &[f32],
        grad_weight: &mut [f32],
    ) {
        match self.window.kernel {
            2 => self.backward_kernel::<L, 2>(buffers, weight, grad, grad_weight),
            3 => self.backward_kernel::<L, 3>(buffers, weight, grad, grad_weight),
            5 => self.backward_kernel::<L, 5>(buffers, weight, grad, grad_weight),
            7 => self.backward_kernel::<L, 7>(buffers, weight, grad, grad_weight),
            kernel => panic!("depthwise windows are 2, 3, 5 or 7 pixels wide, not {kernel}"),
        }
    }

    #[inline(always)]
    fn backward_kernel<const L: usize, const K: usize>(
        &self,
        (border, grad_border): (&[f32], &mut [f32]),
        weight: &[f32],
        grad: &[f32],
        grad_weight: &mut [f32],
    ) {
        let (c, stride) = (self.shape.c, self.window.stride);
        let out_w = self.window.outputs(self.shape.w);
        for block in (0..c).step_by(L) {
            for ky in 0..K {
                let taps: [[f32; L]; K] = std::array::from_fn(|kx| load(weight, (ky * K + kx) * c + block));
                let mut sums = [[0.0f32; L]; K];
                for (y, grad_row) in grad.chunks_exact(out_w * c).enumerate() {
                    for (x, grad) in grad_row.chunks_exact(c).enumerate() {
                        let grad: [f32; L] = load(grad, block);
                        let start = ((y * stride + ky) * self.width + x * stride) * c + block;
                        let end = start + (K - 1) * c + L;
                        let (row, grad_row) = (&border[start..end], &mut grad_border[start..end]);
                        for (kx, (tap, sum)) in taps.iter().zip(&mut sums).enumerate() {
                            multiply_add(sum, &load(row, kx * c), &grad);
                            let mut grad_x: [f32; L] = load(grad_row, kx * c);
                            multiply_add(&mut grad_x, tap, &grad);
                            grad_row[kx * c..kx * c + L].copy_from_slice(&grad_x);
                        }
                    }
                }
                for (kx, sum) in sums.iter().enumerate() {
                    let total = &mut grad_weight[(ky * K + kx) * c + block..][..L];
                    total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
                }
            }
        }
    }
}

#[inline(always)]
fn load<const L: usize>(values: &[f32], at: usize) -> [f32; L] {
    values[at..at + L].try_into().expect("a block of L values")
}

#[inline(always)]
fn multiply_add<const L: usize>(sum: &mut [f32; L], a: &[f32; L], b: &[f32; L]) {
    for lane in 0..L {
        sum[lane] += a[lane] * b[lane];
    }
}
