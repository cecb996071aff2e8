//! A moving average of a network's weights and running statistics (Polyak and Juditsky 1992). If the recipe enables it,
//! the average is validated and exported instead of the trained network.

use super::arch::Network;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// The moving average of a network over the training steps.
#[derive(Clone, Debug)]
pub struct MovingAverage {
    network: Network,
    decay: f64,
    steps: usize,
}

impl MovingAverage {
    /// Starts with the weights of `network`. `decay` is the part of the average that remains after each step; it is
    /// lower in the first steps, so that the random initial weights fade fast: `min(decay, (1 + steps) / (10 +
    /// steps))`.
    pub fn new(network: &Network, decay: f64) -> Self {
        Self { network: network.valid(), decay, steps: 0 }
    }

    /// Restores an average from a checkpoint.
    pub fn restore(network: &Network, decay: f64, steps: usize) -> Self {
        Self { network: network.valid(), decay, steps }
    }

    /// The averaged network, ready for inference.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Number of steps averaged.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Updates the average with the network after a step.
    pub fn update(&mut self, network: &Network) {
        let warm = (1 + self.steps) as f64 / (10 + self.steps) as f64;
        self.steps += 1;
        let mut collector = Collector { values: Vec::new() };
        network.visit(&mut collector);
        let mut blender = Blender { values: collector.values.into_iter(), keep: self.decay.min(warm) };
        self.network = self.network.clone().map(&mut blender);
    }
}

/// Collects the values of all float tensors of a network in order.
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

/// Blends collected values into another network of the same architecture.
struct Blender {
    values: std::vec::IntoIter<Tensor<1>>,
    keep: f64,
}

impl ModuleMapper for Blender {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let next = self.values.next().expect("both networks have the same architecture");
        param.map(|average| {
            let shape = average.dims();
            average * self.keep + next.reshape(shape) * (1.0 - self.keep)
        })
    }
}
