//! ResNet50 (He et al. 2016, "Deep Residual Learning for Image Recognition") with the heads that other projects
//! on FER2013 used. The stride is in the 3x3 convolutions. Convolutions have a bias, as in Keras.

use super::blocks::{Block, Gather, Residual};
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

/// Blocks of each stage and the channels of their 3x3 convolutions.
const STAGES: [(usize, usize); 4] = [(3, 64), (4, 128), (6, 256), (3, 512)];
/// Factor by which the last 1x1 convolution of a block increases the channels.
const EXPANSION: usize = 4;

/// Global average pooling, 128 and 64 dense units. 23,858,695 parameters with three channels and seven classes.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (body, width) = backbone(blocks, spec.channels);
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
    let mut body = vec![
        blocks.conv_bias(channels, 64, Window::same(7, 2)),
        blocks.norm_relu(64),
        blocks.max_pool(Window::same(3, 2)),
    ];
    let mut input = 64;
    for (stage, (count, width)) in STAGES.into_iter().enumerate() {
        for block in 0..count {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            body.push(bottleneck(blocks, input, width, stride));
            input = width * EXPANSION;
        }
    }
    (body, input)
}

/// 1x1, 3x3 and 1x1 convolutions; the shortcut is the identity, or a 1x1 convolution if the shape changes.
fn bottleneck(blocks: &Blocks, input: usize, width: usize, stride: usize) -> Block {
    let output = width * EXPANSION;
    let pointwise = Window::valid(1, 1);
    let main = vec![
        blocks.conv_bias(input, width, pointwise),
        blocks.norm_relu(width),
        blocks.conv_bias(width, width, Window::same(3, stride)),
        blocks.norm_relu(width),
        blocks.conv_bias(width, output, pointwise),
        blocks.norm(output),
    ];
    let shortcut = if input == output && stride == 1 {
        vec![]
    } else {
        vec![blocks.conv_bias(input, output, Window::valid(1, stride)), blocks.norm(output)]
    };
    Block::Residual(Residual { main, shortcut, relu: true })
}
