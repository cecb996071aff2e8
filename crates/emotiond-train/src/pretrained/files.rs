//! Reads the tensors of a checkpoint by key. Pickles are parsed, never executed.

use super::PretrainedError;
use burn::store::pytorch_reader::{PickleValue, PytorchReader};
use burn::store::{ModuleStore, PytorchStore, SafetensorsStore};
use burn::tensor::TensorData;
use emotiond_core::{files::open_regular, runtime::MOST_MODEL_BYTES};
use std::collections::BTreeMap;
use std::path::Path;

/// Keys under which training scripts store the weights if the file also contains other data.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stored {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// All tensors of the file at `path`.
///
/// # Errors
/// When it cannot be read, is damaged, or is a pickle with more than tensors and plain values.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Stored>, PretrainedError> {
    // Its reader opens it again.
    open_regular(path, MOST_MODEL_BYTES)
        .map_err(|source| PretrainedError::Read { path: path.to_owned(), source })?;
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        return tensors(path, &mut SafetensorsStore::from_file(path));
    }
    let root = PytorchReader::read_pickle_data(path, None).map_err(|error| unreadable(path, &error))?;
    let mut calls = Vec::new();
    foreign(&root, &mut calls);
    if !calls.is_empty() {
        calls.sort();
        calls.dedup();
        return Err(PretrainedError::Code { path: path.to_owned(), calls });
    }
    let mut store = PytorchStore::from_file(path).map_indices_contiguous(false);
    if let PickleValue::Dict(entries) = &root
        && let Some(key) = NESTED.iter().find(|key| matches!(entries.get(**key), Some(PickleValue::Dict(_))))
    {
        store = store.with_top_level_key(*key);
    }
    tensors(path, &mut store)
}

/// Collects the calls in a pickle that create neither tensors nor plain values: loading them in Python would run code.
fn foreign(value: &PickleValue, calls: &mut Vec<String>) {
    match value {
        PickleValue::Unsupported(name) if name != "torch.Tensor" => calls.push(name.clone()),
        PickleValue::List(values) => values.iter().for_each(|value| foreign(value, calls)),
        PickleValue::Dict(entries) => entries.values().for_each(|value| foreign(value, calls)),
        _ => {}
    }
}

fn tensors<S>(path: &Path, store: &mut S) -> Result<BTreeMap<String, Stored>, PretrainedError>
where
    S: ModuleStore,
    S::Error: std::fmt::Display,
{
    let found = store.get_all_tensors().map_err(|error| unreadable(path, &error))?;
    found
        .iter()
        .map(|(key, tensor)| {
            let bytes = tensor.to_bytes().map_err(|error| unreadable(path, &error))?;
            let shape: Vec<usize> = tensor.shape.to_vec();
            let values = TensorData::from_bytes(bytes, shape.clone(), tensor.dtype).iter::<f32>().collect();
            Ok((key.clone(), Stored { shape, values }))
        })
        .collect()
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> PretrainedError {
    PretrainedError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files are made by `tests/data/backbones/generate.py`.
    fn sample(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/backbones").join(name)
    }

    #[test]
    fn nested_weights_of_several_types_become_floats_row_by_row() {
        let tensors = read(&sample("nested.pth")).unwrap();
        let stored =
            |shape: &[usize], values: &[f32]| Stored { shape: shape.to_vec(), values: values.to_vec() };
        assert_eq!(tensors.keys().collect::<Vec<_>>(), ["a.count", "a.half", "a.turned", "a.weight"]);
        assert_eq!(tensors["a.weight"], stored(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
        assert_eq!(tensors["a.half"], tensors["a.weight"]);
        assert_eq!(tensors["a.turned"], stored(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        assert_eq!(tensors["a.count"], stored(&[], &[7.0]));
    }

    #[test]
    fn a_pickle_that_asks_to_run_something_is_refused_by_its_name() {
        for name in ["call.pth", "call.pickle"] {
            let refusal = read(&sample(name)).unwrap_err();
            assert!(
                matches!(&refusal, PretrainedError::Code { calls, .. } if calls == &["posix.system"]),
                "{refusal}"
            );
        }
    }
}
