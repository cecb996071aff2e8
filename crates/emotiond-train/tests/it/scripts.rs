//! Tests the scripts that read the trainer's data and networks.

use crate::training::Bench;
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

/// Runs the script on `model` and `data`, which writes `out`.
fn quantize(bench: &Bench, model: &str, data: &str, out: &str) -> Output {
    let mut script = Command::new(test_support::root().join("scripts/quantize"));
    script.args([model, data, out].map(|name| bench.path(name))).output().unwrap()
}

fn eval(model: &Path, data: &Path) -> Value {
    let mut program = Command::new(env!("CARGO_BIN_EXE_emotiond-train"));
    program.arg("eval").arg("--model").arg(model).arg("--data").arg(data).args([
        "--split",
        "PublicTest",
        "--json",
    ]);
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Trains a network with these keys, and returns the accuracy of it and of its 8-bit copy, and their sizes.
fn both(bench: &Bench, keys: &[&str]) -> ([f64; 2], [u64; 2]) {
    let mut sets =
        vec!["--set", "network.arch=\"resnet_48\"", "--set", "augment={}", "--set", "fit.ema_decay=0.5"];
    sets.extend(keys.iter().flat_map(|key| ["--set", key]));
    let output = bench.run("run", &sets);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = quantize(bench, "run/model.onnx", "data.csv", "int8.onnx");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let models = ["run/model.onnx", "int8.onnx"].map(|name| bench.path(name));
    let sizes = models.each_ref().map(|model| fs::metadata(model).unwrap().len());
    (models.map(|model| eval(&model, &bench.path("data.csv"))["all"]["accuracy"].as_f64().unwrap()), sizes)
}

#[test]
fn a_gray_and_a_colour_network_keep_their_accuracy_in_a_third_of_the_size() {
    let colour = ["network.color=\"rgb\"", "network.size=64"];
    let gray = ["network.levels=\"auto\""];
    for keys in [&colour[..], &gray] {
        let ([floats, integers], [before, after]) = both(&Bench::new(), keys);
        assert!(floats > 0.7 && integers > floats - 0.1, "{keys:?}: {floats}, then {integers}");
        assert!(after * 3 < before, "{keys:?}: {before}, then {after} bytes");
    }
}

/// Votes like the labels of the data, for every row.
fn write_votes(bench: &Bench) {
    let mut votes =
        "Usage,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n".to_owned();
    for row in 0..96 {
        let usage = if row < 64 { "Training" } else { "PublicTest" };
        let (happy, sad) = if row % 2 == 0 { (8, 2) } else { (1, 9) };
        votes += &format!("{usage},0,{happy},0,{sad},0,0,0,0,0,0\n");
    }
    fs::write(bench.path("ferplus_votes.csv"), votes).unwrap();
}

#[test]
fn the_stages_of_a_model_are_trained_in_order_and_only_once() {
    let bench = Bench::new();
    write_votes(&bench);
    let run = |model: &str| {
        let mut script = Command::new(test_support::root().join("scripts/train-models"));
        script.arg(bench.path("data.csv")).args([model, "data.validation=0.25", "data.test=PublicTest"]);
        script.args(["fit.seed=1", "fit.epochs=2", "fit.batch=16"]);
        script.env("OUT", bench.path("runs")).env("EMOTIOND_TRAIN", env!("CARGO_BIN_EXE_emotiond-train"));
        let output = script.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let stages = |said: &str| -> Vec<String> {
        said.lines().filter_map(|line| line.strip_prefix("train-models: ")).map(str::to_owned).collect()
    };
    let (ended, said) = run("mini_xception_fer2013");
    assert!(ended, "{said}");
    let expected = ["mini_xception", "mini_xception_tune", "resnet_48", "mini_xception_distill"];
    assert_eq!(stages(&said), [&expected[..], &["mini_xception_settle", "mini_xception_labels"]].concat());
    assert!(said.contains("mini_xception_tune/best.ckpt") && !said.contains("held out now"), "{said}");
    assert!(bench.path("runs/mini_xception_labels/model.onnx").exists());
    assert_eq!(run("mini_xception_fer2013"), (true, String::new()), "nothing is left to do");
    let (ended, said) = run("mini_xception_9000");
    assert!(!ended && stages(&said)[0].contains("mini_xception_9000 has no stages here"), "{said}");
}

#[test]
fn what_cannot_be_quantised_is_refused_in_one_line() {
    let bench = Bench::new();
    assert!(bench.run("run", &["--set", "fit.epochs=1"]).status.success());
    fs::write(bench.path("text.onnx"), "not a network").unwrap();
    fs::write(bench.path("other.csv"), "a,b\n1,2\n").unwrap();
    fs::write(bench.path("short.csv"), "emotion,pixels\n1,2 3 4\n").unwrap();
    fs::write(bench.path("cut.csv.gz"), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b").unwrap();
    for (model, data, out, word) in [
        ("text.onnx", "data.csv", "int8.onnx", "emotiond-train fit"),
        ("run/model.onnx", "missing.csv", "int8.onnx", "no file"),
        ("run/model.onnx", "other.csv", "int8.onnx", "emotion and pixels"),
        ("run/model.onnx", "short.csv", "int8.onnx", "48x48 numbers"),
        ("run/model.onnx", "cut.csv.gz", "int8.onnx", "cannot be read"),
        ("run/model.onnx", "data.csv", "nowhere/int8.onnx", "cannot be written"),
    ] {
        let output = quantize(&bench, model, data, out);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{model} {data}: {text}");
        assert!(text.lines().count() == 1 && text.contains(word), "{model} {data}: {text}");
    }
    without_usage(&bench);
    let output = quantize(&bench, "run/model.onnx", "plain.csv", "int8.onnx");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Writes `plain.csv`, the data without the column `Usage`: all its rows are for training.
fn without_usage(bench: &Bench) {
    let data = fs::read_to_string(bench.path("data.csv")).unwrap();
    let columns = data.lines().map(|line| line.rsplit_once(',').unwrap().0.replace("emotion,", "Emotion,"));
    fs::write(bench.path("plain.csv"), columns.collect::<Vec<_>>().join("\n")).unwrap();
}

#[test]
fn a_sample_has_the_same_part_of_every_emotion() {
    let bench = Bench::new();
    without_usage(&bench);
    let sample = |data: &str, rows: &str, out: &str| {
        let mut script = Command::new("python3");
        script.arg(test_support::root().join("scripts/fer2013-sample.py"));
        script.arg(bench.path(data)).arg(rows).arg(bench.path(out)).output().unwrap()
    };
    // 64 of the 96 rows of `data.csv` are of Training.
    for (data, most, rows) in [("data.csv", 64, "21"), ("plain.csv", 96, "31")] {
        assert!(sample(data, rows, "sample.csv").status.success());
        let text = fs::read_to_string(bench.path("sample.csv")).unwrap();
        let count = |emotion| text.lines().filter(|line| line.starts_with(emotion)).count();
        let rows: usize = rows.parse().unwrap();
        assert_eq!((count("3,") + count("4,"), count("3,").abs_diff(count("4,"))), (rows, 1), "{data}");
        assert!(sample(data, &most.to_string(), "again.csv").status.success());
    }
    let large = vec!["200"; 256 * 256].join(" ");
    fs::write(bench.path("large.csv"), format!("emotion,pixels\n3,{large}\n4,{large}\n")).unwrap();
    assert!(sample("large.csv", "1", "sample.csv").status.success());
    for (data, rows, out, word) in [
        ("data.csv", "65", "sample.csv", "64 training rows"),
        ("missing.csv", "1", "sample.csv", "cannot be read"),
        ("data.csv", "1", "nowhere/sample.csv", "cannot be written"),
    ] {
        let text = String::from_utf8(sample(data, rows, out).stderr).unwrap();
        assert!(text.lines().count() == 1 && text.contains(word), "{text}");
    }
}
