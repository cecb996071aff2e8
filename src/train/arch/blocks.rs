//! What every architecture is built from. A network is a list of blocks over feature maps, a way from maps to
//! numbers, and a list of dense layers; so an architecture is a function that returns these.

use crate::train::ops::{Maps, Window};
use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Initializer, Linear};
use burn::tensor::{Device, Tensor, activation};

/// A step from feature maps to feature maps.
#[derive(Module, Debug)]
pub enum Block {
    /// Convolution.
    Conv(Conv),
    /// Batch normalisation.
    Norm(Norm),
    /// Hyperbolic tangent.
    Tanh(Tanh),
    /// Max pooling.
    MaxPool(MaxPool),
    /// Dropout, in training alone.
    Dropout(Dropout),
    /// The sum of two ways.
    Residual(Residual),
}

impl Block {
    fn forward(&self, x: Maps) -> Maps {
        match self {
            Self::Conv(conv) => conv.forward(&x),
            Self::Norm(norm) => x.batch_norm(&norm.norm, norm.relu),
            Self::Tanh(_) => x.map(activation::tanh),
            Self::MaxPool(pool) => x.max_pool(pool.window),
            Self::Dropout(dropout) => x.map(|x| dropout.forward(x)),
            Self::Residual(residual) => {
                let sum = forward(&residual.main, x.clone()).plus(forward(&residual.shortcut, x));
                if residual.relu { sum.map(activation::relu) } else { sum }
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

/// Max pooling.
#[derive(Module, Debug)]
pub struct MaxPool {
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

/// Makes blocks with one initialiser on one device.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    /// Where the weights live.
    pub device: &'a Device,
    /// How the weights of convolutions and dense layers start.
    pub initializer: Initializer,
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

    /// The same with a ReLU behind it.
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
        Block::MaxPool(MaxPool { window })
    }

    /// Dropout of a part `rate` of the values; none when it is zero.
    pub fn dropout(&self, rate: f64) -> Option<Block> {
        (rate > 0.0).then(|| Block::Dropout(DropoutConfig::new(rate).init()))
    }

    /// The same between dense layers.
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

    /// Batch normalisation behind a dense layer.
    pub fn dense_norm(&self, width: usize) -> Dense {
        Dense::Norm(self.norm_layer(width))
    }

    /// Hyperbolic tangent behind a dense layer.
    pub fn dense_tanh(&self) -> Dense {
        Dense::Tanh(Tanh {})
    }

    /// ReLU behind a dense layer.
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
        BatchNormConfig::new(channels).init(self.device)
    }
}
