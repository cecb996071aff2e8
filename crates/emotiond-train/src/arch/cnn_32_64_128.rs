//! The plain network of many FER2013 projects: two 3x3 convolutions of 32 channels, two of 64, then 128 dense units, with
//! batch normalisation everywhere. 730,855 numbers at 48x48x1 and seven classes, of which 730,215 are trained.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec, head};
use crate::ops::Window;

const HIDDEN: [usize; 1] = [128];

/// Each pair of convolutions is followed by pooling and dropout.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let (window, pool) = (Window::valid(3, 1), Window::valid(2, 2));
    let (mut body, mut input, mut side) = (Vec::new(), spec.channels, spec.size);
    for width in [32, 64] {
        for _ in 0..2 {
            body.extend([blocks.conv_bias(input, width, window), blocks.norm_relu(width)]);
            (input, side) = (width, window.outputs(side));
        }
        body.push(blocks.max_pool(pool));
        side = pool.outputs(side);
        body.extend(blocks.dropout(spec.dropout));
    }
    let head = head::normalised_first(blocks, spec, input * side * side, &HIDDEN);
    Network::new(body, Gather::Flatten, head)
}
