//! A moving average of a network's weights and running statistics (Polyak and Juditsky 1992): what is validated and
//! exported when a recipe asks for it.

use super::arch::Network;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// The average of a network over its steps.
#[derive(Clone, Debug)]
pub struct MovingAverage {
    network: Network,
    decay: f64,
    steps: usize,
}

impl MovingAverage {
    /// Starts at `network`. `decay` is what the average keeps a step; it is lower over the first steps, so that the
    /// random start fades soon: `min(decay, (1 + steps) / (10 + steps))`.
    pub fn new(network: &Network, decay: f64) -> Self {
        Self { network: network.valid(), decay, steps: 0 }
    }

    /// Goes on from a checkpoint.
    pub fn restore(network: &Network, decay: f64, steps: usize) -> Self {
        Self { network: network.valid(), decay, steps }
    }

    /// The average, ready for inference.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Steps taken in.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Takes in the network after a step.
    pub fn update(&mut self, network: &Network) {
        let warm = (1 + self.steps) as f64 / (10 + self.steps) as f64;
        self.steps += 1;
        let mut collector = Collector { values: Vec::new() };
        network.visit(&mut collector);
        let mut blender = Blender { values: collector.values.into_iter(), keep: self.decay.min(warm) };
        self.network = self.network.clone().map(&mut blender);
    }
}

/// Takes all float tensors of a network, flat, in its order.
struct Collector {
    values: Vec<Tensor<1>>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let value = if value.device().is_autodiff() { value.inner() } else { value };
        self.values.push(value.flatten(0, D - 1));
    }
}

/// Blends them into another network of the same make.
struct Blender {
    values: std::vec::IntoIter<Tensor<1>>,
    keep: f64,
}

impl ModuleMapper for Blender {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let next = self.values.next().expect("two networks of the same make");
        param.map(|average| {
            let shape = average.dims();
            average * self.keep + next.reshape(shape) * (1.0 - self.keep)
        })
    }
}
