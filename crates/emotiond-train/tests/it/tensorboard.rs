//! Reads our event files with TensorBoard itself. Needs a Python with the package `tensorboard`: `scripts/setup`
//! creates one in `.venv`; `EMOTIOND_PYTHON` can name another one.

use emotiond_train::{
    hparams,
    search::{End, Record},
    tensorboard::EventWriter,
};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Prints the data that TensorBoard reads from a folder as JSON.
const READ: &str = r#"
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "histograms": 0})
events.Reload()
tags = events.Tags()
print(json.dumps({
    "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {
        tag: [[e.step, h.num, h.min, h.max, sum(h.bucket)] for e in events.Histograms(tag) for h in [e.histogram_value]]
        for tag in tags["histograms"]
    },
}))
"#;

#[test]
fn tensorboard_reads_scalars_and_histograms_over_a_resumed_run() {
    let folder = tempfile::tempdir().unwrap();
    let weights: Vec<f32> = (0..1000).map(|i| i as f32 / 1000.0 - 0.5).collect();
    for steps in [1..4, 4..6] {
        let mut writer = EventWriter::create(folder.path()).unwrap();
        for step in steps {
            writer.scalar(step, "validation/accuracy", step as f64 / 8.0).unwrap();
            writer.histogram(step, "weights/conv1", &weights).unwrap();
        }
        writer.flush().unwrap();
    }
    let found = read_with_tensorboard(READ, folder.path());
    let accuracy = serde_json::json!([[1, 0.125], [2, 0.25], [3, 0.375], [4, 0.5], [5, 0.625]]);
    assert_eq!(found["scalars"]["validation/accuracy"], accuracy);
    let histograms = found["histograms"]["weights/conv1"].as_array().unwrap();
    assert_eq!(histograms.len(), 5);
    for histogram in histograms {
        assert_eq!((histogram[1].as_f64(), histogram[4].as_f64()), (Some(1000.0), Some(1000.0)));
        assert_eq!(histogram[2].as_f64(), Some(-0.5));
    }
}

/// Prints the data that the HParams dashboard reads from a folder as JSON.
const READ_HPARAMS: &str = r#"
import json, sys, os
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
def read(folder):
    events = EventAccumulator(folder)
    events.Reload()
    found = {}
    for tag, content in events.PluginTagToContent("hparams").items():
        found[tag.split("/")[1]] = plugin_data_pb2.HParamsPluginData.FromString(content)
    return found, [e.value for tag in events.Tags()["scalars"] for e in events.Scalars(tag)]
experiment = read(sys.argv[1])[0]["experiment"].experiment
trials = []
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    if os.path.isdir(folder):
        found, accuracy = read(folder)
        values = found["session_start_info"].session_start_info.hparams
        kinds = {key: getattr(value, value.WhichOneof("kind")) for key, value in values.items()}
        trials.append([kinds, accuracy, found["session_end_info"].session_end_info.status])
print(json.dumps({
    "keys": [[info.name, info.type] for info in experiment.hparam_infos],
    "metrics": [info.name.tag for info in experiment.metric_infos],
    "trials": trials,
}))
"#;

#[test]
fn its_hparams_dashboard_reads_a_search() {
    let folder = tempfile::tempdir().unwrap();
    let record = |number, rate: &str, name: &str, accuracy, end: End| Record {
        number,
        values: vec![rate.to_owned(), format!("\"{name}\"")],
        accuracy,
        end: end.name().to_owned(),
    };
    let records =
        [record(0, "0.001", "adam", 0.5, End::Complete), record(1, "1e2", "sgd", 0.25, End::Diverged)];
    hparams::save(folder.path(), &["optimizer.learning_rate", "optimizer.name"], &records).unwrap();
    let expected = serde_json::json!({
        "keys": [["optimizer.learning_rate", 3], ["optimizer.name", 1]],
        "metrics": ["validation/accuracy"],
        "trials": [
            [{"optimizer.learning_rate": 0.001, "optimizer.name": "adam"}, [0.5], 1],
            [{"optimizer.learning_rate": 100.0, "optimizer.name": "sgd"}, [0.25], 2],
        ],
    });
    assert_eq!(read_with_tensorboard(READ_HPARAMS, folder.path()), expected);
}

fn read_with_tensorboard(script: &str, folder: &Path) -> serde_json::Value {
    let in_checkout = || test_support::root().join(".venv/bin/python");
    let python = env::var_os("EMOTIOND_PYTHON").map_or_else(in_checkout, PathBuf::from);
    let output = Command::new(&python).arg("-c").arg(script).arg(folder).output().unwrap_or_else(|error| {
        panic!("{} does not start ({error}): run scripts/setup or set EMOTIOND_PYTHON", python.display())
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "TensorBoard cannot read the events:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}
