//! Computes the cost of running a network from its structure.

use super::blocks::{Block, Conv, Dense, Gather};
use super::{Network, NetworkSpec};

/// Channels and side (in pixels) of feature maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub channels: usize,
    pub side: usize,
}

/// Number of multiply-accumulate operations of convolutions and dense layers for one picture.
pub fn multiplications(network: &Network, spec: &NetworkSpec) -> u64 {
    let mut total = 0;
    let shape = through(&network.body, Shape { channels: spec.channels, side: spec.size }, &mut total);
    let mut width = match network.gather {
        Gather::GlobalAverage => shape.channels,
        Gather::Flatten => shape.channels * shape.side * shape.side,
    };
    for layer in &network.head {
        if let Dense::Linear(linear) = layer {
            let [input, output] = linear.weight.dims();
            assert_eq!(input, width, "the input of a dense layer does not match the previous layer");
            total += (input * output) as u64;
            width = output;
        }
    }
    total
}

fn through(blocks: &[Block], shape: Shape, total: &mut u64) -> Shape {
    blocks.iter().fold(shape, |shape, block| step(block, shape, total))
}

pub(crate) fn step(block: &Block, shape: Shape, total: &mut u64) -> Shape {
    match block {
        Block::Conv(conv) => {
            let side = conv.window.outputs(shape.side);
            *total += (weights(conv) * side * side) as u64;
            Shape { channels: conv.weight.dims()[0], side }
        }
        Block::MaxPool(pool) | Block::AveragePool(pool) => {
            Shape { side: pool.window.outputs(shape.side), ..shape }
        }
        Block::Chain(way) => through(&way.blocks, shape, total),
        Block::Residual(residual) => {
            through(&residual.shortcut, shape, total);
            through(&residual.main, shape, total)
        }
        Block::Concat(concat) => {
            let ways: Vec<Shape> = concat.ways.iter().map(|way| through(&way.blocks, shape, total)).collect();
            let side = ways.first().map_or(shape.side, |way| way.side);
            Shape { channels: ways.iter().map(|way| way.channels).sum(), side }
        }
        Block::GlobalAverage(_) => Shape { side: 1, ..shape },
        Block::Gate(gate) => {
            *total += (weights(&gate.squeeze) + weights(&gate.expand)) as u64;
            shape
        }
        Block::Norm(_) | Block::Tanh(_) | Block::Relu6(_) | Block::Silu(_) | Block::Dropout(_) => shape,
    }
}

fn weights(conv: &Conv) -> usize {
    conv.weight.dims().iter().product()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::build;
    use burn::nn::Initializer;
    use burn::tensor::Device;

    fn millions(arch: &str, channels: usize, size: usize) -> f64 {
        let spec = NetworkSpec::published(arch, channels, size, 7);
        let network = build(&spec, Initializer::Zeros, &Device::flex()).unwrap();
        (multiplications(&network, &spec) as f64 / 1e6).round()
    }

    /// The backbones' published figures at 224x224, our heads included: ResNet50 3.86 billion, version 1.5 4.1,
    /// MobileNetV2 0.3, EfficientNet-Lite0 0.4; VGG16's convolutions 15.3.
    #[test]
    fn the_networks_cost_what_is_published() {
        for (arch, published) in [
            ("resnet50", 3860.0),
            ("resnet50_v15", 4100.0),
            ("mobilenet_v2", 300.0),
            ("efficientnet_lite0", 400.0),
            ("vgg16_small", 15_300.0),
        ] {
            let ours = millions(arch, 3, 224);
            assert!((ours / published - 1.0).abs() < 0.06, "{arch}: {ours} million");
        }
        assert_eq!(millions("resnet_48", 1, 48), 62.0);
    }
}
