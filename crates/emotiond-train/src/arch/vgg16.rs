//! VGG16 (Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
//! configuration D) with the heads that other projects on FER2013 used.

use super::blocks::{Block, Dense, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

/// Channels of the convolutions of each stage; pooling halves the maps after a stage.
const STAGES: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];

/// Global average pooling, 128 dense units. 14,781,767 parameters with three channels and seven classes.
pub(super) fn build_small(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (body, width) = backbone(blocks, spec.channels);
    Network::new(body, Gather::GlobalAverage, head::normalised(blocks, spec, width, &[128]))
}

/// Global average pooling with batch normalisation, 1028, 128 and 16 dense units. 15,382,683 parameters with three
/// channels and seven classes.
pub(super) fn build_large(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (mut body, width) = backbone(blocks, spec.channels);
    body.push(blocks.norm(width));
    Network::new(body, Gather::GlobalAverage, head::normalised(blocks, spec, width, &[1028, 128, 16]))
}

/// Flattened feature maps, 512 dense units with batch normalisation.
pub(super) fn build_flat(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    flattened(blocks, spec, head::normalised)
}

/// Flattened feature maps, 512 dense units without batch normalisation. With 128 and 64 units 14,789,063 parameters for
/// three channels and seven classes.
pub(super) fn build_plain(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    flattened(blocks, spec, head::plain)
}

fn flattened(
    blocks: &Blocks,
    spec: &NetworkSpec,
    head: fn(&Blocks, &NetworkSpec, usize, &[usize]) -> Vec<Dense>,
) -> Network {
    let (body, width) = backbone(blocks, spec.channels);
    let side = spec.size >> STAGES.len();
    Network::new(body, Gather::Flatten, head(blocks, spec, width * side * side, &[512]))
}

/// The blocks, and the number of their output channels.
pub(super) fn backbone(blocks: &Blocks, channels: usize) -> (Vec<Block>, usize) {
    let mut input = channels;
    let mut body = Vec::new();
    for stage in STAGES {
        for &width in stage {
            body.push(blocks.conv_bias_relu(input, width, Window::same(3, 1)));
            input = width;
        }
        body.push(blocks.max_pool(Window::valid(2, 2)));
    }
    (body, input)
}
