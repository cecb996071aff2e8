//! The plain network of many FER2013 projects: 3x3 convolutions of 32, 64 and 128 channels with batch normalisation,
//! pooling and dropout, then a dense layer. 730,855 parameters at 48x48x1 and seven classes, running statistics
//! included.

use super::blocks::Gather;
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

const HIDDEN: usize = 128;

/// Two convolutions of 32, two of 64, one of 128, each width followed by pooling and dropout; then 128 dense units.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let same = Window::same(3, 1);
    let mut body = vec![blocks.conv_bias_relu(spec.channels, 32, same)];
    for width in [&[(32, 32)][..], &[(32, 64), (64, 64)], &[(64, 128)]] {
        for (input, output) in width {
            body.push(blocks.conv_bias(*input, *output, same));
            body.push(blocks.norm_relu(*output));
        }
        body.push(blocks.max_pool(Window::valid(2, 2)));
        body.extend(blocks.dropout(spec.dropout));
    }
    let side = spec.size / 8;
    let mut head = vec![blocks.linear(128 * side * side, HIDDEN), blocks.dense_relu()];
    head.extend(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(HIDDEN, spec.classes));
    Network::new(body, Gather::Flatten, head)
}
