//! Convolution with 3x3 windows at stride 1 in tiles of 4x4 output pixels, with a quarter of a plain convolution's
//! multiplications (F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). A tile of
//! the input and the weights become 36 numbers each per channel; their products are 36 matrix products over the channels.
//! The gradients are the same steps in reverse, with the transposed matrices.

use super::compute::{Matrix, Tasks, gradients, matmul, vectorised};
use super::dense::Convolution;
use super::shape::MapShape;
use super::transforms::{
    Input, InputGradient, LANES, Lanes, Output, OutputGradient, Transform, Weight, WeightGradient,
    transform_square,
};
use gemm::Parallelism;
use rayon::prelude::*;
use std::ops::Range;

/// Output pixels on a side of a tile, and numbers on a side after the transformation.
const TILE: usize = 4;
const SIDE: usize = 6;
const PLANES: usize = SIDE * SIDE;

/// Tiles that are multiplied by the weights at once. With fewer, reading the weights takes longer than the product.
const BLOCK: usize = 128;

/// Whether this module computes the convolution, and with clearly fewer multiplications than a plain one.
pub fn suits(&Convolution { shape, window, channels }: &Convolution) -> bool {
    let out = window.output(shape, channels);
    let tiles = out.h.div_ceil(TILE) * out.w.div_ceil(TILE);
    window.kernel == 3
        && window.stride == 1
        && shape.c % LANES == 0
        && channels % LANES == 0
        && tiles * PLANES * 4 <= out.h * out.w * 9 * 3
}

/// The convolution of `x` with `weight`, `[out, in, 3, 3]`, without bias.
pub fn forward(x: &[f32], weight: &[f32], convolution: &Convolution) -> Vec<f32> {
    let sizes = Sizes::of(convolution);
    let weight = sizes.weight_planes(weight);
    let mut out = vec![0.0; sizes.output.shape.len()];
    let [ins, outs] = sizes.chunks();
    x.par_chunks(ins).zip(out.par_chunks_mut(outs)).for_each(|(x, out)| sizes.forward(x, &weight, out));
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
    let sizes = Sizes::of(convolution);
    let planes = needs_input.then(|| sizes.weight_planes(weight));
    gradients((x, grad), sizes.chunks(), needs_input, |x, grad, grad_x| {
        sizes.backward(x, grad, planes.as_ref().zip(grad_x))
    })
}

/// The sizes that follow from the shapes of a convolution.
struct Sizes {
    input: Grid<SIDE>,
    output: Grid<TILE>,
    /// Input and output channels.
    ins: usize,
    outs: usize,
    /// Samples of a task.
    task: usize,
}

impl Sizes {
    fn of(&Convolution { shape, window, channels }: &Convolution) -> Self {
        let out = window.output(shape, channels);
        let (rows, columns) = (out.h.div_ceil(TILE), out.w.div_ceil(TILE));
        Self {
            input: Grid { shape, rows, columns, padding: window.padding },
            output: Grid { shape: out, rows, columns, padding: 0 },
            ins: shape.c,
            outs: channels,
            task: Tasks::new(shape.n, BLOCK.div_ceil(rows * columns)).samples,
        }
    }

    /// Numbers of input and output of a task.
    fn chunks(&self) -> [usize; 2] {
        [self.input.shape, self.output.shape].map(|shape| self.task * shape.sample_len())
    }

    /// The tiles of the samples of a task, in blocks.
    fn blocks(&self, x: &[f32]) -> impl Iterator<Item = Range<usize>> + use<> {
        let tiles = x.len() / self.input.shape.sample_len() * self.input.rows * self.input.columns;
        (0..tiles).step_by(BLOCK).map(move |first| first..(first + BLOCK).min(tiles))
    }

