//! Loads pretrained weights into a backbone by the key names of torchvision and timm.

mod files;
mod layers;
mod names;

pub use names::Backbone;

use super::arch::Network;
use super::recipe::Freeze;
use burn::module::{Param, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, TensorData};
use emotiond_core::exit::{Exit, ExitsWith};
use files::Stored;
use layers::{Layer, layers};
use names::Naming;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Keys that are ignored: classification heads and unused counters.
const ABOVE: [&str; 6] = ["fc.", "_fc.", "classifier.", "head.", "last_linear.", "pre_logits."];
const COUNTER: &str = "num_batches_tracked";

/// Why pretrained weights cannot be used.
#[derive(Debug, Error)]
pub enum PretrainedError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is damaged or of another kind.
    #[error("{} is not a whole checkpoint ({reason}): give a .safetensors file, or a .pth or .pt file written by torch.save", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// The pickle contains code.
    #[error("{} is refused: its pickle asks to run {}; nothing was run. Save only the state_dict, preferably as .safetensors", path.display(), calls.join(", "))]
    Code {
        /// The file.
        path: PathBuf,
        /// The functions that it would call.
        calls: Vec<String>,
    },
    /// Keys or shapes differ.
    #[error("{} does not match {backbone}; nothing was loaded: {errors}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The backbone.
        backbone: &'static str,
        /// All keys that are missing, unexpected, or have another shape.
        errors: String,
    },
    /// The architecture has no backbone with published weights.
    #[error(
        "network.pretrained: there are no published weights for {0}: remove the section, or use an architecture with vgg16, resnet50, densenet121, efficientnet_b2, efficientnet_lite0 or mobilenet_v2 as backbone"
    )]
    NoBackbone(String),
    /// The recipe freezes more blocks than the backbone has.
    #[error(
        "network.pretrained.freeze is {wanted}, but the backbone has {there} blocks: give at most {there}, or \"all\""
    )]
    TooMany {
        /// The recipe's number.
        wanted: usize,
        /// Number of blocks in the backbone.
        there: usize,
    },
}

impl ExitsWith for PretrainedError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { .. } => Exit::NoInput,
            Self::Unreadable { .. } | Self::Code { .. } | Self::Mismatch { .. } => Exit::Data,
            Self::NoBackbone(_) | Self::TooMany { .. } => Exit::Config,
        }
    }
}

/// `network` with the weights of the file at `path` in its backbone; the head keeps its weights.
///
/// # Errors
/// When the file cannot be read, contains code, or does not contain exactly the backbone's weights.
pub fn load(mut network: Network, backbone: Backbone, path: &Path) -> Result<Network, PretrainedError> {
    let stored = files::read(path)?;
    let known = |naming: &Naming| {
        naming.layers.iter().filter(|layer| stored.contains_key(&format!("{layer}.weight"))).count()
    };
    let naming = backbone.namings().into_iter().max_by_key(known).expect("every backbone has a naming");
    let mut filling = Filling { stored, used: BTreeSet::new(), missing: Vec::new(), misshapen: Vec::new() };
    for (name, layer) in naming.layers.iter().zip(layers(&mut network.body)) {
        filling.fill(name, layer, &naming);
    }
    match filling.errors() {
        None => Ok(network),
        Some(errors) => {
            Err(PretrainedError::Mismatch { path: path.to_owned(), backbone: backbone.name(), errors })
        }
    }
}

/// The number of blocks of `network`'s body that `freeze` freezes, including blocks without weights that follow them.
///
/// # Errors
/// When the backbone has fewer blocks.
pub fn frozen_blocks(
    network: &Network,
    backbone: Backbone,
    freeze: Freeze,
) -> Result<usize, PretrainedError> {
    let mut body = network.body.clone();
    let layers_of_backbone = backbone.namings()[0].layers.len();
    // The start of each block with a convolution, up to the end of the backbone.
    let (mut starts, mut seen, mut end) = (Vec::new(), 0, 0);
    for (at, block) in body.iter_mut().enumerate() {
        let own = layers(std::slice::from_mut(block));
        if own.is_empty() {
            continue;
        }
        if seen == layers_of_backbone {
            end = at;
            break;
        }
        seen += own.len();
        if own.iter().any(|layer| matches!(layer, Layer::Conv(_))) {
            starts.push(at);
        }
        end = network.body.len();
    }
    starts.push(end);
    let there = starts.len() - 1;
    match freeze {
        Freeze::All => Ok(end),
        Freeze::Blocks(0) => Ok(0),
        Freeze::Blocks(wanted) => {
            starts.get(wanted).copied().ok_or(PretrainedError::TooMany { wanted, there })
        }
    }
}

