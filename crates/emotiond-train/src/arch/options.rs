//! Choices that some architectures leave open.

use super::{ArchError, BACKBONES, blocks::Dense, four_conv, make::Blocks};
use crate::recipe::Activation;
use serde::{Deserialize, Serialize};

impl Activation {
    /// The layer.
    pub(super) fn layer(self, blocks: &Blocks) -> Dense {
        match self {
            Self::Relu => blocks.dense_relu(),
            Self::Tanh => blocks.dense_tanh(),
        }
    }
}

/// What a recipe chooses; a choice that is absent is the architecture's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Output channels of the convolutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widths: Option<Vec<usize>>,
    /// Units of the dense layers before the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<Vec<usize>>,
    /// The activation after these dense layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<Activation>,
    /// The backbones beside each other, by the names of their architectures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// Weight of a batch's statistics in the running statistics of batch normalisation, 0 to 1; absent: 0.1. Keras
    /// counts the other way: its 0.99 is 0.01 here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub norm_momentum: Option<f64>,
}

impl Options {
    /// The choices that are made, by the names of their keys. Every network has the momentum.
    fn chosen(&self) -> impl Iterator<Item = &'static str> {
        [
            ("widths", self.widths.is_some()),
            ("units", self.units.is_some()),
            ("activation", self.activation.is_some()),
            ("branches", !self.branches.is_empty()),
        ]
        .into_iter()
        .filter_map(|(key, is_chosen)| is_chosen.then_some(key))
    }

    /// Checks that the architecture called `arch`, which leaves the choices `open`, can be built with these.
    pub(super) fn check(&self, arch: &'static str, open: &'static [&'static str]) -> Result<(), ArchError> {
        if let Some(key) = self.chosen().find(|key| !open.contains(key)) {
            return Err(ArchError::NoChoice { arch, key });
        }
        if let Some(given) = self.widths.as_ref().map(Vec::len)
            && given != four_conv::WIDTHS.len()
        {
            return Err(ArchError::Widths { wanted: four_conv::WIDTHS.len(), given });
        }
        let is_backbone = |name: &String| BACKBONES.iter().any(|(known, _)| known == name);
        if open.contains(&"branches") && (self.branches.is_empty() || !self.branches.iter().all(is_backbone))
        {
            return Err(ArchError::Branches { given: self.branches.clone() });
        }
        let lists = [("widths", &self.widths), ("units", &self.units)];
        match lists.iter().find(|(_, list)| list.as_ref().is_some_and(|list| list.contains(&0))) {
            Some((key, _)) => Err(ArchError::Zero { key }),
            None => Ok(()),
        }
    }
}
