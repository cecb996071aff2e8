//! `[optimizer]`: the optimizer and its hyper-parameters.

use super::check::{Fault, foreign};
use serde::{Deserialize, Serialize};

/// An optimizer by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerName {
    /// Stochastic gradient descent.
    Sgd,
    /// Kingma and Ba 2015.
    Adam,
    /// Tieleman and Hinton 2012.
    RmsProp,
}

/// `[optimizer]`. [`OptimizerSection::method`] returns the chosen optimizer with its defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimizerSection {
    /// The optimizer.
    pub name: OptimizerName,
    /// The highest learning rate; the schedule lowers it.
    pub learning_rate: f64,
    /// Weight decay.
    #[serde(default)]
    pub weight_decay: f64,
    /// `sgd` and `rmsprop`: momentum (0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// `sgd`: Nesterov momentum (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// `adam`: decay of the mean of the gradients (0.9).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    /// `adam`: decay of the mean of their squares (0.999).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    /// `adam` and `rmsprop`: epsilon, which is added to the denominator (1e-8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// `adam`: uses the largest second moment so far instead of the current one (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amsgrad: Option<bool>,
    /// `adam`: decouples the weight decay from the gradient, as AdamW does (true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoupled: Option<bool>,
    /// `rmsprop`: decay of the mean of the squared gradients (0.99).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// `rmsprop`: divides by the variance of the gradient instead of its second moment (false).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centered: Option<bool>,
}

/// The chosen optimizer with its hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "the keys of `OptimizerSection`")]
pub enum OptimizerMethod {
    /// Stochastic gradient descent.
    Sgd { momentum: f64, nesterov: bool },
    /// Adam; AdamW when `decoupled`.
    Adam { beta1: f64, beta2: f64, epsilon: f64, amsgrad: bool, decoupled: bool },
    /// RMSprop.
    RmsProp { alpha: f64, momentum: f64, epsilon: f64, centered: bool },
}

impl OptimizerSection {
    /// The chosen optimizer, with defaults for absent keys.
    pub fn method(&self) -> OptimizerMethod {
        let momentum = self.momentum.unwrap_or(0.0);
        let epsilon = self.epsilon.unwrap_or(1e-8);
        match self.name {
            OptimizerName::Sgd => OptimizerMethod::Sgd { momentum, nesterov: self.nesterov.unwrap_or(false) },
            OptimizerName::Adam => OptimizerMethod::Adam {
                beta1: self.beta1.unwrap_or(0.9),
                beta2: self.beta2.unwrap_or(0.999),
                epsilon,
                amsgrad: self.amsgrad.unwrap_or(false),
                decoupled: self.decoupled.unwrap_or(true),
            },
            OptimizerName::RmsProp => OptimizerMethod::RmsProp {
                alpha: self.alpha.unwrap_or(0.99),
                momentum,
                epsilon,
                centered: self.centered.unwrap_or(false),
            },
        }
    }

    /// An error for the first key that belongs to another optimizer.
    pub(super) fn foreign_key(&self) -> Result<(), Fault> {
        use OptimizerName::{Adam, RmsProp, Sgd};
        let keys: [(&str, bool, &[OptimizerName], &str); 9] = [
            ("optimizer.momentum", self.momentum.is_some(), &[Sgd, RmsProp], "`sgd` and `rmsprop`"),
            ("optimizer.nesterov", self.nesterov.is_some(), &[Sgd], "`sgd`"),
            ("optimizer.beta1", self.beta1.is_some(), &[Adam], "`adam`"),
            ("optimizer.beta2", self.beta2.is_some(), &[Adam], "`adam`"),
            ("optimizer.epsilon", self.epsilon.is_some(), &[Adam, RmsProp], "`adam` and `rmsprop`"),
            ("optimizer.amsgrad", self.amsgrad.is_some(), &[Adam], "`adam`"),
            ("optimizer.decoupled", self.decoupled.is_some(), &[Adam], "`adam`"),
            ("optimizer.alpha", self.alpha.is_some(), &[RmsProp], "`rmsprop`"),
            ("optimizer.centered", self.centered.is_some(), &[RmsProp], "`rmsprop`"),
        ];
        foreign(&keys, &self.name)
    }
}
