//! Frozen blocks: they keep their weights, run without gradients, and their batch normalisation uses its running
//! statistics. If the pictures do not change from epoch to epoch, the output of the blocks (the features) is computed
//! once and kept in the run's folder.

use super::arch::Network;
use super::arch::blocks::{Block, forward};
use super::checkpoint::CheckpointError;
use super::examples::Examples;
use super::loader::Loader;
use super::ops::Maps;
use super::pretrained::{Backbone, Layer, layers};
use super::recipe::Freeze;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use emotiond_core::files;
use std::path::Path;
use std::sync::Arc;
use thiserror::Error;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"EMOTFEA3";
/// Bytes before the first number: the magic, the key, the three sides of a picture's features, a hash of all features.
const HEADER: usize = 8 + 16 + 3 * 8 + 8;
/// Number of pictures computed at a time.
const BATCH: usize = 128;
/// Larger features are not kept, because they must fit in memory together with the training.
const MOST_BYTES: usize = 4 << 30;

/// The first blocks of a network.
#[derive(Debug)]
pub struct Frozen {
    blocks: Vec<Block>,
    features: Option<BothFeatures>,
}

#[derive(Debug)]
struct BothFeatures {
    training: Features,
    validation: Features,
}

/// How much of a network is frozen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrozenPart {
    /// This many blocks of the body, with their normalisations.
    pub blocks: usize,
    /// And this many convolutions of the next block, without their normalisations.
    pub convolutions: usize,
}

/// The recipe freezes more convolutions than there are.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "network.pretrained.freeze is {wanted}, but the backbone has {there} convolutions: give at most {there}, or \"all\""
)]
pub struct TooMany {
    wanted: usize,
    there: usize,
}

impl FrozenPart {
    /// The part of `network` that `freeze` freezes, with blocks without weights that follow it.
    ///
    /// # Errors
    /// When the `backbones` have fewer convolutions.
    pub fn of(network: &Network, backbones: &[Backbone], freeze: Freeze) -> Result<Self, TooMany> {
        let mut body = network.body.clone();
        let of_backbones: usize = backbones.iter().map(|backbone| backbone.layer_count()).sum();
        let (mut layers_seen, mut convolutions, mut blocks) = (0, 0, body.len());
        for (at, block) in body.iter_mut().enumerate() {
            let own = layers(std::slice::from_mut(block));
            if !own.is_empty() && layers_seen == of_backbones {
                blocks = at;
                break;
            }
            layers_seen += own.len();
            let here = own.iter().filter(|layer| matches!(layer, Layer::Conv(_))).count();
            if let Freeze::Convolutions(wanted) = freeze
                && wanted < convolutions + here
            {
                let part = Self { blocks: at, convolutions: wanted - convolutions };
                return Ok(if wanted == 0 { Self::default() } else { part });
            }
            convolutions += here;
        }
        match freeze {
            Freeze::Convolutions(wanted) if wanted > convolutions => {
                Err(TooMany { wanted, there: convolutions })
            }
            _ => Ok(Self { blocks, convolutions: 0 }),
        }
    }
}

/// `network` without gradients for the convolutions of the part that are not in whole blocks.
pub fn hold(mut network: Network, part: FrozenPart) -> Network {
    if let Some(block) = network.body.get_mut(part.blocks) {
        set_gradients(std::slice::from_mut(block), part.convolutions, false);
    }
    network
}

/// `network` with gradients for all convolutions.
pub fn release(mut network: Network) -> Network {
    set_gradients(&mut network.body, usize::MAX, true);
    network
}

fn set_gradients(blocks: &mut [Block], convolutions: usize, wanted: bool) {
    let convolutions = layers(blocks)
        .into_iter()
        .filter_map(|layer| match layer {
            Layer::Conv(conv) => Some(conv),
            Layer::Norm(_) => None,
        })
        .take(convolutions);
    for conv in convolutions {
        conv.weight = conv.weight.clone().set_require_grad(wanted);
        conv.bias = conv.bias.clone().map(|bias| bias.set_require_grad(wanted));
    }
}

/// The set of examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// The training rows'.
    Training,
    /// The validation rows'.
    Validation,
}

impl Frozen {
    /// The first `blocks` blocks of `network`.
    pub fn new(network: &Network, blocks: usize) -> Self {
        let mut body = network.valid().body;
        body.truncate(blocks);
        Self { blocks: body, features: None }
    }

    /// Whether the features of both sets of examples are few enough to be kept.
    pub fn can_keep_features(&self, network: &Network, examples: [&Examples; 2]) -> bool {
        let spec = &examples[0].spec;
        let device = network.devices()[0].clone().inner();
        let picture = Tensor::zeros([1, spec.color.channels(), spec.size, spec.size], &device);
        let [_, channels, height, width] = self.features(&network.valid(), picture).dims();
        let rows: usize = examples.iter().map(|examples| examples.items.len()).sum();
        channels * height * width * rows * size_of::<f32>() <= MOST_BYTES
    }

