//! Loads initial weights from a model that [`mod@super::export`] wrote. In the file, batch normalisation is folded into
//! the convolutions. For training, it is restored: its statistics are measured on real pictures, and its weights are
//! set so that the network gives the same output as the file.

use super::arch::Network;
use super::arch::blocks::{self, Block, Conv, Dense, Norm};
use super::onnx;
use super::ops::Maps;
use burn::module::{Module, Param, RunningState};
use burn::nn::BatchNorm;
use burn::tensor::{Tensor, TensorData};
use emotiond_core::runtime::read_model;
use prost::Message;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a model's weights cannot be loaded.
#[derive(Debug, Error)]
pub enum FromOnnxError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not an ONNX model.
    #[error("{} is not an ONNX model: give a model that `emotiond-train fit` wrote, or a checkpoint", path.display())]
    NotOnnx {
        /// The file.
        path: PathBuf,
    },
    /// The weights belong to another network.
    #[error(
        "{} does not contain the recipe's network ({problem}): give a model that `emotiond-train fit` wrote for the same `network.arch`, `size`, `color` and labels; 8-bit models cannot be used", path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The difference.
        problem: String,
    },
}

/// `network` with the weights of the model at `path`. The statistics of its batch normalisation are measured on
/// `pictures`, which are normalised, `[n, channels, side, side]`.
///
/// # Errors
/// When the file cannot be read or contains another network.
pub fn load(path: &Path, network: Network, pictures: Tensor<4>) -> Result<Network, FromOnnxError> {
    let bytes = read_model(path).map_err(|source| FromOnnxError::Read { path: path.to_owned(), source })?;
    let not_onnx = || FromOnnxError::NotOnnx { path: path.to_owned() };
    let model = onnx::Model::decode(&bytes[..]).map_err(|_| not_onnx())?;
    let graph = model.graph.ok_or_else(not_onnx)?;
    let other = |problem: String| FromOnnxError::OtherNetwork { path: path.to_owned(), problem };
    let mut weights = Weights { stored: graph.initializer.into_iter(), taken: 0 };
    let mut plain = network.valid();
    let maps = weights.fill_blocks(&mut plain.body, Maps::new(pictures.inner())).map_err(other)?;
    let row = plain.row(maps);
    weights.fill_head(&mut plain.head, row).map_err(other)?;
    if weights.stored.next().is_some() {
        return Err(other(format!("it has more than {} weight tensors", weights.taken)));
    }
    network.try_load_record(plain.into_record()).map_err(|error| other(error.to_string()))
}

/// The file's weights, in the order of the layers as written by `export`.
struct Weights<I> {
    stored: I,
    taken: usize,
}

impl<I: Iterator<Item = onnx::Tensor>> Weights<I> {
    /// Fills `blocks` and returns their output for the input `x`.
    fn fill_blocks(&mut self, blocks: &mut [Block], mut x: Maps) -> Result<Maps, String> {
        let mut at = 0;
        while at < blocks.len() {
            at += match &mut blocks[at..] {
                [Block::Conv(conv), Block::Norm(norm), ..] if !conv.relu => {
                    x = self.fill_folded(conv, norm, x)?;
                    2
                }
                [block, ..] => {
                    x = self.fill_block(block, x)?;
                    1
                }
                [] => unreachable!("there are blocks left"),
            };
        }
        Ok(x)
    }

    fn fill_block(&mut self, block: &mut Block, x: Maps) -> Result<Maps, String> {
        match block {
            Block::Conv(conv) => self.fill_conv(conv)?,
            Block::Norm(norm) => self.fill_norm(&mut norm.norm, &[1, 1])?,
            Block::Chain(way) => return self.fill_blocks(&mut way.blocks, x),
            Block::Residual(residual) => {
                self.fill_blocks(&mut residual.main, x.clone())?;
                self.fill_blocks(&mut residual.shortcut, x.clone())?;
            }
            Block::Concat(concat) => {
                for way in &mut concat.ways {
                    self.fill_blocks(&mut way.blocks, x.clone())?;
                }
            }
            Block::Gate(gate) => {
                self.fill_conv(&mut gate.squeeze)?;
                self.fill_conv(&mut gate.expand)?;
            }
            // The exporter writes the two limits of ReLU6 as weights.
            Block::Relu6(_) => {
                self.take(&[])?;
                self.take(&[])?;
            }
            Block::Tanh(_)
            | Block::Silu(_)
            | Block::MaxPool(_)
            | Block::AveragePool(_)
            | Block::GlobalAverage(_)
            | Block::Dropout(_) => {}
        }
        Ok(blocks::forward(std::slice::from_ref(block), x))
    }

    fn fill_conv(&mut self, conv: &mut Conv) -> Result<(), String> {
        self.set(&mut conv.weight)?;
        conv.bias.as_mut().map_or(Ok(()), |bias| self.set(bias))
    }

    /// Fills a convolution and the normalisation that was folded into it.
    fn fill_folded(&mut self, conv: &mut Conv, norm: &mut Norm, x: Maps) -> Result<Maps, String> {
        self.set(&mut conv.weight)?;
        if let Some(bias) = &mut conv.bias {
            *bias = Param::from_tensor(bias.val().zeros_like());
        }
        let shift = self.take(&norm.norm.beta.dims())?;
        let maps = blocks::forward(&[Block::Conv(conv.clone())], x);
        let (mean, variance) = statistics(maps.clone().into_tensor());
        let inner = &mut norm.norm;
        let beta =
            Tensor::from_data(TensorData::new(shift, inner.beta.dims()), &mean.device()) + mean.clone();
        inner.gamma = Param::from_tensor((variance.clone() + inner.epsilon).sqrt());
        inner.beta = Param::from_tensor(beta);
        inner.running_mean = RunningState::new(mean);
        inner.running_var = RunningState::new(variance);
        Ok(blocks::forward(&[Block::Norm(norm.clone())], maps))
    }

