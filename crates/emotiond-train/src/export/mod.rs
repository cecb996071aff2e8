//! Exports a trained network as an ONNX file: batch normalisation is folded into the convolutions and the temperature
//! into the last layer, a softmax is added at the end, and the model is described in the metadata.

mod graph;

use super::arch::Network;
use super::arch::blocks::{Block, Conv, Dense, Gate, Gather, Norm};
use burn::module::Param;
use burn::nn::BatchNorm;
use burn::tensor::Tensor;
use emotiond_core::{classify::description::Description, files::replace_synced};
use graph::Graph;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a model cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct ExportError {
    path: PathBuf,
    source: std::io::Error,
}

/// Writes `network` to `path`; its logits are divided by `temperature` before the softmax.
///
/// # Errors
/// When the file cannot be written; an older file remains then.
pub fn save(
    network: &Network,
    temperature: f32,
    description: &Description,
    path: &Path,
) -> Result<(), ExportError> {
    replace_synced(path, &to_bytes(network, temperature, description))
        .map_err(|source| ExportError { path: path.to_owned(), source })
}

/// The same in memory.
pub fn to_bytes(network: &Network, temperature: f32, description: &Description) -> Vec<u8> {
    let mut graph = Graph::default();
    let last_scale = 1.0 / temperature;
    let body_scale = if network.head.is_empty() { last_scale } else { 1.0 };
    let maps = blocks(&mut graph, &network.body, "pixels", body_scale);
    let mut row = match network.gather {
        Gather::GlobalAverage => {
            let mean = graph.node("GlobalAveragePool", &[&maps], vec![]);
            graph.node("Flatten", &[&mean], vec![("axis", graph::Value::Int(1))])
        }
        Gather::Flatten => graph.node("Flatten", &[&maps], vec![("axis", graph::Value::Int(1))]),
    };
    for (at, layer) in network.head.iter().enumerate() {
        let scale = if at + 1 == network.head.len() { last_scale } else { 1.0 };
        row = dense(&mut graph, layer, &row, scale);
    }
    let probabilities = graph.node("Softmax", &[&row], vec![("axis", graph::Value::Int(1))]);
    let input = &description.input;
    graph.finish(
        ("pixels", [input.color.channels(), input.size, input.size].as_slice()),
        (&probabilities, &[description.labels.len()]),
        &description.to_metadata(),
    )
}

/// Adds `blocks` after `input` and returns the name of their output; the last block is scaled by `scale`.
fn blocks(graph: &mut Graph, blocks: &[Block], input: &str, scale: f32) -> String {
    let mut x = input.to_owned();
    let mut at = 0;
    while at < blocks.len() {
        let (block, next) = (&blocks[at], blocks.get(at + 1));
        at += 1;
        let last = at == blocks.len();
        x = match (block, next) {
            (Block::Conv(conv), Some(Block::Norm(norm))) if !conv.relu => {
                at += 1;
                assert!(at < blocks.len() || scale == 1.0, "a normalisation follows the last layer");
                folded(graph, conv, norm, &x)
            }
            (Block::Conv(conv), _) => scaled(graph, conv, if last { scale } else { 1.0 }, &x),
            (Block::Norm(norm), _) => {
                let x = normalisation(graph, &norm.norm, &[1, 1], &x);
                if norm.relu { graph.node("Relu", &[&x], vec![]) } else { x }
            }
            (Block::Tanh(_), _) => graph.node("Tanh", &[&x], vec![]),
            (Block::Relu6(_), _) => {
                let (floor, ceiling) = (graph.weight(&[], &[0.0]), graph.weight(&[], &[6.0]));
                graph.node("Clip", &[&x, &floor, &ceiling], vec![])
            }
            (Block::Silu(_), _) => silu(graph, &x),
            (Block::MaxPool(pool), _) => graph.node("MaxPool", &[&x], graph::window(pool.window)),
            (Block::AveragePool(pool), _) => graph.node("AveragePool", &[&x], graph::window(pool.window)),
            (Block::GlobalAverage(_), _) => graph.node("GlobalAveragePool", &[&x], vec![]),
            (Block::Dropout(_), _) => x,
            (Block::Chain(way), _) => self::blocks(graph, &way.blocks, &x, 1.0),
            (Block::Residual(residual), _) => {
                let main = self::blocks(graph, &residual.main, &x, 1.0);
                let shortcut = self::blocks(graph, &residual.shortcut, &x, 1.0);
                let sum = graph.node("Add", &[&main, &shortcut], vec![]);
                if residual.relu { graph.node("Relu", &[&sum], vec![]) } else { sum }
            }
            (Block::Concat(concat), _) => {
                let ways: Vec<String> =
                    concat.ways.iter().map(|way| self::blocks(graph, &way.blocks, &x, 1.0)).collect();
                let ways: Vec<&str> = ways.iter().map(String::as_str).collect();
                graph.node("Concat", &ways, vec![("axis", graph::Value::Int(1))])
            }
            (Block::Gate(gate), _) => self::gate(graph, gate, &x),
        };
    }
    x
}

