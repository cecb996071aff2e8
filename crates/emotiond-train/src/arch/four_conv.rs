//! Four 3x3 convolutions, each with batch normalisation, ReLU, pooling and dropout, then two dense layers with batch
//! normalisation, ReLU and dropout. The widths of the convolutions are those that other projects on FER2013 tried.

use super::blocks::{Dense, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

const HIDDEN: [usize; 2] = [256, 512];

/// 64, 128, 512 and 512 channels.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    with_widths(blocks, spec, [64, 128, 512, 512])
}

/// 64, 128, 1028 and 512 channels.
pub(super) fn build_1028(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    with_widths(blocks, spec, [64, 128, 1028, 512])
}

/// 64, 256, 256 and 512 channels.
pub(super) fn build_256(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    with_widths(blocks, spec, [64, 256, 256, 512])
}

fn with_widths(blocks: &Blocks, spec: &NetworkSpec, widths: [usize; 4]) -> Network {
    let (mut input, mut side) = (spec.channels, spec.size);
    let mut body = Vec::new();
    for width in widths {
        body.push(blocks.conv_bias(input, width, Window::same(3, 1)));
        body.push(blocks.norm_relu(width));
        body.push(blocks.max_pool(Window::valid(2, 2)));
        body.extend(blocks.dropout(spec.dropout));
        (input, side) = (width, side / 2);
    }
    let mut head: Vec<Dense> = Vec::new();
    let mut input = input * side * side;
    for width in HIDDEN {
        head.extend([blocks.linear(input, width), blocks.dense_norm(width), blocks.dense_relu()]);
        head.extend(blocks.dense_dropout(spec.dropout));
        input = width;
    }
    head.push(blocks.linear(input, spec.classes));
    Network::new(body, Gather::Flatten, head)
}
