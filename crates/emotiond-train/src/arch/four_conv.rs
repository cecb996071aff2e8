//! Four 3x3 convolutions, each with batch normalisation, ReLU, pooling and dropout, then two dense layers with batch
//! normalisation, ReLU and dropout.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

pub(super) const WIDTHS: [usize; 4] = [64, 128, 512, 512];
const HIDDEN: [usize; 2] = [256, 512];

/// 64, 128, 512 and 512 channels, or the widths that the recipe gives.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let widths = spec.options.widths.as_deref().unwrap_or(&WIDTHS);
    let (mut input, mut side) = (spec.channels, spec.size);
    let mut body = Vec::new();
    for &width in widths {
        body.push(blocks.conv_bias(input, width, Window::same(3, 1)));
        body.push(blocks.norm_relu(width));
        body.push(blocks.max_pool(Window::valid(2, 2)));
        body.extend(blocks.dropout(spec.dropout));
        (input, side) = (width, side / 2);
    }
    let head = head::normalised_first(blocks, spec, input * side * side, &HIDDEN);
    Network::new(body, Gather::Flatten, head)
}