    /// The transformed weights, with a row for each input channel.
    fn weight_planes(&self, weight: &[f32]) -> Planes {
        let &Self { ins, outs, .. } = self;
        let mut planes = Planes::new(ins, outs);
        planes.rows_mut().par_iter_mut().with_min_len(8).enumerate().for_each(|(channel, row)| {
            vectorised(
                #[inline(always)]
                || {
                    for out in (0..outs).step_by(LANES) {
                        transform_square::<3, SIDE, Weight>(
                            #[inline(always)]
                            |i, j| Lanes::gather(weight, (out * ins + channel) * 9 + i * 3 + j, ins * 9),
                            #[inline(always)]
                            |i, j, lanes| lanes.store(row[i * SIDE + j], out),
                        );
                    }
                },
            );
        });
        planes
    }

    /// The gradient of the weights from that of the transformed ones.
    fn weight_gradient(&self, planes: &Planes) -> Vec<f32> {
        let &Self { ins, outs, .. } = self;
        let mut gradient = vec![0.0; outs * ins * 9];
        gradient.par_chunks_mut(LANES * ins * 9).enumerate().for_each(|(block, gradient)| {
            vectorised(
                #[inline(always)]
                || {
                    for channel in 0..ins {
                        transform_square::<SIDE, 3, WeightGradient>(
                            #[inline(always)]
                            |i, j| planes.load(i * SIDE + j, channel, block * LANES),
                            #[inline(always)]
                            |i, j, lanes| lanes.scatter(gradient, channel * 9 + i * 3 + j, ins * 9),
                        );
                    }
                },
            );
        });
        gradient
    }

    /// Adds to the output, for the samples of one task, with the transformed weights.
    fn forward(&self, x: &[f32], weight: &Planes, out: &mut [f32]) {
        for tiles in self.blocks(x) {
            let input = self.input.to_planes::<Input>(x, tiles.clone());
            let mut products = Planes::new(tiles.len(), self.outs);
            products.multiply(|plane| (input.plane(plane), weight.plane(plane)), false);
            self.output.add_planes::<Output>(&products, tiles, out);
        }
    }

    /// Adds to the gradient of the input, given with the transformed weights, and returns the gradient of the weights,
    /// for the samples of one task.
    fn backward(&self, x: &[f32], grad: &[f32], mut grad_x: Option<(&Planes, &mut [f32])>) -> Vec<f32> {
        let mut grad_weight = Planes::new(self.ins, self.outs);
        for tiles in self.blocks(x) {
            let input = self.input.to_planes::<Input>(x, tiles.clone());
            let grad = self.output.to_planes::<OutputGradient>(grad, tiles.clone());
            grad_weight.multiply(|plane| (input.plane(plane).t(), grad.plane(plane)), true);
            let Some((weight, grad_x)) = &mut grad_x else { continue };
            let mut grad_input = input;
            grad_input.multiply(|plane| (grad.plane(plane), weight.plane(plane).t()), false);
            self.input.add_planes::<InputGradient>(&grad_input, tiles, grad_x);
        }
        self.weight_gradient(&grad_weight)
    }
}

/// Matrices of `rows` x `columns`, one for each number of a transformed square.
struct Planes {
    numbers: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Planes {
    /// Numbers between two planes, without which all planes would compete for the same lines of the cache.
    const GAP: usize = 80;

    /// Planes of zeros.
    fn new(rows: usize, columns: usize) -> Self {
        Self { numbers: vec![0.0; PLANES * (rows * columns + Self::GAP)], rows, columns }
    }

    fn start(&self, plane: usize) -> usize {
        plane * (self.rows * self.columns + Self::GAP)
    }

    fn plane(&self, plane: usize) -> Matrix<'_> {
        let numbers = &self.numbers[self.start(plane)..][..self.rows * self.columns];
        Matrix::new(numbers, self.rows, self.columns)
    }

