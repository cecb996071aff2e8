//! Four 3x3 convolutions with ReLU, each followed by pooling, then dense layers and one dropout: the plainest network of
//! the projects on FER2013.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

const WIDTHS: [usize; 4] = [32, 64, 128, 128];
const HIDDEN: [usize; 2] = [128, 64];

/// 32, 64, 128 and 128 channels, or the widths that the recipe gives.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let widths = spec.options.widths.as_deref().unwrap_or(&WIDTHS);
    let (mut input, mut side) = (spec.channels, spec.size);
    let mut body = Vec::new();
    for &width in widths {
        body.push(blocks.conv_bias_relu(input, width, Window::same(3, 1)));
        body.push(blocks.max_pool(Window::valid(2, 2)));
        (input, side) = (width, side / 2);
    }
    Network::new(body, Gather::Flatten, head::plain(blocks, spec, input * side * side, &HIDDEN))
}
