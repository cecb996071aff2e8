//! Loads pretrained weights into a backbone by the key names of torchvision, timm and Keras.

mod files;
mod layers;
mod names;

pub use names::Backbone;

use super::arch::{Network, blocks::Block};
use burn::module::{Param, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, TensorData};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    files::is_refused,
};
use files::Stored;
pub(crate) use layers::{Layer, layers};
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
    #[error(
        "cannot read {}: {source}: network.pretrained.file names the weights of the backbone; `scripts/fetch-models --pretrained` installs those of config/train",
        path.display()
    )]
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
        "network.pretrained: there are no published weights for {0}: remove the section, or use an architecture with vgg16, resnet50, resnet50_v15, densenet121, efficientnet_b2, efficientnet_lite0 or mobilenet_v2 as backbone"
    )]
    NoBackbone(String),
    /// Not one file for each branch.
    #[error(
        "network.pretrained.file has {given} files, but the network has {wanted} backbones: give one for each, in their order"
    )]
    Files {
        /// Number of backbones.
        wanted: usize,
        /// Number of files.
        given: usize,
    },
}

impl ExitsWith for PretrainedError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if is_refused(source) => Exit::Data,
            Self::Read { .. } => Exit::NoInput,
            Self::Unreadable { .. } | Self::Code { .. } | Self::Mismatch { .. } => Exit::Data,
            Self::NoBackbone(_) | Self::Files { .. } => Exit::Config,
        }
    }
}

/// `network` with the weights of the files at `paths` in its `backbones`, one for each; the head keeps its weights.
///
/// # Errors
/// When a file cannot be read, contains code, or does not contain exactly its backbone's weights, or when there is not
/// one file for each backbone.
pub fn load(
    mut network: Network,
    backbones: &[Backbone],
    paths: &[PathBuf],
) -> Result<Network, PretrainedError> {
    if backbones.len() != paths.len() {
        return Err(PretrainedError::Files { wanted: backbones.len(), given: paths.len() });
    }
    let bodies: Vec<&mut [Block]> = match &mut network.body[..] {
        [Block::Concat(branches)] => branches.ways.iter_mut().map(|way| &mut way.blocks[..]).collect(),
        body => vec![body],
    };
    for ((body, backbone), path) in bodies.into_iter().zip(backbones).zip(paths) {
        load_backbone(body, *backbone, path)?;
    }
    Ok(network)
}

fn load_backbone(body: &mut [Block], backbone: Backbone, path: &Path) -> Result<(), PretrainedError> {
    let stored = files::read(path)?;
    let known = |naming: &Naming| {
        naming.layers.iter().filter(|layer| stored.contains_key(&format!("{layer}.weight"))).count()
    };
    let naming = backbone.namings().into_iter().max_by_key(known).expect("every backbone has a naming");
    let mut filling = Filling { stored, used: BTreeSet::new(), missing: Vec::new(), misshapen: Vec::new() };
    for (name, layer) in naming.layers.iter().zip(layers(body)) {
        filling.fill(name, layer, &naming);
    }
    match filling.errors() {
        None => Ok(()),
        Some(errors) => {
            Err(PretrainedError::Mismatch { path: path.to_owned(), backbone: backbone.name(), errors })
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
