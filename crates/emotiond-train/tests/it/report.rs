//! Tests `emotiond-train report` on generated reports.

use emotiond_train::{
    history::{EpochRecord, RunReport, SplitReport},
    metrics::measure,
    recipe::Recipe,
};
use std::{path::Path, process::Command};
use tempfile::TempDir;

const RECIPE: &str =
    "[network]\narch = \"mini_xception\"\n[optimizer]\nname = \"adam\"\nlearning_rate = 1e-3\n";

/// A run of two epochs whose second is the better one; `labels` is its label scheme.
fn save_run(folder: &Path, labels: &str, accuracy: f64) {
    let recipe = Recipe::parse(RECIPE, "recipe", &[format!("data.labels={labels}")]).unwrap();
    let names = recipe.data.labels.labels();
    // Each class has two faces. One of them is classified correctly, for happy both.
    let truth: Vec<usize> = (0..2 * names.len()).map(|row| row / 2).collect();
    let happy = names.iter().position(|name| *name == "happy").unwrap();
    let taken = truth
        .iter()
        .enumerate()
        .map(|(row, class)| if row % 2 == 0 || *class == happy { *class } else { happy });
    let probabilities: Vec<f32> = taken
        .flat_map(|taken| (0..names.len()).map(move |class| f32::from(u8::from(class == taken))))
        .collect();
    let all = measure(names, &probabilities, &truth);
    let epoch = |epoch: usize| EpochRecord {
        epoch,
        validation_accuracy: accuracy * epoch as f64 / 2.0,
        images_per_s: 700.0,
        seconds: 10.0,
        ..EpochRecord::default()
    };
    let report = RunReport {
        name: labels.to_owned(),
        recipe,
        parameters: 58_423,
        training_rows: 100,
        validation_rows: truth.len(),
        notes: Vec::new(),
        epochs: vec![epoch(1), epoch(2)],
        best_epoch: Some(2),
        temperature: Some(1.5),
        evaluation: Some(SplitReport {
            split: "PublicTest".to_owned(),
            all,
            without_repeats: None,
            repeats: 0,
            clear_majority: None,
        }),
        test: None,
    };
    std::fs::create_dir_all(folder).unwrap();
    report.save(folder).unwrap();
}

#[test]
fn runs_stand_side_by_side() {
    let folder = TempDir::new().unwrap();
    save_run(&folder.path().join("a"), "seven", 0.652);
    save_run(&folder.path().join("b"), "three", 0.8);
    let output = Command::new(env!("CARGO_BIN_EXE_emotiond-train"))
        .args(["report", "a", "b", "--out", "."])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    for (run, parts) in [("a ", ["58423", "65.2 %", "1.50"]), ("b ", ["58423", "80.0 %", "700"])] {
        assert!(parts.iter().all(|part| line(run).contains(part)), "{text}");
    }
    let cells = |start: &str| line(start).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cells("happy"), ["happy", "100.0", "%", "100.0", "%"]);
    assert_eq!(cells("fear"), ["fear", "50.0", "%", "-"], "three has no fear");
    assert!(image::open(folder.path().join("runs.png")).unwrap().width() > 1000);
    // The two recipes differ in `data.labels`, and neither folder contains a model.
    assert!(
        text.lines().any(|line| line.starts_with("a ") && line.contains(" 5.5 ") && line.contains(" - ")),
        "{text}"
    );
    assert_eq!(image::open(folder.path().join("ablations.png")).unwrap().width(), 420);
}
