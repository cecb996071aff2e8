//! VGG16 (Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
//! configuration D) with the heads that other projects on FER2013 used.

use super::blocks::{Block, Gather};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

/// Channels of the convolutions of each stage; pooling halves the maps after a stage.
const STAGES: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];
const WIDTH: usize = 512;

/// Global average pooling, 128 dense units. 14,781,767 parameters with three channels and seven classes.
pub(super) fn build_small(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let mut head = blocks.dense(WIDTH, 128, spec.dropout);
    head.push(blocks.linear(128, spec.classes));
    Network::new(backbone(blocks, spec.channels), Gather::GlobalAverage, head)
}

/// Global average pooling with batch normalisation, 1028, 128 and 16 dense units. 15,382,683 parameters with three
/// channels and seven classes.
pub(super) fn build_large(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let mut body = backbone(blocks, spec.channels);
    body.push(blocks.norm(WIDTH));
    let mut head = Vec::new();
    let mut input = WIDTH;
    for width in [1028, 128, 16] {
        head.extend(blocks.dense(input, width, spec.dropout));
        input = width;
    }
    head.push(blocks.linear(input, spec.classes));
    Network::new(body, Gather::GlobalAverage, head)
}

/// Flattened feature maps, 512 dense units.
pub(super) fn build_flat(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let side = spec.size >> STAGES.len();
    let mut head = blocks.dense(WIDTH * side * side, WIDTH, spec.dropout);
    head.push(blocks.linear(WIDTH, spec.classes));
    Network::new(backbone(blocks, spec.channels), Gather::Flatten, head)
}

fn backbone(blocks: &Blocks, channels: usize) -> Vec<Block> {
    let mut input = channels;
    let mut body = Vec::new();
    for stage in STAGES {
        for &width in stage {
            body.push(blocks.conv_bias_relu(input, width, Window::same(3, 1)));
            input = width;
        }
        body.push(blocks.max_pool(Window::valid(2, 2)));
    }
    body
}
