//! What `report` computes in addition to the runs' own reports: the cost of each network, and the keys in which the
//! recipes differ.

use crate::{
    arch::{self, NetworkSpec, cost},
    history::RunReport,
    plots::Ablation,
};
use burn::{nn::Initializer, tensor::Device};
use emotiond_core::{
    classify::{Classifier, ModelConfig},
    runtime::{Provider, ProviderChoice, Runtime, RuntimeConfig},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path, time::Instant};

/// File name of the exported model in a run's folder.
const MODEL: &str = "model.onnx";
/// Number of timed runs of a model; the median is reported.
const ROUNDS: usize = 31;
/// Keys that do not make a run a different experiment.
const NO_EXPERIMENT: [&str; 2] = ["fit.seed", "distill.teacher"];

/// The cost of running a network.
#[derive(Default)]
pub(super) struct Cost {
    /// Millions of multiplications per face; `None` if the architecture no longer exists.
    pub millions: Option<f64>,
    /// Size of the exported file, in megabytes.
    pub megabytes: Option<f64>,
    /// Milliseconds per face in ONNX Runtime on one thread, in batches of one and of eight.
    pub ms_a_face: Option<(f64, f64)>,
}

/// The cost of the run in `folder`. Values that cannot be measured because a file or the runtime is missing are `None`.
pub(super) fn cost(folder: &Path, run: &RunReport) -> Cost {
    let spec = NetworkSpec::of(&run.recipe.network, run.recipe.data.labels.labels().len());
    let multiplications = arch::build(&spec, Initializer::Zeros, &Device::flex())
        .map(|network| cost::multiplications(&network, &spec) as f64 / 1e6);
    let model = folder.join(MODEL);
    Cost {
        millions: multiplications.ok(),
        megabytes: fs::metadata(&model).ok().map(|file| file.len() as f64 / 1e6),
        ms_a_face: time(&model),
    }
}

fn time(model: &Path) -> Option<(f64, f64)> {
    let runtime = RuntimeConfig { ep: ProviderChoice::Named(Provider::Cpu), ..RuntimeConfig::default() };
    let runtime = Runtime::load(&runtime).ok()?;
    let config = ModelConfig { file: Some(model.to_owned()), ..ModelConfig::default() };
    let mut classifier = Classifier::load(&runtime, &config).ok()?;
    Some((median_ms(&mut classifier, 1)?, median_ms(&mut classifier, 8)? / 8.0))
}

fn median_ms(classifier: &mut Classifier, faces: usize) -> Option<f64> {
    let inputs = vec![0.1; faces * classifier.description().input.crop_len()];
    let mut rows = Vec::new();
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rows.clear();
        let start = Instant::now();
        classifier.classify(&inputs, &mut rows).ok()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Some(times[ROUNDS / 2])
}

/// The keys in which the recipes of `runs` differ, with the accuracies of the runs by value. The value of a key that a
/// recipe lacks is `-`.
pub(super) fn ablations(runs: &[(String, RunReport)]) -> Vec<Ablation> {
    let tried: Vec<(BTreeMap<String, String>, f64)> =
        runs.iter().filter_map(|(_, run)| Some((keys(run), run.best()?.validation_accuracy))).collect();
    let mut all: Vec<&String> = tried.iter().flat_map(|(keys, _)| keys.keys()).collect();
    all.sort_unstable();
    all.dedup();
    let ablation = |key: &String| {
        let mut values: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for (keys, accuracy) in &tried {
            values.entry(keys.get(key).map_or("-", String::as_str)).or_default().push(*accuracy);
        }
        let mut values: Vec<_> = values.into_iter().map(|(value, runs)| (value.to_owned(), runs)).collect();
        let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NEG_INFINITY);
        values.sort_by(|(a, _), (b, _)| number(a).total_cmp(&number(b)));
        Ablation { key: key.clone(), values }
    };
    let differs = |ablation: &Ablation| ablation.values.len() > 1;
    all.into_iter()
        .filter(|key| !NO_EXPERIMENT.contains(&key.as_str()))
        .map(ablation)
        .filter(differs)
        .collect()
}

/// The recipe as `section.key` and value.
fn keys(run: &RunReport) -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let recipe = serde_json::to_value(&run.recipe).expect("a recipe is JSON");
    flatten("", &recipe, &mut keys);
    keys
}

fn flatten(path: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, member, keys);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            keys.insert(path.to_owned(), text.clone());
        }
        other => {
            keys.insert(path.to_owned(), other.to_string());
        }
    }
}
