//! Convolution over all channels: im2col of a block of positions, then a matrix product. 1x1 windows need no im2col.
//! Maps are stored channels last, weights as `[out, in, kernel, kernel]`.

use super::compute::{Matrix, Tasks, gradients, matmul};
use super::shape::{MapShape, Window};
use super::winograd;
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Positions of the window that are multiplied by the weights at once. With fewer, reading the weights takes longer than
/// the product; with more, the patches do not stay in the cache.
const BLOCK: usize = 512;

/// Fewest positions of a task.
const TASK: usize = 256;

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
    if winograd::suits(convolution) {
        return winograd::forward(x, weight, convolution);
    }
    let sizes = Sizes::of(convolution);
    let weight = sizes.channels_last(weight);
    let weight = sizes.weight_matrix(&weight);
    let mut out = vec![0.0; sizes.out.len()];
    let [ins, outs] = sizes.chunks();
    x.par_chunks(ins).zip(out.par_chunks_mut(outs)).for_each(|(x, out)| sizes.forward(x, weight, out));
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
    if winograd::suits(convolution) {
        return winograd::backward(x, weight, convolution, grad, needs_input);
    }
    let sizes = Sizes::of(convolution);
    let weight = sizes.channels_last(weight);
    let weight = sizes.weight_matrix(&weight);
    let (grad_x, grad_weight) = gradients((x, grad), sizes.chunks(), needs_input, |x, grad, grad_x| {
        sizes.backward(x, grad, weight, grad_x)
    });
    (grad_x, sizes.channels_first(grad_weight))
}

/// The sizes that follow from the shapes of a convolution.
struct Sizes {
    shape: MapShape,
    window: Window,
    out: MapShape,
    /// Values under one position of the window.
    depth: usize,
    channels: usize,
    pointwise: bool,
    tasks: Tasks,
}

impl Sizes {
    fn of(&Convolution { shape, window, channels }: &Convolution) -> Self {
        let out = window.output(shape, channels);
        Self {
            shape,
            window,
            out,
            depth: window.kernel * window.kernel * shape.c,
            channels,
            pointwise: window == Window { kernel: 1, stride: 1, padding: 0 },
            tasks: Tasks::new(shape.n, TASK.div_ceil(out.h * out.w)),
        }
    }