/// Copies the tensors of a file into layers, and collects those that do not match.
struct Filling {
    stored: BTreeMap<String, Stored>,
    used: BTreeSet<String>,
    missing: Vec<String>,
    misshapen: Vec<String>,
}

impl Filling {
    fn fill(&mut self, name: &str, layer: Layer, naming: &Naming) {
        match layer {
            Layer::Conv(conv) => {
                self.set(&format!("{name}.weight"), &mut conv.weight);
                if let Some(bias) = conv.bias.as_mut().filter(|_| naming.biases) {
                    self.set(&format!("{name}.bias"), bias);
                }
            }
            Layer::Norm(norm) => self.fill_norm(name, &mut norm.norm, naming.epsilon),
        }
    }

    fn fill_norm(&mut self, name: &str, norm: &mut BatchNorm, epsilon: f64) {
        self.set(&format!("{name}.weight"), &mut norm.gamma);
        self.set(&format!("{name}.bias"), &mut norm.beta);
        let (shape, device) = (norm.gamma.dims(), norm.gamma.device());
        if let Some(mean) = self.take(&format!("{name}.running_mean"), &shape) {
            norm.running_mean = RunningState::new(Tensor::from_data(TensorData::new(mean, shape), &device));
        }
        if let Some(variance) = self.take(&format!("{name}.running_var"), &shape) {
            // A difference in epsilon is added to the variance, because only their sum is used.
            let variance: Vec<f32> =
                variance.iter().map(|v| (f64::from(*v) + epsilon - norm.epsilon) as f32).collect();
            norm.running_var =
                RunningState::new(Tensor::from_data(TensorData::new(variance, shape), &device));
        }
    }

    fn set<const D: usize>(&mut self, key: &str, param: &mut Param<Tensor<D>>) {
        let shape = param.dims();
        let Some(values) = self.take(key, &shape) else { return };
        *param = param.clone().map(|before| {
            let after = Tensor::from_data(TensorData::new(values, shape), &before.device());
            if before.is_require_grad() { after.require_grad() } else { after }
        });
    }

    /// The values of `key`, which must have this shape. For gray input, the first convolution is summed over its three
    /// channels.
    fn take(&mut self, key: &str, shape: &[usize]) -> Option<Vec<f32>> {
        self.used.insert(key.to_owned());
        let Some(stored) = self.stored.get(key) else {
            self.missing.push(key.to_owned());
            return None;
        };
        if stored.shape == shape {
            return Some(stored.values.clone());
        }
        if let ([output, 1, rows, columns], [o, 3, r, c]) = (shape, stored.shape.as_slice())
            && [output, rows, columns] == [o, r, c]
        {
            let sum = |kernel: &[f32]| {
                (0..rows * columns)
                    .map(|i| kernel[i] + kernel[i + rows * columns] + kernel[i + 2 * rows * columns])
                    .collect::<Vec<_>>()
            };
            return Some(stored.values.chunks_exact(3 * rows * columns).flat_map(sum).collect());
        }
        self.misshapen.push(format!("{key} is {:?}, not {shape:?}", stored.shape));
        None
    }

    /// A list of all differences.
    fn errors(&self) -> Option<String> {
        let expected = |key: &&String| {
            self.used.contains(*key)
                || key.ends_with(COUNTER)
                || ABOVE.iter().any(|above| key.starts_with(above))
        };
        let extra: Vec<String> = self.stored.keys().filter(|key| !expected(key)).cloned().collect();
        let lists = [
            ("missing", &self.missing),
            ("not of this network", &extra),
            ("of another shape", &self.misshapen),
        ];
        let said: Vec<String> = lists
            .iter()
            .filter(|(_, keys)| !keys.is_empty())
            .map(|(what, keys)| format!("{what}: {}", keys.join(", ")))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}
