//! TensorBoard itself reads our event files. Needs a Python with the package `tensorboard`: `scripts/setup` makes one
//! in `.venv`; `EMOTIOND_PYTHON` names another.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(feature = "train")]

use emotiond::train::tensorboard::EventWriter;
use std::{env, path::PathBuf, process::Command};

/// Prints what TensorBoard finds in a folder as JSON.
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
    let found = read_with_tensorboard(folder.path());
    let accuracy = serde_json::json!([[1, 0.125], [2, 0.25], [3, 0.375], [4, 0.5], [5, 0.625]]);
    assert_eq!(found["scalars"]["validation/accuracy"], accuracy);
    let histograms = found["histograms"]["weights/conv1"].as_array().unwrap();
    assert_eq!(histograms.len(), 5);
    for histogram in histograms {
        assert_eq!((histogram[1].as_f64(), histogram[4].as_f64()), (Some(1000.0), Some(1000.0)));
        assert_eq!(histogram[2].as_f64(), Some(-0.5));
    }
}

fn read_with_tensorboard(folder: &std::path::Path) -> serde_json::Value {
    let in_checkout = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".venv/bin/python");
    let python = env::var_os("EMOTIOND_PYTHON").map_or_else(in_checkout, PathBuf::from);
    let output = Command::new(&python).arg("-c").arg(READ).arg(folder).output().unwrap_or_else(|error| {
        panic!("{} does not start ({error}): run scripts/setup or set EMOTIOND_PYTHON", python.display())
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "TensorBoard cannot read the events:\n{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}