    /// Computes the features of both sets of examples, or reads them from `folder` when they were computed there from
    /// the same weights and pictures.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn keep_features(
        &mut self,
        network: &Network,
        [training, validation]: [&Examples; 2],
        folder: &Path,
    ) -> Result<(), CheckpointError> {
        self.features = Some(BothFeatures {
            training: self.features_of(network, training, folder)?,
            validation: self.features_of(network, validation, folder)?,
        });
        Ok(())
    }

    /// The logits of `network` for the examples `picked` of `rows`: computed from their features if these are kept,
    /// else from `inputs`. Gradients end at the frozen blocks.
    pub fn logits(
        &self,
        network: &Network,
        picked: &[usize],
        rows: Rows,
        device: &Device,
        inputs: impl FnOnce() -> Tensor<4>,
    ) -> Tensor<2> {
        if let Some(both) = &self.features {
            let features = if rows == Rows::Training { &both.training } else { &both.validation };
            let features = features.take(picked, device);
            return if self.is_body_of(network) {
                network.classify(features.flatten(1, 3))
            } else {
                network.forward_from(self.blocks.len(), Maps::new(features))
            };
        }
        let inputs = inputs();
        if !device.is_autodiff() {
            return network.forward_from(self.blocks.len(), forward(&self.blocks, Maps::new(inputs)));
        }
        let maps = forward(&self.blocks, Maps::new(inputs.inner()));
        network.forward_from(self.blocks.len(), maps.map(Tensor::from_inner))
    }

    fn is_body_of(&self, network: &Network) -> bool {
        self.blocks.len() == network.body.len()
    }

    /// The output of the blocks, `[samples, channels, height, width]`. If the whole body is frozen, this is its feature
    /// vector as maps of a single pixel, which is smaller.
    fn features(&self, network: &Network, pictures: Tensor<4>) -> Tensor<4> {
        let maps = forward(&self.blocks, Maps::new(pictures));
        if self.is_body_of(network) { network.row(maps).unsqueeze_dims(&[2, 3]) } else { maps.into_tensor() }
    }

    fn features_of(
        &self,
        network: &Network,
        examples: &Examples,
        folder: &Path,
    ) -> Result<Features, CheckpointError> {
        let key = self.key(network, examples);
        let path = folder.join(format!("features-{key:032x}.bin"));
        if let Some(features) = Features::read(&path, key, examples.items.len()) {
            return Ok(features);
        }
        let network = network.valid();
        let device = network.devices()[0].clone();
        let (mut shape, mut values) = ([0; 3], Vec::new());
        for batch in Loader::in_order(Arc::new(examples.clone()), BATCH).epoch(0) {
            let (size, channels) = (examples.spec.size, examples.spec.color.channels());
            let inputs = TensorData::new(batch.inputs, [batch.n, channels, size, size]);
            let maps = self.features(&network, Tensor::from_data(inputs, &device));
            let [_, sides @ ..] = maps.dims();
            shape = sides;
            values.extend(maps.into_data().iter::<f32>());
        }
        let features = Features { shape, values };
        features.write(&path, key).map_err(|source| CheckpointError::Write { path: path.clone(), source })?;
        Ok(features)
    }

    /// A hash of the weights, the pictures and their preparation.
    fn key(&self, network: &Network, examples: &Examples) -> u128 {
        let mut visitor = Hasher(Xxh3::new());
        self.blocks.visit(&mut visitor);
        let mut hash = visitor.0;
        hash.update(format!("{:?} {:?}", network.gather, examples.spec).as_bytes());
        for item in &examples.items {
            hash.update(&examples.dataset.samples[item.sample].hash.to_le_bytes());
        }
        hash.digest128()
    }
}

/// The features of each picture, in the order of the examples.
#[derive(Clone, Debug, PartialEq)]
struct Features {
    /// Channels, height and width.
    shape: [usize; 3],
    values: Vec<f32>,
}

impl Features {
    fn take(&self, rows: &[usize], device: &Device) -> Tensor<4> {
        let [channels, height, width] = self.shape;
        let numbers = channels * height * width;
        let values: Vec<f32> =
            rows.iter().flat_map(|row| &self.values[row * numbers..][..numbers]).copied().collect();
        Tensor::from_data(TensorData::new(values, [rows.len(), channels, height, width]), device)
    }

    /// The features in the file, if it is as it was written and has this `key`.
    fn read(path: &Path, key: u128, rows: usize) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (header, values) = bytes.split_at_checked(HEADER)?;
        let side = |at: usize| {
            let bytes = header[24 + 8 * at..][..8].try_into().expect("eight bytes");
            usize::try_from(u64::from_le_bytes(bytes)).ok()
        };
        let shape = [side(0)?, side(1)?, side(2)?];
        let bytes = shape.iter().try_fold(4 * rows, |bytes, side| bytes.checked_mul(*side));
        let fits = header.starts_with(MAGIC)
            && header[8..24] == key.to_le_bytes()
            && header[HEADER - 8..] == xxh3_64(values).to_le_bytes()
            && Some(values.len()) == bytes;
        let values =
            values.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four bytes")));
        fits.then(|| Self { shape, values: values.collect() })
    }

    fn write(&self, path: &Path, key: u128) -> std::io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(key.to_le_bytes());
        bytes.extend(self.shape.iter().flat_map(|side| (*side as u64).to_le_bytes()));
        bytes.extend([0; 8]);
        bytes.extend(self.values.iter().flat_map(|value| value.to_le_bytes()));
        let hash = xxh3_64(&bytes[HEADER..]).to_le_bytes();
        bytes[HEADER - 8..HEADER].copy_from_slice(&hash);
        files::replace_synced(path, &bytes)
    }
}

struct Hasher(Xxh3);

impl ModuleVisitor for Hasher {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        for value in param.val().into_data().iter::<f32>() {
            self.0.update(&value.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_only_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features.bin");
        let features = Features { shape: [2, 3, 4], values: (0..48).map(|i| i as f32).collect() };
        features.write(&path, 7).unwrap();
        assert_eq!(Features::read(&path, 7, 2), Some(features));
        assert_eq!(Features::read(&path, 8, 2), None);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(Features::read(&path, 7, 2), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(Features::read(&path, 7, 2), None, "the first {at} bytes");
        }
    }
}
