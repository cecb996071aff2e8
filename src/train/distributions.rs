//! The values of a network's weights and of their gradients, by the weight's path in the network, for histograms.

use super::arch::Network;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// A weight's path, such as `body/3/norm/gamma`, and its values.
pub type Values = (String, Vec<f32>);

/// The values of every trained weight.
pub fn weights(network: &Network) -> Vec<Values> {
    collect(network, None)
}

/// The gradient of every trained weight that has one.
pub fn gradients(network: &Network, gradients: &GradientsParams) -> Vec<Values> {
    collect(network, Some(gradients))
}

fn collect(network: &Network, gradients: Option<&GradientsParams>) -> Vec<Values> {
    let mut collector = Collector { gradients, path: Vec::new(), found: Vec::new() };
    network.visit(&mut collector);
    collector.found
}

struct Collector<'a> {
    gradients: Option<&'a GradientsParams>,
    path: Vec<String>,
    found: Vec<Values>,
}

impl ModuleVisitor for Collector<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        let values = match self.gradients {
            None => Some(param.val().inner()),
            Some(gradients) => gradients.get::<D>(param.id),
        };
        if let Some(values) = values {
            self.found.push((self.path.join("/"), values.into_data().iter::<f32>().collect()));
        }
    }
}
