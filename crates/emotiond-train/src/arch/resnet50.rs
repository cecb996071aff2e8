//! ResNet50 (He et al. 2016, "Deep Residual Learning for Image Recognition") with the heads that other projects
//! on FER2013 used. Convolutions have a bias, as in Keras.

use super::blocks::{Block, Gather, Residual};
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

/// Blocks of each stage and the channels of their 3x3 convolutions.
const STAGES: [(usize, usize); 4] = [(3, 64), (4, 128), (6, 256), (3, 512)];
/// Factor by which the last 1x1 convolution of a block increases the channels.
const EXPANSION: usize = 4;

/// Which convolution of a stage's first block halves the maps.
#[derive(Clone, Copy, PartialEq)]
enum Halves {
    /// The first 1x1 convolution, as in the publication and in Keras.
    First,
    /// The 3x3 convolution, as in torchvision and timm ("version 1.5").
    Middle,
}

/// Global average pooling, 128 and 64 dense units. 23,858,695 parameters with three channels and seven classes.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    with_two_layers(backbone(blocks, spec.channels), blocks, spec)
}

/// The same with the strides of torchvision.
pub(super) fn build_v15(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    with_two_layers(backbone_v15(blocks, spec.channels), blocks, spec)
}

fn with_two_layers((body, width): (Vec<Block>, usize), blocks: &Blocks, spec: &NetworkSpec) -> Network {
    Network::new(body, Gather::GlobalAverage, head::plain(blocks, spec, width, &[128, 64]))
}

/// Global average pooling with batch normalisation, 1028, 128 and 16 dense units with batch normalisation.
pub(super) fn build_large(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (mut body, width) = backbone(blocks, spec.channels);
    body.push(blocks.norm(width));
    Network::new(body, Gather::GlobalAverage, head::normalised(blocks, spec, width, &[1028, 128, 16]))
}

/// The blocks, and the number of their output channels.
pub(super) fn backbone(blocks: &Blocks, channels: usize) -> (Vec<Block>, usize) {
    stages(blocks, channels, Halves::First)
}

/// The same with the strides of torchvision.
pub(super) fn backbone_v15(blocks: &Blocks, channels: usize) -> (Vec<Block>, usize) {
    stages(blocks, channels, Halves::Middle)
}

fn stages(blocks: &Blocks, channels: usize, halves: Halves) -> (Vec<Block>, usize) {
    let mut body = vec![
        blocks.conv_bias(channels, 64, Window::same(7, 2)),
        blocks.norm_relu(64),
        blocks.max_pool(Window::same(3, 2)),
    ];
    let mut input = 64;
    for (stage, (count, width)) in STAGES.into_iter().enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            body.push(bottleneck(blocks, input, width, stride, halves));
            input = width * EXPANSION;
        }
    }
    (body, input)
}

/// 1x1, 3x3 and 1x1 convolutions; the shortcut is the identity, or a 1x1 convolution if the shape changes.
fn bottleneck(blocks: &Blocks, input: usize, width: usize, stride: usize, halves: Halves) -> Block {
    let output = width * EXPANSION;
    let [first, middle] = if halves == Halves::First { [stride, 1] } else { [1, stride] };
    let main = vec![
        blocks.conv_bias(input, width, Window::valid(1, first)),
        blocks.norm_relu(width),
        blocks.conv_bias(width, width, Window::same(3, middle)),
        blocks.norm_relu(width),
        blocks.conv_bias(width, output, Window::valid(1, 1)),
        blocks.norm(output),
    ];
    let shortcut = if input == output && stride == 1 {
        vec![]
    } else {
        vec![blocks.conv_bias(input, output, Window::valid(1, stride)), blocks.norm(output)]
    };
    Block::Residual(Residual { main, shortcut, relu: true })
}
