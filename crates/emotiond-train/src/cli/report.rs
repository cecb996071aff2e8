//! `emotiond-train report`.

use super::{
    compare::{Cost, ablations, cost},
    print,
    table::{Table, percent},
};
use crate::{history::RunReport, plots};
use clap::Args;
use emotiond_core::{exit::Failure, stderr::say};
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// Folders of runs (the `--out` of `fit`).
    #[arg(value_name = "DIR", required = true)]
    runs: Vec<PathBuf>,
    /// Folder for runs.png (the curves of all runs) and ablations.png (accuracy by recipe key that differs).
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Compares runs: prints tables to stdout and plots the curves as a PNG.
///
/// # Errors
/// If a folder contains no report or the PNG cannot be written; the failure carries the exit code.
pub fn run(args: &ReportArgs) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for folder in &args.runs {
        let report = RunReport::load(folder)?;
        runs.push((folder.display().to_string(), report));
    }
    let picture = args.out.join("runs.png");
    plots::save_runs(&picture, &runs)?;
    say(format_args!("emotiond-train: wrote {}", picture.display()));
    let ablations = ablations(&runs);
    if !ablations.is_empty() {
        let picture = args.out.join("ablations.png");
        plots::save_ablations(&picture, &ablations)?;
        say(format_args!("emotiond-train: wrote {}", picture.display()));
    }
    if args.json {
        let reports: serde_json::Map<_, _> = runs
            .iter()
            .map(|(name, report)| (name.clone(), serde_json::to_value(report).expect("a report is JSON")))
            .collect();
        return print(&format!("{:#}\n", serde_json::Value::Object(reports)));
    }
    let costs: Vec<Cost> = args.runs.iter().zip(&runs).map(|(folder, (_, run))| cost(folder, run)).collect();
    print(&format!("{}\n{}\n{}", overview(&runs), price(&runs, &costs), recalls(&runs)))
}

fn overview(runs: &[(String, RunReport)]) -> Table {
    let mut table = Table::new([
        "run",
        "arch",
        "parameters",
        "epochs",
        "best",
        "seconds",
        "images/s",
        "validation",
        "export",
        "without repeats",
        "mean class accuracy",
        "F1",
        "ECE",
        "T",
    ]);
    for (name, run) in runs {
        let seconds: f64 = run.epochs.iter().map(|epoch| epoch.seconds).sum();
        let speed =
            run.epochs.iter().map(|epoch| epoch.images_per_s).sum::<f64>() / run.epochs.len().max(1) as f64;
        let all = run.evaluation.as_ref().map(|evaluation| &evaluation.all);
        let without = run.evaluation.as_ref().and_then(|evaluation| evaluation.without_repeats.as_ref());
        table.row([
            name.clone(),
            run.recipe.network.arch.clone(),
            run.parameters.to_string(),
            run.epochs.len().to_string(),
            run.best_epoch.map_or_else(dash, |epoch| epoch.to_string()),
            format!("{seconds:.0}"),
            format!("{speed:.0}"),
            run.best().map_or_else(dash, |epoch| percent(epoch.validation_accuracy)),
            all.map_or_else(dash, |metrics| percent(metrics.accuracy)),
            without.map_or_else(dash, |metrics| percent(metrics.accuracy)),
            all.map_or_else(dash, |metrics| percent(metrics.mean_class_accuracy)),
            all.map_or_else(dash, |metrics| percent(metrics.macro_f1)),
            all.map_or_else(dash, |metrics| format!("{:.3}", metrics.ece)),
            run.temperature.map_or_else(dash, |temperature| format!("{temperature:.2}")),
        ]);
    }
    table
}

/// The cost of running each network.
fn price(runs: &[(String, RunReport)], costs: &[Cost]) -> Table {
    let mut table =
        Table::new(["run", "MMAC per face", "file, MB", "ms per face", "ms per face, batch of 8"]);
    for ((name, _), cost) in runs.iter().zip(costs) {
        let ms = |ms: Option<f64>| ms.map_or_else(dash, |ms| format!("{ms:.2}"));
        table.row([
            name.clone(),
            cost.millions.map_or_else(dash, |millions| format!("{millions:.1}")),
            cost.megabytes.map_or_else(dash, |megabytes| format!("{megabytes:.2}")),
            ms(cost.ms_a_face.map(|(one, _)| one)),
            ms(cost.ms_a_face.map(|(_, eight)| eight)),
        ]);
    }
    table
}

/// The recall of each emotion, one column per run.
fn recalls(runs: &[(String, RunReport)]) -> Table {
    let mut table =
        Table::new(["recall".to_owned()].into_iter().chain(runs.iter().map(|(name, _)| name.clone())));
    let mut labels: Vec<&str> = Vec::new();
    for label in runs.iter().flat_map(|(_, run)| run.recipe.data.labels.labels()) {
        if !labels.contains(label) {
            labels.push(label);
        }
    }
    for label in labels {
        let recall = |run: &RunReport| {
            let classes = &run.evaluation.as_ref()?.all.classes;
            classes.iter().find(|class| class.label == label).map(|class| percent(class.recall))
        };
        let cells = runs.iter().map(|(_, run)| recall(run).unwrap_or_else(dash));
        table.row([label.to_owned()].into_iter().chain(cells));
    }
    table
}

fn dash() -> String {
    "-".to_owned()
}
