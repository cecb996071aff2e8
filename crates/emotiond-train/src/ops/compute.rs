//! Common functions of the kernels: vector instructions chosen at run time, the matrix product, and the division of a batch
//! into tasks.

use super::by_channel::TASK_LEN;
use gemm::Parallelism;
use rayon::prelude::*;

/// Runs `kernel` compiled for the widest vector instructions of this CPU.
/// Functions called by `kernel` must be `#[inline(always)]`, or they are compiled for the baseline instruction set.
#[inline]
pub(super) fn vectorised<R>(kernel: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(kernel)
}

/// A matrix in a slice: `rows` x `cols`, stored row by row, or column by column when `transposed`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    cols: usize,
    transposed: bool,
}

impl<'a> Matrix<'a> {
    /// A matrix stored row by row.
    pub(super) fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(values.len(), rows * cols, "the size of the matrix is wrong");
        Self { values, rows, cols, transposed: false }
    }

    /// The same memory with rows and columns exchanged.
    pub(super) fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, transposed: !self.transposed, ..self }
    }

    fn strides(&self) -> (isize, isize) {
        if self.transposed { (1, self.rows as isize) } else { (self.cols as isize, 1) }
    }
}

/// `out = a x b`, or `out += a x b` when `accumulate`; `out` is stored row by row. The number of `threads` does not
/// change the result.
#[expect(unsafe_code)]
pub(super) fn matmul(out: &mut [f32], a: Matrix, b: Matrix, accumulate: bool, threads: Parallelism) {
    assert!(a.cols == b.rows && out.len() == a.rows * b.cols, "the sizes of the matrices do not match");
    let ((a_rs, a_cs), (b_rs, b_cs)) = (a.strides(), b.strides());
    // SAFETY: the lengths were checked against rows, columns and strides; `out` is borrowed exclusively.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr(),
            1,
            b.cols as isize,
            accumulate,
            a.values.as_ptr(),
            a_cs,
            a_rs,
            b.values.as_ptr(),
            b_cs,
            b_rs,
            1.0,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

/// Most tasks of a batch.
const MOST_TASKS: usize = 16;

/// Number of samples per task. There are at most 16 tasks, independent of the number of threads, so that sums over
/// tasks are the same on every machine.
pub(super) fn samples_per_task(samples: usize) -> usize {
    samples.div_ceil(MOST_TASKS).max(1)
}

/// The division of a batch into tasks with matrix products.
#[derive(Clone, Copy)]
pub(super) struct Tasks {
    /// Samples of a task.
    pub(super) samples: usize,
    /// The threads of a product: one if each has a task, or else they would only wait for each other.
    pub(super) threads: Parallelism,
}

impl Tasks {
    /// Tasks of about `fewest` samples or more. Their number is a power of two, so that no thread gets a remainder.
    pub(super) fn new(samples: usize, fewest: usize) -> Self {
        let count = 1 << (samples / fewest).clamp(1, MOST_TASKS).ilog2();
        let enough = count >= rayon::current_num_threads();
        Self {
            samples: samples.div_ceil(count).max(1),
            threads: if enough { Parallelism::None } else { Parallelism::Rayon(0) },
        }
    }
}

/// Gradients of a convolution's input, if it is needed, and of its weights. `task` gets the samples of one task, `chunks`
/// numbers of input and output, adds to the gradient of the input and returns the gradient of the weights.
pub(super) fn gradients(
    (x, grad): (&[f32], &[f32]),
    chunks: [usize; 2],
    needs_input: bool,
    task: impl Fn(&[f32], &[f32], Option<&mut [f32]>) -> Vec<f32> + Sync,
) -> (Option<Vec<f32>>, Vec<f32>) {
    let tasks = x.par_chunks(chunks[0]).zip(grad.par_chunks(chunks[1]));
    let mut grad_x = needs_input.then(|| vec![0.0; x.len()]);
    let parts: Vec<Vec<f32>> = match &mut grad_x {
        None => tasks.map(|(x, grad)| task(x, grad, None)).collect(),
        Some(grad_x) => tasks
            .zip(grad_x.par_chunks_mut(chunks[0]))
            .map(|((x, grad), grad_x)| task(x, grad, Some(grad_x)))
            .collect(),
    };
    (grad_x, sum_in_order(parts))
}

/// Adds the results of the tasks in order.
pub(super) fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    let parts: Vec<_> = parts.collect();
    total.par_chunks_mut(TASK_LEN).enumerate().for_each(|(at, total)| {
        for part in &parts {
            for (sum, value) in total.iter_mut().zip(&part[at * TASK_LEN..]) {
                *sum += value;
            }
        }
    });
    total
}
