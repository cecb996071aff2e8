//! The values of a network's weights and gradients by name, for histograms.

use super::arch::Network;
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

/// Pairs of a weight's path, such as `body.2.weight`, and its values.
pub type Named = Vec<(String, Vec<f32>)>;

/// All weights and running statistics.
pub fn weights(network: &Network) -> Named {
    let mut visitor = Visitor { gradients: None, path: Vec::new(), named: Vec::new() };
    network.visit(&mut visitor);
    visitor.named
}

/// The gradients of all weights that have a gradient.
pub fn gradients(network: &Network, gradients: &GradientsParams) -> Named {
    let mut visitor = Visitor { gradients: Some(gradients), path: Vec::new(), named: Vec::new() };
    network.visit(&mut visitor);
    visitor.named
}

struct Visitor<'a> {
    /// The gradients to collect; `None` collects the weights themselves.
    gradients: Option<&'a GradientsParams>,
    path: Vec<String>,
    named: Named,
}

impl ModuleVisitor for Visitor<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let values = match self.gradients {
            Some(gradients) => gradients.get::<D>(param.id),
            None => Some(param.val()),
        };
        if let Some(values) = values {
            self.named.push((self.path.join("."), values.into_data().iter::<f32>().collect()));
        }
    }
}
