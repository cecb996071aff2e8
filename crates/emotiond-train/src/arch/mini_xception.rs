//! mini-Xception: Arriaga, Valdenegro-Toro and Plöger 2017, "Real-time Convolutional Neural Networks for Emotion
//! and Gender Classification".

use super::blocks::{Block, Gather, Residual};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

/// Two convolutions of 8 channels, four residual modules of depthwise-separable convolutions, a convolution with one
/// channel per class, and global average pooling.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let mut body = vec![
        blocks.conv(spec.channels, 8, Window::valid(3, 1)),
        blocks.norm_relu(8),
        blocks.conv(8, 8, Window::valid(3, 1)),
        blocks.norm_relu(8),
    ];
    for (input, output) in [(8, 16), (16, 32), (32, 64), (64, 128)] {
        body.push(module(blocks, input, output));
    }
    body.extend(blocks.dropout(spec.dropout));
    body.push(blocks.conv_bias(128, spec.classes, Window::same(3, 1)));
    Network::new(body, Gather::GlobalAverage, vec![])
}

/// Two separable convolutions and a pooling that halves the size, with a strided 1x1 convolution as shortcut.
fn module(blocks: &Blocks, input: usize, output: usize) -> Block {
    let same = Window::same(3, 1);
    let pointwise = Window::valid(1, 1);
    Block::Residual(Residual {
        main: vec![
            blocks.depthwise(input, same),
            blocks.conv(input, output, pointwise),
            blocks.norm_relu(output),
            blocks.depthwise(output, same),
            blocks.conv(output, output, pointwise),
            blocks.norm(output),
            blocks.max_pool(Window::same(3, 2)),
        ],
        shortcut: vec![blocks.conv(input, output, Window::valid(1, 2)), blocks.norm(output)],
        relu: false,
    })
}