    /// Fills a normalisation that was not folded: one factor and one summand per channel.
    fn fill_norm(&mut self, norm: &mut BatchNorm, area: &[usize]) -> Result<(), String> {
        let dims = [&[1, norm.gamma.dims()[0]], area].concat();
        let (scale, shift) = (self.take(&dims)?, self.take(&dims)?);
        let (shape, device) = (norm.gamma.dims(), norm.gamma.device());
        let row = |values: Vec<f32>| Tensor::<1>::from_data(TensorData::new(values, shape), &device);
        norm.gamma = Param::from_tensor(row(scale));
        norm.beta = Param::from_tensor(row(shift));
        norm.running_mean = RunningState::new(norm.gamma.val().zeros_like());
        norm.running_var = RunningState::new(norm.gamma.val().ones_like() - norm.epsilon);
        Ok(())
    }

    /// Fills the dense layers.
    fn fill_head(&mut self, head: &mut [Dense], mut row: Tensor<2>) -> Result<(), String> {
        for layer in head {
            match layer {
                Dense::Linear(linear) => {
                    self.set(&mut linear.weight)?;
                    self.set(linear.bias.as_mut().expect("dense layers have a bias here"))?;
                }
                Dense::Norm(norm) => self.fill_norm(norm, &[])?,
                Dense::Relu(_) | Dense::Tanh(_) | Dense::Dropout(_) => {}
            }
            row = layer.forward(row);
        }
        Ok(())
    }

    fn set<const D: usize>(&mut self, param: &mut Param<Tensor<D>>) -> Result<(), String> {
        let shape = param.dims();
        let values = self.take(&shape)?;
        *param = Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &param.device()));
        Ok(())
    }

    /// Returns the next weight, which must have this shape.
    fn take(&mut self, shape: &[usize]) -> Result<Vec<f32>, String> {
        let next = self.stored.next().ok_or_else(|| format!("it has only {} weight tensors", self.taken))?;
        self.taken += 1;
        let found: Vec<usize> = next.dims.iter().map(|&dim| dim as usize).collect();
        let numbers = shape.iter().product::<usize>();
        next.floats().filter(|values| found == shape && values.len() == numbers).ok_or_else(|| {
            format!("its weight tensor {} has the shape {found:?} instead of {shape:?}", self.taken)
        })
    }
}

/// Mean and variance of each channel of maps `[n, channels, height, width]`.
fn statistics(maps: Tensor<4>) -> (Tensor<1>, Tensor<1>) {
    let [n, channels, height, width] = maps.dims();
    let rows = maps.permute([1, 0, 2, 3]).reshape([channels, n * height * width]);
    let mean = rows.clone().mean_dim(1);
    let variance = (rows - mean.clone()).powi_scalar(2).mean_dim(1);
    (mean.reshape([channels]), variance.reshape([channels]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export;
    use crate::{arch::NetworkSpec, arch::build};
    use burn::nn::Initializer;
    use burn::tensor::{Device, Distribution};
    use emotiond_core::{classify::description::Description, classify::description::InputSpec};

    fn network(arch: &str) -> Network {
        let spec = NetworkSpec::published(arch, 1, 48, 7);
        let initializer = Initializer::KaimingNormal { gain: 1.0, fan_out_only: false };
        build(&spec, initializer, &Device::flex().autodiff()).unwrap()
    }

    fn file(network: &Network) -> tempfile::NamedTempFile {
        let description = Description {
            labels: ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).to_vec(),
            input: InputSpec::fer2013(),
            license: None,
            trained_on: None,
            accuracy: None,
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        export::save(&network.valid(), 1.0, &description, file.path()).unwrap();
        file
    }

    #[test]
    fn a_network_that_was_exported_answers_as_before() {
        for arch in ["resnet_48_deep", "mini_xception", "cnn_32_64_128", "mobilenet_v2", "convnet"] {
            let (before, after) = (network(arch), network(arch));
            let device = Device::flex().autodiff();
            let pictures = Tensor::random([8, 1, 48, 48], Distribution::Uniform(-1.0, 1.0), &device);
            let loaded = load(file(&before).path(), after, pictures.clone()).unwrap();
            let inner = pictures.inner();
            let difference = before.valid().forward(inner.clone()) - loaded.valid().forward(inner);
            let difference: f32 = difference.abs().max().into_scalar();
            assert!(difference < 1e-2, "{arch}: {difference}");
        }
    }

    #[test]
    fn another_network_is_refused() {
        let pictures = || Tensor::zeros([2, 1, 48, 48], &Device::flex().autodiff());
        let model = file(&network("mini_xception"));
        let refusal = load(model.path(), network("resnet_48"), pictures()).unwrap_err().to_string();
        assert!(refusal.contains("network.arch"), "{refusal}");
        std::fs::write(model.path(), b"not a model").unwrap();
        let refusal = load(model.path(), network("resnet_48"), pictures()).unwrap_err().to_string();
        assert!(refusal.contains("is not an ONNX model"), "{refusal}");
    }
}