    /// Fills each plane with the product of the matrices that `factors` gives for it, or adds it when `accumulate`.
    fn multiply<'a>(&mut self, factors: impl Fn(usize) -> (Matrix<'a>, Matrix<'a>) + Sync, accumulate: bool) {
        let len = self.rows * self.columns;
        self.numbers.par_chunks_exact_mut(len + Self::GAP).enumerate().for_each(|(plane, numbers)| {
            let (a, b) = factors(plane);
            matmul(&mut numbers[..len], a, b, accumulate, Parallelism::None);
        });
    }

    /// Each row of all planes.
    fn rows_mut(&mut self) -> Vec<Vec<&mut [f32]>> {
        let mut rows: Vec<Vec<&mut [f32]>> = (0..self.rows).map(|_| Vec::with_capacity(PLANES)).collect();
        for plane in self.numbers.chunks_exact_mut(self.rows * self.columns + Self::GAP) {
            for (row, numbers) in rows.iter_mut().zip(plane.chunks_exact_mut(self.columns)) {
                row.push(numbers);
            }
        }
        rows
    }

    #[inline(always)]
    fn load(&self, plane: usize, row: usize, column: usize) -> Lanes {
        Lanes::load(&self.numbers, self.start(plane) + row * self.columns + column)
    }

    #[inline(always)]
    fn store(&mut self, plane: usize, row: usize, column: usize, lanes: Lanes) {
        let at = self.start(plane) + row * self.columns + column;
        lanes.store(&mut self.numbers, at);
    }
}

/// Tiles of `N` x `N` pixels, `TILE` pixels apart, over maps.
struct Grid<const N: usize> {
    shape: MapShape,
    rows: usize,
    columns: usize,
    padding: usize,
}

impl<const N: usize> Grid<N> {
    /// The transformed tiles, with a row for each tile and a column for each channel.
    fn to_planes<T: Transform<N, SIDE>>(&self, maps: &[f32], tiles: Range<usize>) -> Planes {
        let mut planes = Planes::new(tiles.len(), self.shape.c);
        self.for_each_square(
            tiles,
            #[inline(always)]
            |tile, pixels, channel| {
                transform_square::<N, SIDE, T>(
                    #[inline(always)]
                    |i, j| pixels[i][j].map_or(Lanes::ZERO, |pixel| Lanes::load(maps, pixel + channel)),
                    #[inline(always)]
                    |i, j, lanes| planes.store(i * SIDE + j, tile, channel, lanes),
                );
            },
        );
        planes
    }

    /// Transforms planes to tiles and adds them to the maps.
    fn add_planes<T: Transform<SIDE, N>>(&self, planes: &Planes, tiles: Range<usize>, maps: &mut [f32]) {
        self.for_each_square(
            tiles,
            #[inline(always)]
            |tile, pixels, channel| {
                transform_square::<SIDE, N, T>(
                    #[inline(always)]
                    |i, j| planes.load(i * SIDE + j, tile, channel),
                    #[inline(always)]
                    |i, j, lanes| {
                        if let Some(pixel) = pixels[i][j] {
                            let at = pixel + channel;
                            (Lanes::load(maps, at) + lanes).store(maps, at);
                        }
                    },
                );
            },
        );
    }

    /// Calls `process` with the position of each tile in `tiles`, the places of its pixels in the maps, and each of its
    /// channels that is a multiple of `LANES`.
    #[inline(always)]
    fn for_each_square(
        &self,
        tiles: Range<usize>,
        mut process: impl FnMut(usize, &[[Option<usize>; N]; N], usize),
    ) {
        vectorised(
            #[inline(always)]
            || {
                for (at, tile) in tiles.enumerate() {
                    let pixels = self.pixels(tile);
                    for channel in (0..self.shape.c).step_by(LANES) {
                        process(at, &pixels, channel);
                    }
                }
            },
        );
    }

    /// Where the pixels of a tile are in the maps; `None` outside.
    #[inline(always)]
    fn pixels(&self, tile: usize) -> [[Option<usize>; N]; N] {
        let Self { shape, rows, columns, padding } = self;
        let (sample, row, column) = (tile / (rows * columns), tile / columns % rows, tile % columns);
        std::array::from_fn(|i| {
            let y = (row * TILE + i).checked_sub(*padding).filter(|y| *y < shape.h);
            std::array::from_fn(|j| {
                let x = (column * TILE + j).checked_sub(*padding).filter(|x| *x < shape.w);
                Some(((sample * shape.h + y?) * shape.w + x?) * shape.c)
            })
        })
    }
}
