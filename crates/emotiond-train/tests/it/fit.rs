//! Tests `emotiond-train fit`: the real program on a small generated data set.

use crate::training::{Bench, absurd_files, refused};
use emotiond_train::history::RunReport;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

fn losses(run: &Path) -> Vec<(f64, f64, f64, f64)> {
    let report = RunReport::load(run).unwrap();
    let of = |epoch: &emotiond_train::history::EpochRecord| {
        (epoch.learning_rate, epoch.train_loss, epoch.validation_loss, epoch.validation_accuracy)
    };
    report.epochs.iter().map(of).collect()
}

#[test]
fn a_run_learns_and_leaves_its_files() {
    let bench = Bench::new();
    let arguments = ["--license", "MIT", "--set", "fit.epochs=12"];
    let output = bench.run("run", &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for file in ["last.ckpt", "best.ckpt", "model.onnx", "report.json", "curves.png", "confusion.png"] {
        assert!(bench.path("run").join(file).exists(), "{file} is missing");
    }
    let report = RunReport::load(&bench.path("run")).unwrap();
    assert_eq!((report.epochs.len(), report.training_rows, report.validation_rows), (12, 64, 32));
    assert!(report.epochs[11].train_loss < report.epochs[0].train_loss);
    let evaluation = report.evaluation.unwrap().all;
    assert!(
        evaluation.accuracy > 0.9,
        "bright left and bright right are told apart: {}",
        evaluation.accuracy
    );
    // Resuming a finished run gives the same result.
    let again = bench.fit("run", &arguments).arg("--resume").output().unwrap();
    assert!(again.status.success());
    assert_eq!(RunReport::load(&bench.path("run")).unwrap().epochs, report.epochs);
}

#[test]
fn a_killed_run_goes_on_with_the_same_curve() {
    let bench = Bench::new();
    assert!(bench.run("whole", &[]).status.success());
    let mut child = bench.fit("killed", &[]).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Epoch 2 is printed before its checkpoint is written: the kill may occur before, during or after the writing.
    for line in lines {
        if line.unwrap().starts_with("epoch 2/") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!bench.path("killed").join("report.json").exists(), "the run was over before the kill");
    // It can be ended with what it has, and continued all the same.
    let finished = bench.run("killed", &["--finish"]);
    assert!(finished.status.success(), "{}", String::from_utf8_lossy(&finished.stderr));
    let report = RunReport::load(&bench.path("killed")).unwrap();
    assert!((1..3).contains(&report.epochs.len()) && report.evaluation.is_some());
    assert!(bench.path("killed").join("model.onnx").exists());
    let resumed = bench.run("killed", &["--resume"]);
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    assert_eq!(losses(&bench.path("killed")), losses(&bench.path("whole")));
    let weights = |run: &str| fs::read(bench.path(run).join("model.onnx")).unwrap();
    assert!(weights("killed") == weights("whole"), "the same curve ends in the same weights");
}

#[test]
fn a_folder_in_use_and_another_recipe_are_refused() {
    let bench = Bench::new();
    assert!(bench.run("run", &["--set", "fit.epochs=1"]).status.success());
    refused(&bench.run("run", &["--set", "fit.epochs=1"]), 2, "--resume");
    refused(&bench.run("run", &["--resume", "--set", "fit.epochs=2"]), 78, "epochs = 1");
    let other = ["--resume", "--set", "fit.epochs=1", "--set", "network.arch=cnn_32_64_128"];
    refused(&bench.run("run", &other), 78, "mini_xception (48x48x1");
    refused(&bench.run("none", &["--finish"]), 66, "no complete epoch");
}

#[test]
fn a_damaged_checkpoint_is_refused_and_kept() {
    let bench = Bench::new();
    assert!(bench.run("run", &["--set", "fit.epochs=1"]).status.success());
    let last = bench.path("run").join("last.ckpt");
    let whole = fs::read(&last).unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let end = whole.len();
    let mut all = vec![whole[..end - 100].to_vec(), whole[..10].to_vec(), b"something else".to_vec()];
    all.extend([7, 12, 100, end / 3, end / 2, end - 2].map(flipped));
    all.push([&whole[..], b"x"].concat());
    for damaged in all {
        fs::write(&last, &damaged).unwrap();
        refused(&bench.run("run", &["--resume", "--set", "fit.epochs=1"]), 65, "last.ckpt");
        assert_eq!(fs::read(&last).unwrap(), damaged);
    }
    let from = last.to_str().unwrap();
    fs::write(&last, flipped(end / 2)).unwrap();
    refused(&bench.run("other", &["--from", from]), 65, "restore it from a copy");
    // The model is made of the best one.
    fs::write(&last, &whole).unwrap();
    let best = bench.path("run").join("best.ckpt");
    fs::write(best, flipped(end / 2)).unwrap();
    refused(&bench.run("run", &["--resume", "--set", "fit.epochs=1"]), 65, "best.ckpt");
    // One of a version without checksums goes on.
    let older = [b"EMOTCKP1", &whole[8..end - 4]].concat();
    fs::write(&last, older).unwrap();
    assert!(bench.run("run", &["--resume", "--set", "fit.epochs=1"]).status.code() == Some(65));
    assert!(bench.run("older", &["--from", from, "--set", "fit.epochs=1"]).status.success());
}

#[test]
fn start_weights_that_saw_the_held_out_rows_are_noted() {
    let bench = Bench::new();
    let one = ["--set", "fit.epochs=1", "--set", "data.validation=0.25"];
    let other_seed = [&one[..], &["--set", "fit.seed=2"]].concat();
    assert!(bench.run("first", &one).status.success());
    let from = bench.path("first").join("best.ckpt");
    let from = ["--from", from.to_str().unwrap()];
    let stderr = |name: &str, arguments: &[&str]| {
        let output = bench.run(name, &[arguments, &from].concat());
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let same = stderr("same", &one);
    assert!(!same.contains("held out"), "{same}");
    let leaking = stderr("leaking", &other_seed);
    assert!(leaking.contains("of the 16 rows that are held out now"), "{leaking}");
}

#[test]
fn a_run_starts_from_regular_files_of_a_size_that_fits() {
    let bench = Bench::new();
    for (file, word) in absurd_files(&bench.path(""), "onnx") {
        refused(&bench.run("run", &["--from", file.to_str().unwrap()]), 65, word);
    }
    let fifo = bench.path("fifo.ckpt");
    fs::rename(bench.path("fifo.onnx"), &fifo).unwrap();
    refused(&bench.run("run", &["--from", fifo.to_str().unwrap()]), 65, "no regular file");
}

#[test]
fn a_recipe_is_a_short_text_in_utf_8() {
    let bench = Bench::new();
    let recipe = fs::read(bench.path("recipe.toml")).unwrap();
    let lines = recipe.iter().filter(|byte| **byte == b'\n').count() + 1;
    let told = format!("line {lines} is not UTF-8: save the file as UTF-8");
    let comments = b"# nothing\n".repeat(8_000_000);
    for (bytes, told) in [
        ([&recipe[..], b"# caf\xe9\n"].concat(), told.as_str()),
        ([&comments[..], &recipe].concat(), "more than 1048576 bytes"),
        (recipe.iter().flat_map(|byte| [*byte, 0]).collect(), "recipe.toml"),
        (b"\xff\xfe\0".to_vec(), "line 1 is not UTF-8"),
    ] {
        fs::write(bench.path("recipe.toml"), bytes).unwrap();
        for command in ["fit", "search"] {
            refused(&bench.command(command, "run", &[]).output().unwrap(), 78, told);
        }
        let mut summary = Command::new(env!("CARGO_BIN_EXE_emotiond-train"));
        refused(&summary.arg("summary").arg(bench.path("recipe.toml")).output().unwrap(), 78, told);
    }
}

#[test]
fn a_checkpoint_that_finds_no_room_ends_the_run_with_its_code() {
    let bench = Bench::new();
    let fit = bench.fit("full", &[]);
    // No file may grow beyond 64 kB; the error arrives as from a full disk, not as a signal.
    let mut limited = Command::new("bash");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "bash"])
        .arg(fit.get_program())
        .args(fit.get_args());
    refused(&limited.output().unwrap(), 74, "best.ckpt");
    let left = fs::read_dir(bench.path("full")).unwrap().map(|entry| entry.unwrap().path());
    let parts: Vec<_> = left.filter(|path| path.extension().is_some_and(|ending| ending == "part")).collect();
    assert!(parts.is_empty(), "{parts:?}");
}

