//! Four 3x3 convolutions, each followed by pooling, and dense layers.

use super::blocks::{Block, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

pub(super) const WIDTHS: [usize; 4] = [64, 128, 512, 512];
const HIDDEN: [usize; 2] = [256, 512];
const PLAIN_WIDTHS: [usize; 4] = [32, 64, 128, 128];
const PLAIN_HIDDEN: [usize; 2] = [128, 64];

/// Batch normalisation, ReLU, pooling and dropout after each convolution; 64, 128, 512 and 512 channels, or the widths
/// that the recipe gives. Two dense layers with batch normalisation, ReLU and dropout.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (body, numbers) = convolutions(spec, &WIDTHS, |input, width| {
        let conv = blocks.conv_bias(input, width, Window::same(3, 1));
        let pool = blocks.max_pool(Window::valid(2, 2));
        [conv, blocks.norm_relu(width), pool].into_iter().chain(blocks.dropout(spec.dropout)).collect()
    });
    Network::new(body, Gather::Flatten, head::normalised_first(blocks, spec, numbers, &HIDDEN))
}

/// The plainest network of the projects on FER2013: ReLU and pooling after each convolution, dense layers and one
/// dropout. 32, 64, 128 and 128 channels, or the widths that the recipe gives.
pub(super) fn build_plain(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (body, numbers) = convolutions(spec, &PLAIN_WIDTHS, |input, width| {
        let conv = blocks.conv_bias_relu(input, width, Window::same(3, 1));
        vec![conv, blocks.max_pool(Window::valid(2, 2))]
    });
    Network::new(body, Gather::Flatten, head::plain(blocks, spec, numbers, &PLAIN_HIDDEN))
}

/// The blocks of each convolution, given its input and output channels, and the length of the flattened output.
fn convolutions(
    spec: &NetworkSpec,
    widths: &[usize],
    stage: impl Fn(usize, usize) -> Vec<Block>,
) -> (Vec<Block>, usize) {
    let widths = spec.options.widths.as_deref().unwrap_or(widths);
    let (mut input, mut side) = (spec.channels, spec.size);
    let mut body = Vec::new();
    for &width in widths {
        body.extend(stage(input, width));
        (input, side) = (width, side / 2);
    }
    (body, input * side * side)
}
