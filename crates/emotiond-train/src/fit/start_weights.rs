//! Initial weights from another run's checkpoint or model (`--from`).

use super::{FitError, Job};
use crate::arch::{self, Network, NetworkSpec};
use crate::checkpoint::Checkpoint;
use crate::examples::{Prepared, split_rows};
use crate::from_onnx;
use crate::loader::Loader;
use crate::recipe::Recipe;
use burn::nn::Initializer;
use burn::tensor::{Tensor, TensorData};
use std::collections::HashSet;
use std::path::Path;

/// `network` with the weights of the model or checkpoint at `path`; a checkpoint may contain a shallower network of the
/// same kind. With a note if the checkpoint's run was trained on rows that this run holds out.
pub(super) fn load(
    path: &Path,
    spec: &NetworkSpec,
    network: Network,
    job: &Job,
    training: &Loader,
) -> Result<(Network, Option<String>), FitError> {
    if path.extension().is_some_and(|extension| extension == "onnx") {
        return Ok((from_onnx::load(path, network, some_pictures(training, spec, job))?, None));
    }
    let checkpoint = Checkpoint::read(path)?;
    let note = checkpoint
        .progress
        .parsed_recipe()
        .and_then(|before| leak(&before, job.data))
        .map(|leak| format!("{} was {leak}", path.display()));
    let network = match arch::shallower(spec) {
        Some(shallower) if checkpoint.progress.network == shallower => {
            let shallow = arch::build(&shallower, Initializer::Zeros, job.device)?;
            arch::deepen(checkpoint.chosen(shallow, path)?, network)
        }
        _ => checkpoint.must_hold(spec, path)?.chosen(network, path)?,
    };
    Ok((network, note))
}

/// What to say if a run with the recipe `before` was trained on rows of the same data that are held out now.
fn leak(before: &Recipe, data: &Prepared) -> Option<String> {
    let dataset = &data.training.dataset;
    let split =
        split_rows(dataset, &before.data.validation, before.data.test.as_ref(), before.fit.seed).ok()?;
    let seen: HashSet<usize> = split.training.into_iter().collect();
    let mut held_out = data.validation.rows();
    held_out.extend(data.test.iter().flat_map(|test| test.examples.rows()));
    let count = held_out.iter().filter(|row| seen.contains(row)).count();
    (count > 0).then(|| {
        format!(
            "trained on up to {count} of the {} rows that are held out now, if on the same data, so their accuracy is too \
             high; to hold out the same rows, give data.validation, data.test and fit.seed the values of that run",
            held_out.len()
        )
    })
}

/// A few hundred training pictures, `[n, channels, side, side]`, normalised for the network.
fn some_pictures(training: &Loader, spec: &NetworkSpec, job: &Job) -> Tensor<4> {
    let inputs: Vec<f32> =
        training.epoch(0).take(1 + 256 / job.recipe.fit.batch).flat_map(|batch| batch.inputs).collect();
    let n = inputs.len() / (spec.channels * spec.size * spec.size);
    Tensor::from_data(TensorData::new(inputs, [n, spec.channels, spec.size, spec.size]), job.device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{examples::prepare, fixtures};

    #[test]
    fn rows_that_the_first_run_was_trained_on_are_counted() {
        let leak_of = |before: &[&str], now: &[&str]| {
            let now = prepare(&fixtures::dataset(350), &fixtures::recipe(now)).unwrap();
            leak(&fixtures::recipe(before), &now)
        };
        let [tenth, other] = [["data.validation=0.1", "fit.seed=1"], ["data.validation=0.1", "fit.seed=2"]];
        assert_eq!(leak_of(&[], &[]), None, "PublicTest is held out by both");
        assert_eq!(leak_of(&tenth, &tenth), None);
        assert_eq!(leak_of(&tenth, &[]), None, "fewer rows are held out now");
        assert!(leak_of(&[], &tenth).unwrap().contains("up to 28 of the 28 rows"));
        assert!(leak_of(&other, &tenth).is_some());
        let tested = ["data.validation=0.1", "data.test=0.1"];
        assert!(leak_of(&[], &tested).unwrap().contains("of the 56 rows"));
    }
}
