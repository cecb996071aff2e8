//! Lists the convolutions and normalisations inside blocks, in execution order.

use crate::arch::blocks::{Block, Conv, Norm};

/// A layer that a checkpoint has weights for.
pub(crate) enum Layer<'a> {
    Conv(&'a mut Conv),
    Norm(&'a mut Norm),
}

/// The layers of `blocks`. In a residual block the main path comes first, in a gate the squeeze layer.
pub(crate) fn layers(blocks: &mut [Block]) -> Vec<Layer<'_>> {
    blocks
        .iter_mut()
        .flat_map(|block| match block {
            Block::Conv(conv) => vec![Layer::Conv(conv)],
            Block::Norm(norm) => vec![Layer::Norm(norm)],
            Block::Chain(way) => layers(&mut way.blocks),
            Block::Residual(residual) => {
                let mut both = layers(&mut residual.main);
                both.extend(layers(&mut residual.shortcut));
                both
            }
            Block::Concat(concat) => concat.ways.iter_mut().flat_map(|way| layers(&mut way.blocks)).collect(),
            Block::Gate(gate) => vec![Layer::Conv(&mut gate.squeeze), Layer::Conv(&mut gate.expand)],
            Block::Tanh(_)
            | Block::Relu6(_)
            | Block::Silu(_)
            | Block::MaxPool(_)
            | Block::AveragePool(_)
            | Block::GlobalAverage(_)
            | Block::Dropout(_) => vec![],
        })
        .collect()
}
