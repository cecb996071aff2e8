//! Two wide convolutions (4x4, 256 channels), each with ReLU and 3x3 pooling, and a dense layer of 256 units.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

const WIDTH: usize = 256;

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (window, pool) = (Window::valid(4, 1), Window::valid(3, 3));
    let body = vec![
        blocks.conv_bias_relu(spec.channels, WIDTH, window),
        blocks.max_pool(pool),
        blocks.conv_bias_relu(WIDTH, WIDTH, window),
        blocks.max_pool(pool),
    ];
    let side = [window, pool, window, pool].iter().fold(spec.size, |side, window| window.outputs(side));
    let mut head = vec![blocks.linear(WIDTH * side * side, WIDTH), blocks.dense_relu()];
    head.extend(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(WIDTH, spec.classes));
    Network::new(body, Gather::Flatten, head)
}