    /// Weights as `[out, kernel, kernel, in]`, in the order of a patch.
    fn channels_last<'a>(&self, weight: &'a [f32]) -> Cow<'a, [f32]> {
        transpose_each(weight, self.shape.c, self.depth / self.shape.c)
    }

    /// The gradient of weights as `[out, in, kernel, kernel]`.
    fn channels_first(&self, weight: Vec<f32>) -> Vec<f32> {
        match transpose_each(&weight, self.depth / self.shape.c, self.shape.c) {
            Cow::Borrowed(_) => weight,
            Cow::Owned(transposed) => transposed,
        }
    }

    fn weight_matrix<'a>(&self, weight: &'a [f32]) -> Matrix<'a> {
        Matrix::new(weight, self.channels, self.depth)
    }

    /// Numbers of input and output of a task.
    fn chunks(&self) -> [usize; 2] {
        [self.shape, self.out].map(|shape| self.tasks.samples * shape.sample_len())
    }

    /// Fills the output, for the samples of one task.
    fn forward(&self, x: &[f32], weight: Matrix, out: &mut [f32]) {
        if self.pointwise {
            self.multiply(out, Matrix::new(x, x.len() / self.depth, self.depth), weight.t(), false);
            return;
        }
        self.for_each_block(out.len() / self.channels, |lines, positions, patches| {
            self.gather(x, lines, patches);
            let out = &mut out[positions.start * self.channels..positions.end * self.channels];
            self.multiply(out, Matrix::new(patches, positions.len(), self.depth), weight.t(), false);
        });
    }

    /// Fills `grad_x` and returns the gradient of the weight, for the samples of one task.
    fn backward(&self, x: &[f32], grad: &[f32], weight: Matrix, mut grad_x: Option<&mut [f32]>) -> Vec<f32> {
        let mut grad_weight = vec![0.0; self.depth * self.channels];
        let positions = grad.len() / self.channels;
        if self.pointwise {
            let grad = Matrix::new(grad, positions, self.channels);
            self.multiply(&mut grad_weight, grad.t(), Matrix::new(x, positions, self.depth), false);
            if let Some(grad_x) = grad_x {
                self.multiply(grad_x, grad, weight, false);
            }
            return grad_weight;
        }
        self.for_each_block(positions, |lines, positions, patches| {
            let grad = &grad[positions.start * self.channels..positions.end * self.channels];
            let grad = Matrix::new(grad, positions.len(), self.channels);
            self.gather(x, lines.clone(), patches);
            let patches_matrix = Matrix::new(patches, positions.len(), self.depth);
            self.multiply(&mut grad_weight, grad.t(), patches_matrix, true);
            if let Some(grad_x) = &mut grad_x {
                self.multiply(patches, grad, weight, false);
                self.scatter(patches, lines, grad_x);
            }
        });
        grad_weight
    }

    fn multiply(&self, out: &mut [f32], a: Matrix, b: Matrix, accumulate: bool) {
        matmul(out, a, b, accumulate, self.tasks.threads);
    }

    /// Calls `process` for blocks of whole lines of the output: with the numbers of the lines, counted through all
    /// samples, those of the positions, and memory for their patches.
    fn for_each_block(
        &self,
        positions: usize,
        mut process: impl FnMut(Range<usize>, Range<usize>, &mut [f32]),
    ) {
        let lines = positions / self.out.w;
        let block = BLOCK.div_ceil(self.out.w).min(lines);
        let mut patches = vec![0.0; block * self.out.w * self.depth];
        for first in (0..lines).step_by(block) {
            let lines = first..(first + block).min(lines);
            let positions = lines.start * self.out.w..lines.end * self.out.w;
            let patches = &mut patches[..positions.len() * self.depth];
            process(lines, positions, patches);
        }
    }

    /// Writes the pixels under each position of the window: `[positions, kernel * kernel * channels]`.
    fn gather(&self, x: &[f32], lines: Range<usize>, patches: &mut [f32]) {
        let row_len = self.window.kernel * self.shape.c;
        self.for_each_row(lines, |patch, row| {
            let patch = &mut patches[patch * row_len..][..row_len];
            let Some((from, at, len)) = row else { return patch.fill(0.0) };
            patch[..at].fill(0.0);
            patch[at..at + len].copy_from_slice(&x[from..from + len]);
            patch[at + len..].fill(0.0);
        });
    }

    /// Adds each patch to the pixels from which it was gathered.
    fn scatter(&self, patches: &[f32], lines: Range<usize>, x: &mut [f32]) {
        let row_len = self.window.kernel * self.shape.c;
        self.for_each_row(lines, |patch, row| {
            let Some((to, at, len)) = row else { return };
            let values = &patches[patch * row_len + at..][..len];
            for (sum, value) in x[to..to + len].iter_mut().zip(values) {
                *sum += value;
            }
        });
    }

    /// Calls `visit` for each row of each patch with the row's number and, unless the row is entirely in the padding,
    /// (index of its first value in the maps, index of that value in the patch's row, number of values).
    fn for_each_row(&self, lines: Range<usize>, mut visit: impl FnMut(usize, Option<(usize, usize, usize)>)) {
        let Self { shape, window, out, .. } = self;
        let mut patch_row = 0;
        for line in lines {
            let (sample, out_y) = (line / out.h, line % out.h);
            for out_x in 0..out.w {
                let (columns, x0) = window.inside(out_x * window.stride, shape.w);
                for ky in 0..window.kernel {
                    let y = (out_y * window.stride + ky).checked_sub(window.padding).filter(|y| *y < shape.h);
                    let row = y.map(|y| {
                        let pixel = (sample * shape.h + y) * shape.w + x0;
                        (pixel * shape.c, columns.start * shape.c, columns.len() * shape.c)
                    });
                    visit(patch_row, row.filter(|(_, _, len)| *len > 0));
                    patch_row += 1;
                }
            }
        }
    }
}

/// Transposes each of the matrices of `rows` x `cols` numbers. With one row or column, nothing changes.
fn transpose_each(matrices: &[f32], rows: usize, cols: usize) -> Cow<'_, [f32]> {
    if rows == 1 || cols == 1 {
        return Cow::Borrowed(matrices);
    }
    let mut out = vec![0.0; matrices.len()];
    let pairs = out.par_chunks_exact_mut(rows * cols).zip(matrices.par_chunks_exact(rows * cols));
    pairs.with_min_len(8).for_each(|(out, matrix)| {
        for (row, values) in matrix.chunks_exact(cols).enumerate() {
            for (column, value) in values.iter().enumerate() {
                out[column * rows + row] = *value;
            }
        }
    });
    Cow::Owned(out)
}
