//! What every architecture is built from. A network is a list of blocks over feature maps, a way from maps to
//! numbers, and a list of dense layers; so an architecture is a function that returns these.

use crate::ops::{Maps, Window};
use burn::module::{Module, Param};
use burn::nn::{BatchNorm, Dropout, Linear};
use burn::tensor::{Tensor, activation};

/// A step from feature maps to feature maps.
#[derive(Module, Debug)]
pub enum Block {
    /// Convolution.
    Conv(Conv),
    /// Batch normalisation.
    Norm(Norm),
    /// Hyperbolic tangent.
    Tanh(Tanh),
    /// Rectifier that ends at six.
    Relu6(Relu6),
    /// Sigmoid linear unit.
    Silu(Silu),
    /// Max pooling.
    MaxPool(Pool),
    /// Average pooling.
    AveragePool(Pool),
    /// Dropout, in training alone.
    Dropout(Dropout),
    /// Blocks one after another that count as one.
    Chain(Way),
    /// The sum of two ways.
    Residual(Residual),
    /// The channels of several ways side by side.
    Concat(Concat),
    /// Squeeze and excitation.
    Gate(Gate),
}

impl Block {
    fn forward(&self, x: Maps) -> Maps {
        match self {
            Self::Conv(conv) => conv.forward(&x),
            Self::Norm(norm) => x.batch_norm(&norm.norm, norm.relu),
            Self::Tanh(_) => x.map(activation::tanh),
            Self::Relu6(_) => x.map(|x| x.clamp(0.0, 6.0)),
            Self::Silu(_) => x.map(activation::silu),
            Self::MaxPool(pool) => x.max_pool(pool.window),
            Self::AveragePool(pool) => x.average_pool(pool.window),
            Self::Dropout(dropout) => x.map(|x| dropout.forward(x)),
            Self::Chain(way) => forward(&way.blocks, x),
            Self::Residual(residual) => {
                let sum = forward(&residual.main, x.clone()).plus(forward(&residual.shortcut, x));
                if residual.relu { sum.map(activation::relu) } else { sum }
            }
            Self::Concat(concat) => {
                Maps::concat(concat.ways.iter().map(|way| forward(&way.blocks, x.clone())).collect())
            }
            Self::Gate(gate) => {
                let squeezed = gate.squeeze.forward(&x.mean()).map(activation::silu);
                x.times(gate.expand.forward(&squeezed).map(activation::sigmoid))
            }
        }
    }
}

/// Sends `x` through `blocks`, one after another.
pub fn forward(blocks: &[Block], x: Maps) -> Maps {
    blocks.iter().fold(x, |x, block| block.forward(x))
}

/// Convolution over all channels, or over each by itself.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[out, in / groups, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// One number a channel of output.
    pub bias: Option<Param<Tensor<1>>>,
    /// 1, or the number of channels: depthwise.
    #[module(skip)]
    pub groups: usize,
    /// Whether a ReLU follows.
    #[module(skip)]
    pub relu: bool,
    /// What slides over the maps.
    #[module(skip)]
    pub window: Window,
}

impl Conv {
    fn forward(&self, x: &Maps) -> Maps {
        let bias = self.bias.as_ref().map(Param::val);
        x.conv2d(self.weight.val(), bias, self.window, self.groups, self.relu)
    }
}

/// Batch normalisation, with the ReLU behind it where there is one.
#[derive(Module, Debug)]
pub struct Norm {
    /// Weights and running statistics.
    pub norm: BatchNorm,
    /// Whether a ReLU follows.
    #[module(skip)]
    pub relu: bool,
}

/// Rectified linear unit.
#[derive(Module, Debug)]
pub struct Relu {}

/// Hyperbolic tangent.
#[derive(Module, Debug)]
pub struct Tanh {}

/// Rectified linear unit that ends at six (Sandler et al. 2018).
#[derive(Module, Debug)]
pub struct Relu6 {}

/// `x` times its sigmoid (Ramachandran, Zoph and Le 2017).
#[derive(Module, Debug)]
pub struct Silu {}

/// Pooling.
#[derive(Module, Debug)]
pub struct Pool {
    /// What slides over the maps.
    #[module(skip)]
    pub window: Window,
}

/// Two ways from the same maps, summed.
#[derive(Module, Debug)]
pub struct Residual {
    /// The long way.
    pub main: Vec<Block>,
    /// The short one; empty: the maps themselves.
    pub shortcut: Vec<Block>,
    /// Whether a ReLU follows the sum.
    #[module(skip)]
    pub relu: bool,
}

/// Ways from the same maps to maps of the same size, whose channels are laid side by side (Huang et al. 2017).
#[derive(Module, Debug)]
pub struct Concat {
    /// The ways, in the order of their channels.
    pub ways: Vec<Way>,
}

/// Blocks one after another; none: the maps themselves.
#[derive(Module, Debug)]
pub struct Way {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// Squeeze and excitation (Hu et al. 2018): each channel is multiplied by a factor from 0 to 1 that two layers make of
/// the means of all.
#[derive(Module, Debug)]
pub struct Gate {
    /// From the means to fewer numbers; SiLU follows.
    pub squeeze: Conv,
    /// From these to one a channel; a sigmoid follows.
    pub expand: Conv,
}

/// How maps become one row of numbers a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// The mean of each channel.
    GlobalAverage,
    /// All values, in the order channel, row, column.
    Flatten,
}

/// A step from a row of numbers to a row of numbers.
#[derive(Module, Debug)]
pub enum Dense {
    /// Matrix product and bias.
    Linear(Linear),
    /// Batch normalisation.
    Norm(BatchNorm),
    /// Rectifier.
    Relu(Relu),
    /// Hyperbolic tangent.
    Tanh(Tanh),
    /// Dropout, in training alone.
    Dropout(Dropout),
}

impl Dense {
    /// Sends `x`, `[samples, numbers]`, through.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(linear) => linear.forward(x),
            Self::Norm(norm) => norm.forward(x),
            Self::Relu(_) => activation::relu(x),
            Self::Tanh(_) => activation::tanh(x),
            Self::Dropout(dropout) => dropout.forward(x),
        }
    }
}
