//! A residual network (He et al. 2016, "Deep Residual Learning for Image Recognition") adapted to pictures of 48x48:
//! the first convolution keeps the full resolution; the three stages of two or three blocks have a half, a quarter and
//! an eighth of it.

use super::blocks::{Block, Gather, Residual};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

const STEM: usize = 16;
const WIDTHS: [usize; 3] = [32, 64, 128];

/// Two blocks per stage: 0.7 million weights, 62 million multiplications per picture of 48x48.
pub(super) fn build(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    build_stages(2, blocks, spec)
}

/// Three blocks per stage: 1.1 million weights, 94 million multiplications.
pub(super) fn build_deep(blocks: &Blocks, spec: &NetworkSpec) -> Network {
    build_stages(3, blocks, spec)
}

fn build_stages(depth: usize, blocks: &Blocks, spec: &NetworkSpec) -> Network {
    let mut body = vec![
        blocks.conv(spec.channels, STEM, Window::same(3, 1)),
        blocks.norm_relu(STEM),
        blocks.conv(STEM, WIDTHS[0], Window::same(3, 2)),
        blocks.norm_relu(WIDTHS[0]),
    ];
    let mut input = WIDTHS[0];
    for output in WIDTHS {
        body.push(module(blocks, input, output));
        body.extend((1..depth).map(|_| module(blocks, output, output)));
        input = output;
    }
    body.extend(blocks.dropout(spec.dropout));
    Network::new(body, Gather::GlobalAverage, vec![blocks.linear(input, spec.classes)])
}

/// Two convolutions; the shortcut is the identity, or a strided 1x1 convolution if the width changes.
fn module(blocks: &Blocks, input: usize, output: usize) -> Block {
    let stride = if input == output { 1 } else { 2 };
    let shortcut = match stride {
        1 => vec![],
        _ => vec![blocks.conv(input, output, Window::valid(1, stride)), blocks.norm(output)],
    };
    let main = vec![
        blocks.conv(input, output, Window::same(3, stride)),
        blocks.norm_relu(output),
        blocks.conv(output, output, Window::same(3, 1)),
        blocks.norm(output),
    ];
    Block::Residual(Residual { main, shortcut, relu: true })
}
