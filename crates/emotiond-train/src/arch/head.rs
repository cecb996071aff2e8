//! The dense layers from a vector to the logits.

use super::{NetworkSpec, blocks::Dense, make::Blocks};

/// Layers of `units`, or of the units that `spec` chooses: dense layer, activation, batch normalisation and dropout each.
pub(super) fn normalised(blocks: &Blocks, spec: &NetworkSpec, input: usize, units: &[usize]) -> Vec<Dense> {
    with_norm(blocks, spec, input, units, |activation, norm| [activation, norm])
}

/// The same with the batch normalisation before the activation.
pub(super) fn normalised_first(
    blocks: &Blocks,
    spec: &NetworkSpec,
    input: usize,
    units: &[usize],
) -> Vec<Dense> {
    with_norm(blocks, spec, input, units, |activation, norm| [norm, activation])
}

fn with_norm(
    blocks: &Blocks,
    spec: &NetworkSpec,
    input: usize,
    units: &[usize],
    order: fn(Dense, Dense) -> [Dense; 2],
) -> Vec<Dense> {
    let activation = spec.options.activation.unwrap_or_default();
    stack(blocks, spec, input, units, |width| {
        let layers = order(activation.layer(blocks), blocks.dense_norm(width));
        layers.into_iter().chain(blocks.dense_dropout(spec.dropout)).collect()
    })
}

/// The same without batch normalisation, and with dropout only after the first layer.
pub(super) fn plain(blocks: &Blocks, spec: &NetworkSpec, input: usize, units: &[usize]) -> Vec<Dense> {
    let activation = spec.options.activation.unwrap_or_default();
    let mut dropout = blocks.dense_dropout(spec.dropout);
    stack(blocks, spec, input, units, |_| {
        let mut layers = vec![activation.layer(blocks)];
        layers.extend(dropout.take());
        layers
    })
}

fn stack(
    blocks: &Blocks,
    spec: &NetworkSpec,
    input: usize,
    units: &[usize],
    mut after: impl FnMut(usize) -> Vec<Dense>,
) -> Vec<Dense> {
    let units = spec.options.units.as_deref().unwrap_or(units);
    let (mut layers, mut input) = (Vec::new(), input);
    for &width in units {
        layers.push(blocks.linear(input, width));
        layers.extend(after(width));
        input = width;
    }
    layers.push(blocks.linear(input, spec.classes));
    layers
}