fn silu(graph: &mut Graph, x: &str) -> String {
    let sigmoid = graph.node("Sigmoid", &[x], vec![]);
    graph.node("Mul", &[x, &sigmoid], vec![])
}

fn gate(graph: &mut Graph, gate: &Gate, x: &str) -> String {
    let mean = graph.node("GlobalAveragePool", &[x], vec![]);
    let squeezed = scaled(graph, &gate.squeeze, 1.0, &mean);
    let squeezed = silu(graph, &squeezed);
    let expanded = scaled(graph, &gate.expand, 1.0, &squeezed);
    let factors = graph.node("Sigmoid", &[&expanded], vec![]);
    graph.node("Mul", &[x, &factors], vec![])
}

fn dense(graph: &mut Graph, layer: &Dense, x: &str, scale: f32) -> String {
    match layer {
        Dense::Linear(linear) => {
            let weight = graph.weight(&linear.weight.dims(), &values(&linear.weight));
            let bias = linear.bias.as_ref().expect("dense layers have a bias here");
            let bias = graph.weight(&bias.dims(), &values(bias));
            let scale = vec![("alpha", graph::Value::Float(scale)), ("beta", graph::Value::Float(scale))];
            graph.node("Gemm", &[x, &weight, &bias], scale)
        }
        Dense::Norm(norm) => normalisation(graph, norm, &[], x),
        Dense::Relu(_) => graph.node("Relu", &[x], vec![]),
        Dense::Tanh(_) => graph.node("Tanh", &[x], vec![]),
        Dense::Dropout(_) => x.to_owned(),
    }
}

/// The factor and summand of each channel that are equivalent to the normalisation.
fn scale_and_shift(norm: &BatchNorm) -> (Vec<f32>, Vec<f32>) {
    let host = |tensor: Tensor<1>| -> Vec<f32> { tensor.into_data().iter::<f32>().collect() };
    let (mean, variance) = (host(norm.running_mean.value_sync()), host(norm.running_var.value_sync()));
    let (gamma, beta) = (values(&norm.gamma), values(&norm.beta));
    let scale: Vec<f32> = gamma
        .iter()
        .zip(variance)
        .map(|(gamma, variance)| (f64::from(*gamma) / (f64::from(variance) + norm.epsilon).sqrt()) as f32)
        .collect();
    let shift = beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    (scale, shift)
}

fn folded(graph: &mut Graph, conv: &Conv, norm: &Norm, x: &str) -> String {
    let (scale, mut shift) = scale_and_shift(&norm.norm);
    if let Some(bias) = &conv.bias {
        let bias = values(bias);
        shift.iter_mut().zip(&scale).zip(bias).for_each(|((shift, scale), bias)| *shift += scale * bias);
    }
    let x = convolution(graph, conv, &scale, Some(shift), x);
    if norm.relu { graph.node("Relu", &[&x], vec![]) } else { x }
}

/// Adds `norm` as a separate normalisation; `area` has the dimensions after the channels.
fn normalisation(graph: &mut Graph, norm: &BatchNorm, area: &[usize], x: &str) -> String {
    let (scale, shift) = scale_and_shift(norm);
    let dims = [&[1, scale.len()], area].concat();
    let (scale, shift) = (graph.weight(&dims, &scale), graph.weight(&dims, &shift));
    let x = graph.node("Mul", &[x, &scale], vec![]);
    graph.node("Add", &[&x, &shift], vec![])
}

/// Adds `conv`, with its output multiplied by `scale`.
fn scaled(graph: &mut Graph, conv: &Conv, scale: f32, x: &str) -> String {
    let factors = vec![scale; conv.weight.dims()[0]];
    let bias = conv.bias.as_ref().map(|bias| values(bias).iter().map(|bias| bias * scale).collect());
    convolution(graph, conv, &factors, bias, x)
}

/// Adds `conv`, with each output channel multiplied by its factor; `bias` is used unchanged.
fn convolution(graph: &mut Graph, conv: &Conv, factors: &[f32], bias: Option<Vec<f32>>, x: &str) -> String {
    let dims = conv.weight.dims();
    let mut weight = values(&conv.weight);
    for (channel, factor) in weight.chunks_exact_mut(dims[1..].iter().product()).zip(factors) {
        channel.iter_mut().for_each(|w| *w *= factor);
    }
    let mut inputs = vec![x.to_owned(), graph.weight(&dims, &weight)];
    inputs.extend(bias.map(|bias| graph.weight(&dims[..1], &bias)));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let mut attributes = graph::window(conv.window);
    attributes.push(("group", graph::Value::Int(conv.groups as i64)));
    let x = graph.node("Conv", &inputs, attributes);
    if conv.relu { graph.node("Relu", &[&x], vec![]) } else { x }
}

fn values<const D: usize>(param: &Param<Tensor<D>>) -> Vec<f32> {
    param.val().into_data().iter::<f32>().collect()
}
