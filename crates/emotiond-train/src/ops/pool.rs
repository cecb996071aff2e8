//! Max pooling over maps stored channels last.

use super::compute::{samples_per_task, vectorised};
use super::shape::{MapShape, Window};
use rayon::prelude::*;

/// The maxima, and for each the index in the window (row by row) of its first occurrence.
pub fn forward(x: &[f32], shape: MapShape, window: Window) -> (Vec<f32>, Vec<u8>) {
    assert!(window.kernel <= 16, "pooling windows are at most 16 pixels wide");
    let out_shape = window.output(shape, shape.c);
    let mut out = vec![0.0; out_shape.len()];
    let mut places = vec![0u8; out_shape.len()];
    let task = samples_per_task(shape.n);
    let (task_in, task_out) = (task * shape.sample_len(), task * out_shape.sample_len());
    out.par_chunks_mut(task_out).zip(places.par_chunks_mut(task_out)).zip(x.par_chunks(task_in)).for_each(
        |((out, places), x)| {
            let samples = out
                .chunks_exact_mut(out_shape.sample_len())
                .zip(places.chunks_exact_mut(out_shape.sample_len()))
                .zip(x.chunks_exact(shape.sample_len()));
            for ((out, places), x) in samples {
                vectorised(
                    #[inline(always)]
                    || sample_forward(x, shape, window, out, places),
                );
            }
        },
    );
    (out, places)
}

/// Gradient of the input.
pub fn backward(shape: MapShape, window: Window, places: &[u8], grad: &[f32]) -> Vec<f32> {
    let out_shape = window.output(shape, shape.c);
    let mut grad_x = vec![0.0; shape.len()];
    let task = samples_per_task(shape.n);
    let (task_in, task_out) = (task * shape.sample_len(), task * out_shape.sample_len());
    grad_x.par_chunks_mut(task_in).zip(places.par_chunks(task_out)).zip(grad.par_chunks(task_out)).for_each(
        |((grad_x, places), grad)| {
            let samples = grad_x
                .chunks_exact_mut(shape.sample_len())
                .zip(places.chunks_exact(out_shape.sample_len()))
                .zip(grad.chunks_exact(out_shape.sample_len()));
            for ((grad_x, places), grad) in samples {
                vectorised(
                    #[inline(always)]
                    || sample_backward(grad_x, shape, window, places, grad),
                );
            }
        },
    );
    grad_x
}

#[inline(always)]
fn sample_forward(x: &[f32], shape: MapShape, window: Window, out: &mut [f32], places: &mut [u8]) {
    let c = shape.c;
    let out_w = window.outputs(shape.w);
    for (place, (out, places)) in out.chunks_exact_mut(c).zip(places.chunks_exact_mut(c)).enumerate() {
        out.fill(f32::NEG_INFINITY);
        let (rows, y0) = window.inside(place / out_w * window.stride, shape.h);
        let (cols, x0) = window.inside(place % out_w * window.stride, shape.w);
        for (dy, ky) in rows.enumerate() {
            for (dx, kx) in cols.clone().enumerate() {
                let pixel = &x[((y0 + dy) * shape.w + x0 + dx) * c..][..c];
                let tap = (ky * window.kernel + kx) as u8;
                for ((best, place), value) in out.iter_mut().zip(places.iter_mut()).zip(pixel) {
                    let wins = *value > *best;
                    *best = if wins { *value } else { *best };
                    *place = if wins { tap } else { *place };
                }
            }
        }
    }
}

#[inline(always)]
fn sample_backward(grad_x: &mut [f32], shape: MapShape, window: Window, places: &[u8], grad: &[f32]) {
    let c = shape.c;
    let out_w = window.outputs(shape.w);
    for (place, (grad, places)) in grad.chunks_exact(c).zip(places.chunks_exact(c)).enumerate() {
        let (rows, y0) = window.inside(place / out_w * window.stride, shape.h);
        let (cols, x0) = window.inside(place % out_w * window.stride, shape.w);
        for (dy, ky) in rows.enumerate() {
            for (dx, kx) in cols.clone().enumerate() {
                let pixel = &mut grad_x[((y0 + dy) * shape.w + x0 + dx) * c..][..c];
                let tap = (ky * window.kernel + kx) as u8;
                for ((sum, place), grad) in pixel.iter_mut().zip(places).zip(grad) {
                    *sum += if *place == tap { *grad } else { 0.0 };
                }
            }
        }
    }
}
