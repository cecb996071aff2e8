//! Writes a search for TensorBoard's HParams dashboard: its keys, and the values and the accuracy of each trial.
//!
//! The messages are those of the plugin's `plugin_data.proto` and `api.proto`; only the fields that are used are
//! declared.

use super::search::{End, Record};
use super::tensorboard::{EventError, EventWriter};
use prost::Message;
use std::{collections::HashMap, path::Path};

const PLUGIN: &str = "hparams";
/// The metric by which trials are compared.
const ACCURACY: &str = "validation/accuracy";
/// The plugin's constants for data types and trial states.
const STRING: i32 = 1;
const NUMBER: i32 = 3;
const SUCCESS: i32 = 1;
const FAILURE: i32 = 2;

/// Writes the search over `keys` into `folder`, one run per trial.
///
/// # Errors
/// When a file cannot be written.
pub fn save(folder: &Path, keys: &[&str], records: &[Record]) -> Result<(), EventError> {
    let is_number = |key: usize| records.iter().all(|record| number(&record.values[key]).is_some());
    let hparam = |(index, key): (usize, &&str)| HparamInfo {
        name: (*key).to_owned(),
        kind: if is_number(index) { NUMBER } else { STRING },
    };
    let experiment = Experiment {
        hparams: keys.iter().enumerate().map(hparam).collect(),
        metrics: vec![MetricInfo { name: Some(MetricName { tag: ACCURACY.to_owned() }) }],
    };
    let data = PluginData { experiment: Some(experiment), ..PluginData::default() };
    let mut writer = EventWriter::create(folder)?;
    writer.plugin("_hparams_/experiment", PLUGIN, data.encode_to_vec())?;
    writer.flush()?;
    for record in records {
        save_trial(&folder.join(format!("trial-{:03}", record.number)), keys, record)?;
    }
    Ok(())
}

fn save_trial(folder: &Path, keys: &[&str], record: &Record) -> Result<(), EventError> {
    let value = |text: &String| match number(text) {
        Some(number) => HparamValue { number: Some(number), string: None },
        None => HparamValue { number: None, string: Some(text.trim_matches('"').to_owned()) },
    };
    let hparams =
        keys.iter().zip(&record.values).map(|(key, text)| ((*key).to_owned(), value(text))).collect();
    let start = PluginData { start: Some(SessionStart { hparams }), ..PluginData::default() };
    let status = if record.end == End::Diverged.name() { FAILURE } else { SUCCESS };
    let end = PluginData { end: Some(SessionEnd { status }), ..PluginData::default() };
    let mut writer = EventWriter::create(folder)?;
    writer.plugin("_hparams_/session_start_info", PLUGIN, start.encode_to_vec())?;
    writer.scalar(0, ACCURACY, record.accuracy)?;
    writer.plugin("_hparams_/session_end_info", PLUGIN, end.encode_to_vec())?;
    writer.flush()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(message, optional, tag = "2")]
    experiment: Option<Experiment>,
    #[prost(message, optional, tag = "3")]
    start: Option<SessionStart>,
    #[prost(message, optional, tag = "4")]
    end: Option<SessionEnd>,
}

#[derive(Clone, PartialEq, Message)]
struct Experiment {
    #[prost(message, repeated, tag = "4")]
    hparams: Vec<HparamInfo>,
    #[prost(message, repeated, tag = "5")]
    metrics: Vec<MetricInfo>,
}

#[derive(Clone, PartialEq, Message)]
struct HparamInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "4")]
    kind: i32,
}

#[derive(Clone, PartialEq, Message)]
struct MetricInfo {
    #[prost(message, optional, tag = "1")]
    name: Option<MetricName>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricName {
    #[prost(string, tag = "2")]
    tag: String,
}

#[derive(Clone, PartialEq, Message)]
struct SessionStart {
    #[prost(map = "string, message", tag = "1")]
    hparams: HashMap<String, HparamValue>,
}

#[derive(Clone, PartialEq, Message)]
struct HparamValue {
    #[prost(double, optional, tag = "2")]
    number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    string: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionEnd {
    #[prost(int32, tag = "1")]
    status: i32,
}
