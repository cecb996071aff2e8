//! The building blocks of all architectures. A network consists of a list of blocks on feature maps, a pooling or
//! flattening step, and a list of dense layers. An architecture is a function that returns these.

use crate::ops::{Maps, Window};
use burn::module::{Module, Param};
use burn::nn::{BatchNorm, Dropout, Linear};
use burn::tensor::{Tensor, activation};

/// A layer or group of layers on feature maps.
#[derive(Module, Debug)]
pub enum Block {
    /// Convolution.
    Conv(Conv),
    /// Batch normalisation.
    Norm(Norm),
    /// Hyperbolic tangent.
    Tanh(Tanh),
    /// ReLU limited to six.
    Relu6(Relu6),
    /// Sigmoid linear unit.
    Silu(Silu),
    /// Max pooling.
    MaxPool(Pool),
    /// Average pooling.
    AveragePool(Pool),
    /// The mean of each channel, as maps of a single pixel.
    GlobalAverage(GlobalAverage),
    /// Dropout, only in training.
    Dropout(Dropout),
    /// A sequence of blocks that counts as one block.
    Chain(Way),
    /// The sum of two paths.
    Residual(Residual),
    /// The concatenated channels of several paths.
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
            Self::Silu(_) => x.silu(),
            Self::MaxPool(pool) => x.max_pool(pool.window),
            Self::AveragePool(pool) => x.average_pool(pool.window),
            Self::GlobalAverage(_) => x.mean(),
            Self::Dropout(dropout) => x.dropout(dropout),
            Self::Chain(way) => forward(&way.blocks, x),
            Self::Residual(residual) => {
                let sum = forward(&residual.main, x.clone()).plus(forward(&residual.shortcut, x));
                if residual.relu { sum.map(activation::relu) } else { sum }
            }
            Self::Concat(concat) => {
                Maps::concat(concat.ways.iter().map(|way| forward(&way.blocks, x.clone())).collect())
            }
            Self::Gate(gate) => {
                let squeezed = gate.squeeze.forward(&x.mean()).silu();
                x.times(gate.expand.forward(&squeezed).map(activation::sigmoid))
            }
        }
    }
}

/// Applies `blocks` to `x` in sequence.
pub fn forward(blocks: &[Block], x: Maps) -> Maps {
    blocks.iter().fold(x, |x, block| block.forward(x))
}

/// Convolution over all channels, or depthwise.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[out, in / groups, kernel, kernel]`.
    pub weight: Param<Tensor<4>>,
    /// One number per output channel.
    pub bias: Option<Param<Tensor<1>>>,
    /// 1, or the number of channels for a depthwise convolution.
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

/// Batch normalisation, optionally followed by a ReLU.
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

/// ReLU limited to six (Sandler et al. 2018).
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

/// The mean of each channel.
#[derive(Module, Debug)]
pub struct GlobalAverage {}

/// Two paths with the same input, summed.
#[derive(Module, Debug)]
pub struct Residual {
    /// The main path.
    pub main: Vec<Block>,
    /// The shortcut; empty for the identity.
    pub shortcut: Vec<Block>,
    /// Whether a ReLU follows the sum.
    #[module(skip)]
    pub relu: bool,
}

/// Paths with the same input and the same output size, whose channels are concatenated (Huang et al. 2017).
#[derive(Module, Debug)]
pub struct Concat {
    /// The paths, in the order of their channels.
    pub ways: Vec<Way>,
}

/// A sequence of blocks; empty for the identity.
#[derive(Module, Debug)]
pub struct Way {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// Squeeze and excitation (Hu et al. 2018): each channel is multiplied by a factor from 0 to 1, which two layers
/// compute from the means of all channels.
#[derive(Module, Debug)]
pub struct Gate {
    /// Reduces the means to fewer numbers; followed by SiLU.
    pub squeeze: Conv,
    /// Expands these to one number per channel; followed by a sigmoid.
    pub expand: Conv,
}

/// How feature maps are turned into one vector per sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gather {
    /// The mean of each channel.
    GlobalAverage,
    /// All values, in the order channel, row, column.
    Flatten,
}

/// A layer on vectors.
#[derive(Module, Debug)]
pub enum Dense {
    /// Matrix product and bias.
    Linear(Linear),
    /// Batch normalisation.
    Norm(BatchNorm),
    /// ReLU.
    Relu(Relu),
    /// Hyperbolic tangent.
    Tanh(Tanh),
    /// Dropout, only in training.
    Dropout(Dropout),
}

impl Dense {
    /// Applies the layer to `x`, `[samples, numbers]`.
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
