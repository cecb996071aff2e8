//! A small network with tanh activations, common in first projects on FER2013: two convolutions of 5x5, each followed
//! by pooling, and 64 dense units. 89,479 weights at 48x48x1 and seven classes.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

const HIDDEN: usize = 64;

pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (strided, plain, pool) = (Window::valid(5, 2), Window::valid(5, 1), Window::valid(2, 2));
    let body = vec![
        blocks.conv_bias(spec.channels, 32, strided),
        blocks.tanh(),
        blocks.max_pool(pool),
        blocks.conv_bias(32, 64, plain),
        blocks.tanh(),
        blocks.max_pool(pool),
    ];
    let side = [strided, pool, plain, pool].iter().fold(spec.size, |side, window| window.outputs(side));
    let mut head = vec![blocks.linear(64 * side * side, HIDDEN), blocks.dense_tanh()];
    head.extend(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(HIDDEN, spec.classes));
    Network::new(body, Gather::Flatten, head)
}
