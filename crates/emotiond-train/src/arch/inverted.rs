//! The backbone of MobileNetV2 and the EfficientNets: stages of inverted residual blocks (Sandler et al. 2018), each
//! with an expansion, a depthwise convolution and a projection.

use super::blocks::{Block, Gather, Residual, Way};
use super::make::Blocks;
use super::{Network, NetworkSpec};
use crate::ops::Window;

/// Output channels of the first convolution.
const STEM: usize = 32;

/// A stage: blocks of the same shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    /// Expansion factor of the channels in the first convolution of a block; 1 for no such convolution.
    pub expansion: usize,
    /// Side of the depthwise windows.
    pub kernel: usize,
    /// Output channels of the stage.
    pub output: usize,
    /// Number of blocks.
    pub count: usize,
    /// Stride of the first block.
    pub stride: usize,
}

/// A stage as in the tables of the papers: expansion, kernel, channels, blocks and stride.
pub(super) const fn stage(
    expansion: usize,
    kernel: usize,
    output: usize,
    count: usize,
    stride: usize,
) -> Stage {
    Stage { expansion, kernel, output, count, stride }
}

/// `body`, which has `width` output channels, followed by global average pooling, dropout and a dense layer.
pub(super) fn under_means(blocks: &Blocks, spec: &NetworkSpec, body: Vec<Block>, width: usize) -> Network {
    let mut head = Vec::from_iter(blocks.dense_dropout(spec.dropout));
    head.push(blocks.linear(width, spec.classes));
    Network::new(body, Gather::GlobalAverage, head)
}

/// A backbone of inverted residual blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Its stages.
    pub stages: [Stage; 7],
    /// Output channels.
    pub width: usize,
    /// Whether to use squeeze and excitation in each block, and SiLU instead of ReLU6.
    pub gated: bool,
}

impl Plan {
    /// The blocks from a picture with `channels` channels to feature maps of 1/32 of its side.
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

    /// The same, and the number of their output channels.
    pub(super) fn backbone_and_width(&self, blocks: &Blocks, channels: usize) -> (Vec<Block>, usize) {
        (self.backbone(blocks, channels), self.width)
    }

    /// One block with `input` channels; it has an identity shortcut if the shape does not change.
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