#[test]
fn a_loss_that_explodes_says_when_and_what_to_try() {
    let bench = Bench::new();
    let wild =
        ["--set", "optimizer.learning_rate=100", "--set", "fit.clip_norm=1000000", "--set", "fit.epochs=30"];
    let output = bench.run("run", &wild);
    refused(&output, 78, "the loss is");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("at step ") && text.contains("optimizer.learning_rate"), "{text}");
}

#[test]
fn early_stopping_ends_a_run_that_gains_nothing() {
    let bench = Bench::new();
    let still =
        ["--set", "optimizer.learning_rate=1e-9", "--set", "fit.early_stopping={patience=1,min_delta=0.5}"];
    let output = bench.run("run", &still);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(RunReport::load(&bench.path("run")).unwrap().epochs.len(), 2);
}

#[test]
fn the_best_epoch_is_that_of_the_figure_that_the_recipe_names() {
    let bench = Bench::new();
    let settings = ["--set", "fit.best=training_loss", "--set", "fit.epochs=5"];
    let output = bench.run("run", &settings);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = RunReport::load(&bench.path("run")).unwrap();
    let lowest = report.epochs.iter().min_by(|a, b| a.train_loss.total_cmp(&b.train_loss)).unwrap();
    assert_eq!(report.best_epoch, Some(lowest.epoch));
    // The loss still falls, so that by it the run does not end where the accuracy would end it.
    let by_loss = "fit.early_stopping={patience=1,monitor=\"training_loss\"}";
    let output = bench.run("longer", &["--set", by_loss, "--set", "fit.epochs=3"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(RunReport::load(&bench.path("longer")).unwrap().epochs.len(), 3);
}

#[test]
fn data_without_splits_is_divided_and_all_parts_are_reported() {
    let bench = Bench::new();
    let with_splits = fs::read_to_string(bench.path("data.csv")).unwrap();
    let rows: Vec<&str> = with_splits.lines().skip(1).map(|row| row.rsplit_once(',').unwrap().0).collect();
    fs::write(bench.path("data.csv"), format!("Emotion,Pixels\n{}\n", rows.join("\n"))).unwrap();
    let output = bench.run("run", &["--set", "data.validation=0.25", "--set", "data.test=0.25"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("test, fraction 0.25 of the training split:"), "{text}");
    let report = RunReport::load(&bench.path("run")).unwrap();
    let test: usize = report.test.unwrap().all.classes.iter().map(|class| class.support).sum();
    assert_eq!((report.training_rows, report.validation_rows, test), (54, 18, 24));
    // Without splits, PublicTest cannot be the validation.
    refused(&bench.run("none", &[]), 78, "no split `PublicTest`");
    refused(&bench.run("none", &[]), 78, "0.1 for instance");
    let training = bench.run("none", &["--set", "data.validation=\"Training\""]);
    refused(
        &training,
        78,
        "emotiond-train: the recipe does not fit the data: `Training` is the training split",
    );
}

#[test]
fn a_summary_lists_the_layers_and_what_is_trained() {
    let bench = Bench::new();
    let summary = |settings: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_emotiond-train"));
        program.arg("summary").arg(bench.path("recipe.toml"));
        program.args(settings.iter().flat_map(|setting| ["--set", setting])).output().unwrap()
    };
    let output = summary(&[
        "network.arch=vgg16_small",
        "network.color=rgb",
        "network.pretrained={file=\"x\",freeze=12}",
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let last: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last, ["all", "14781767", "2426631"]);
    assert!(text.contains("Conv 3x3"), "{text}");
    refused(&summary(&["network.arch=convnet", "network.units=[3]"]), 78, "network.units");
}

#[test]
fn bad_input_gets_one_line_and_its_code() {
    let bench = Bench::new();
    refused(&bench.run("run", &["--device", "cuda"]), 69, "--device cpu");
    refused(&bench.run("run", &["--device", "abacus"]), 69, "cpu, cuda, vulkan or wgpu");
    refused(&bench.run("run", &["--set", "network.arch=lenet"]), 78, "mini_xception");
    refused(&bench.run("run", &["--set", "network.size=12"]), 78, "20 to 512");
    refused(&bench.run("run", &["--set", "fit.epoch=3"]), 78, "epoch");
    fs::remove_file(bench.path("data.csv")).unwrap();
    refused(&bench.run("run", &[]), 66, "data.csv");
}

#[test]
fn pictures_in_a_file_are_learnt_as_those_in_memory_are() {
    let bench = Bench::new();
    let output = bench.run("run", &["--set", "data.streamed=true", "--set", "fit.epochs=12"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = RunReport::load(&bench.path("run")).unwrap();
    assert!(report.evaluation.unwrap().all.accuracy > 0.9);
}

#[test]
fn a_network_that_ends_in_a_relu_is_told_why_its_loss_is_nan() {
    let bench = Bench::new();
    let output = bench.run("run", &["--set", "loss.kind=relu_cross_entropy"]);
    refused(&output, 78, "loss.kind = \"cross_entropy\"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("the loss is NaN at step 1 (epoch 1)"));
}
