//! Builds burn's optimizer from a recipe's `[optimizer]`. Weight decay is not applied to biases and batch
//! normalisation, where it only slows training down.

use super::recipe::{OptimizerMethod, OptimizerSection};
use burn::module::{Module, ModuleVisitor, Param, ParamGroup};
use burn::optim::{
    AdamConfig, AdamWConfig, DynOptimizer, GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig,
    decay::WeightDecayConfig, momentum::MomentumConfig,
};
use burn::tensor::Tensor;

/// The optimizer that `section` describes.
pub fn build(section: &OptimizerSection) -> ModuleOptimizer {
    let without_decay = ParamGroup::from_any_predicates(vec!["bias", "gamma", "beta"]);
    match section.method() {
        OptimizerMethod::Sgd { momentum, nesterov } => {
            let sgd = |weight_decay| {
                SgdConfig::new()
                    .with_weight_decay(coupled(weight_decay))
                    .with_momentum((momentum > 0.0).then(|| {
                        MomentumConfig::new()
                            .with_momentum(momentum)
                            .with_dampening(0.0)
                            .with_nesterov(nesterov)
                    }))
                    .build()
            };
            grouped(sgd(section.weight_decay), sgd(0.0), without_decay)
        }
        OptimizerMethod::Adam { beta1, beta2, epsilon, amsgrad, decoupled: true } => {
            let adam = |weight_decay: f64| {
                AdamWConfig::new()
                    .with_beta_1(beta1 as f32)
                    .with_beta_2(beta2 as f32)
                    .with_epsilon(epsilon as f32)
                    .with_amsgrad(amsgrad)
                    .with_weight_decay(weight_decay as f32)
                    .build()
            };
            grouped(adam(section.weight_decay), adam(0.0), without_decay)
        }
        OptimizerMethod::Adam { beta1, beta2, epsilon, amsgrad, decoupled: false } => {
            let adam = |weight_decay| {
                AdamConfig::new()
                    .with_beta_1(beta1 as f32)
                    .with_beta_2(beta2 as f32)
                    .with_epsilon(epsilon as f32)
                    .with_amsgrad(amsgrad)
                    .with_weight_decay(coupled(weight_decay))
                    .build()
            };
            grouped(adam(section.weight_decay), adam(0.0), without_decay)
        }
        OptimizerMethod::RmsProp { alpha, momentum, epsilon, centered } => {
            let rmsprop = |weight_decay| {
                RmsPropConfig::new()
                    .with_alpha(alpha as f32)
                    .with_momentum(momentum as f32)
                    .with_epsilon(epsilon as f32)
                    .with_centered(centered)
                    .with_weight_decay(coupled(weight_decay))
                    .build()
            };
            grouped(rmsprop(section.weight_decay), rmsprop(0.0), without_decay)
        }
    }
}

fn coupled(weight_decay: f64) -> Option<WeightDecayConfig> {
    (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay as f32))
}

fn grouped<O>(all: O, spared: O, group: ParamGroup) -> ModuleOptimizer
where
    O: DynOptimizer + 'static,
    ModuleOptimizer: From<O>,
{
    ModuleOptimizer::from(all).with_group(group, spared, None)
}

/// Clips the gradients: scales all of them down so that their Euclidean norm is at most `longest`.
pub fn clip_norm<M: Module>(module: &M, gradients: GradientsParams, longest: f64) -> GradientsParams {
    let norm = {
        let mut squares = Squares { gradients: &gradients, sum: 0.0 };
        module.visit(&mut squares);
        squares.sum.sqrt()
    };
    if norm <= longest {
        return gradients;
    }
    let mut scale = Scale { gradients, factor: longest / norm };
    module.visit(&mut scale);
    scale.gradients
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sum += f64::from(gradient.powi_scalar(2).sum().into_scalar::<f32>());
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}
