//! What MobileNetV2 and the EfficientNets are made of: stages of inverted residuals (Sandler et al. 2018), which widen
//! the maps, filter each channel by itself and narrow them again.

use super::blocks::{Block, Gather, Residual, Way};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

/// Channels that leave the first convolution.
const STEM: usize = 32;

/// Blocks of one shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    /// What the first convolution of a block widens its maps by; 1: there is none.
    pub expansion: usize,
    /// Side of the depthwise windows.
    pub kernel: usize,
    /// Channels that leave the stage.
    pub output: usize,
    /// Blocks.
    pub count: usize,
    /// Stride of the first block.
    pub stride: usize,
}

/// The table of a paper: expansion, kernel, channels, blocks and stride of each stage.
pub(super) const fn stage(
    expansion: usize,
    kernel: usize,
    output: usize,
    count: usize,
    stride: usize,
) -> Stage {
    Stage { expansion, kernel, output, count, stride }
}

/// `body`, whose last maps have `width` channels, under the mean of each, dropout and a dense layer.
pub(super) fn under_means(blocks: &Blocks, spec: &NetworkSpec, body: Vec<Block>, width: usize) -> Network {
    let mut head = Vec::from_iter(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(width, spec.classes));
    Network::new(body, Gather::GlobalAverage, head)
}

/// A backbone of such stages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Its stages.
    pub stages: [Stage; 7],
    /// Channels of the last maps.
    pub width: usize,
    /// Squeeze and excitation in each block, and SiLU in place of a ReLU that ends at six.
    pub gated: bool,
}

impl Plan {
    /// From a picture of `channels` channels to maps of a thirty-second of its side.
    pub(super) fn backbone(&self, blocks: &Blocks, channels: usize) -> Vec<Block> {
        let mut body = vec![blocks.conv(channels, STEM, Window::same(3, 2))];
        body.extend(self.normalised(blocks, STEM));
        let mut input = STEM;
        for stage in self.stages {
            for block in 0..stage.count {
                let stride = if block == 0 { stage.stride } else { 1 };
                body.push(self.block(blocks, input, Stage { stride, ..stage }));
                input = stage.output;
            }
        }
        body.push(blocks.conv(input, self.width, Window::valid(1, 1)));
        body.extend(self.normalised(blocks, self.width));
        body
    }

    /// One block from `input` channels; beside the maps themselves where their shape stays.
    fn block(&self, blocks: &Blocks, input: usize, stage: Stage) -> Block {
        let (pointwise, width) = (Window::valid(1, 1), input * stage.expansion);
        let mut main = Vec::new();
        if stage.expansion > 1 {
            main.push(blocks.conv(input, width, pointwise));
            main.extend(self.normalised(blocks, width));
        }
        main.push(blocks.depthwise(width, Window::same(stage.kernel, stage.stride)));
        main.extend(self.normalised(blocks, width));
        if self.gated {
            main.push(blocks.gate(width, input / 4));
        }
        main.extend([blocks.conv(width, stage.output, pointwise), blocks.norm(stage.output)]);
        if stage.stride == 1 && input == stage.output {
            Block::Residual(Residual { main, shortcut: vec![], relu: false })
        } else {
            Block::Chain(Way { blocks: main })
        }
    }

    fn normalised(&self, blocks: &Blocks, channels: usize) -> [Block; 2] {
        [blocks.norm(channels), if self.gated { blocks.silu() } else { blocks.relu6() }]
    }
}
