//! DenseNet121 (Huang et al. 2017, "Densely Connected Convolutional Networks") without its classification head,
//! followed by flattened feature maps and 512 dense units.

use super::blocks::{Block, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

/// Layers of each dense block.
const STAGES: [usize; 4] = [6, 12, 24, 16];
/// Channels that each layer adds.
const GROWTH: usize = 32;
/// Channels of a layer's 1x1 convolution.
const BOTTLENECK: usize = 4 * GROWTH;
const STEM: usize = 64;
const HIDDEN: usize = 512;

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (body, width) = backbone(blocks, spec.channels);
    // Two padded windows round the size up, the three transitions round it down.
    let side = spec.size.div_ceil(4) / 8;
    Network::new(body, Gather::Flatten, head::normalised(blocks, spec, width * side * side, &[HIDDEN]))
}

/// The blocks, and the number of their output channels.
pub(super) fn backbone(blocks: &Blocks, channels: usize) -> (Vec<Block>, usize) {
    let mut body = vec![
        blocks.conv(channels, STEM, Window::same(7, 2)),
        blocks.norm_relu(STEM),
        blocks.max_pool(Window::same(3, 2)),
    ];
    let mut width = STEM;
    for (stage, layers) in STAGES.into_iter().enumerate() {
        if stage > 0 {
            body.extend([
                blocks.conv(width, width / 2, Window::valid(1, 1)),
                blocks.average_pool(Window::valid(2, 2)),
            ]);
            width /= 2;
        }
        for _ in 0..layers {
            body.push(blocks.concat([vec![], layer(blocks, width)]));
            width += GROWTH;
        }
        body.push(blocks.norm_relu(width));
    }
    (body, width)
}

/// A layer whose output is concatenated to its input.
fn layer(blocks: &Blocks, input: usize) -> Vec<Block> {
    vec![
        blocks.norm_relu(input),
        blocks.conv(input, BOTTLENECK, Window::valid(1, 1)),
        blocks.norm_relu(BOTTLENECK),
        blocks.conv(BOTTLENECK, GROWTH, Window::same(3, 1)),
    ]
}
