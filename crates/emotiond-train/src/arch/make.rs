//! Makes blocks; all weights are initialised here.

use super::blocks::{
    Block, Concat, Conv, Dense, Gate, GlobalAverage, Norm, Pool, Relu, Relu6, Silu, Tanh, Way,
};
use crate::ops::Window;
use burn::nn::{BatchNorm, BatchNormConfig, DropoutConfig, Initializer, Linear};
use burn::tensor::Device;

/// Makes blocks with a given initialiser on a given device.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    /// The device of the weights.
    pub device: &'a Device,
    /// The initialiser of convolutions and dense layers.
    pub initializer: Initializer,
    /// Weight of a batch in the running statistics of batch normalisation.
    pub norm_momentum: f64,
}

impl Blocks<'_> {
    /// Convolution over all channels, without bias.
    pub fn conv(&self, input: usize, output: usize, window: Window) -> Block {
        Block::Conv(self.conv_layer(input, output, window, 1, false))
    }

    /// Convolution over all channels, with bias.
    pub fn conv_bias(&self, input: usize, output: usize, window: Window) -> Block {
        Block::Conv(self.conv_layer(input, output, window, 1, true))
    }

    /// Convolution over all channels, with bias, followed by a ReLU.
    pub fn conv_bias_relu(&self, input: usize, output: usize, window: Window) -> Block {
        Block::Conv(Conv { relu: true, ..self.conv_layer(input, output, window, 1, true) })
    }

    /// Depthwise convolution without bias.
    pub fn depthwise(&self, channels: usize, window: Window) -> Block {
        Block::Conv(self.conv_layer(channels, channels, window, channels, false))
    }

    /// Batch normalisation.
    pub fn norm(&self, channels: usize) -> Block {
        Block::Norm(Norm { norm: self.norm_layer(channels), relu: false })
    }

    /// Batch normalisation and ReLU.
    pub fn norm_relu(&self, channels: usize) -> Block {
        Block::Norm(Norm { norm: self.norm_layer(channels), relu: true })
    }

    /// Max pooling.
    pub fn max_pool(&self, window: Window) -> Block {
        Block::MaxPool(Pool { window })
    }

    /// Average pooling, without a border.
    pub fn average_pool(&self, window: Window) -> Block {
        Block::AveragePool(Pool { window })
    }

    /// Dropout with probability `rate`; `None` if it is zero.
    pub fn dropout(&self, rate: f64) -> Option<Block> {
        (rate > 0.0).then(|| Block::Dropout(DropoutConfig::new(rate).init()))
    }

    /// Dropout between dense layers.
    pub fn dense_dropout(&self, rate: f64) -> Option<Dense> {
        (rate > 0.0).then(|| Dense::Dropout(DropoutConfig::new(rate).init()))
    }

    /// Dense layer with bias.
    pub fn linear(&self, input: usize, output: usize) -> Dense {
        Dense::Linear(Linear {
            weight: self.initializer.init_with([input, output], Some(input), Some(output), self.device),
            bias: Some(Initializer::Zeros.init([output], self.device)),
        })
    }

    /// Hyperbolic tangent.
    pub fn tanh(&self) -> Block {
        Block::Tanh(Tanh {})
    }

    /// ReLU limited to six.
    pub fn relu6(&self) -> Block {
        Block::Relu6(Relu6 {})
    }

    /// Sigmoid linear unit.
    pub fn silu(&self) -> Block {
        Block::Silu(Silu {})
    }

    /// The mean of each channel.
    pub fn global_average(&self) -> Block {
        Block::GlobalAverage(GlobalAverage {})
    }

    /// Concatenation of paths; an empty path is the identity.
    pub fn concat(&self, ways: impl IntoIterator<Item = Vec<Block>>) -> Block {
        Block::Concat(Concat { ways: ways.into_iter().map(|blocks| Way { blocks }).collect() })
    }

    /// Squeeze and excitation of `channels` with `hidden` units.
    pub fn gate(&self, channels: usize, hidden: usize) -> Block {
        let pointwise = Window::valid(1, 1);
        Block::Gate(Gate {
            squeeze: self.conv_layer(channels, hidden, pointwise, 1, true),
            expand: self.conv_layer(hidden, channels, pointwise, 1, true),
        })
    }

    /// Batch normalisation after a dense layer.
    pub fn dense_norm(&self, width: usize) -> Dense {
        Dense::Norm(self.norm_layer(width))
    }

    /// Hyperbolic tangent after a dense layer.
    pub fn dense_tanh(&self) -> Dense {
        Dense::Tanh(Tanh {})
    }

    /// ReLU after a dense layer.
    pub fn dense_relu(&self) -> Dense {
        Dense::Relu(Relu {})
    }

    fn conv_layer(&self, input: usize, output: usize, window: Window, groups: usize, bias: bool) -> Conv {
        let area = window.kernel * window.kernel;
        let (fan_in, fan_out) = (input / groups * area, output / groups * area);
        let shape = [output, input / groups, window.kernel, window.kernel];
        Conv {
            weight: self.initializer.init_with(shape, Some(fan_in), Some(fan_out), self.device),
            bias: bias.then(|| Initializer::Zeros.init([output], self.device)),
            groups,
            relu: false,
            window,
        }
    }

    fn norm_layer(&self, channels: usize) -> BatchNorm {
        BatchNormConfig::new(channels).with_momentum(self.norm_momentum).init(self.device)
    }
}
