//! `emotiond-train eval`.

use super::{
    on_all_cores, print,
    table::{Table, percent},
};
use crate::{
    dataset::Dataset,
    evaluate::{Evaluation, Truth, choose_rows, evaluate, scheme_of},
    field::{Accuracies, FieldRow, evaluate_field, mean},
    history::SplitReport,
    metrics::Metrics,
    plots,
    recipe::LabelScheme,
};
use clap::Args;
use emotiond_core::{
    classify::{Classifier, ModelConfig},
    config::{self, ConfigError},
    exit::{Exit, Failure},
    runtime::{Runtime, RuntimeConfig},
    stderr::say,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Arguments of `eval`.
#[derive(Args, Debug)]
pub struct EvalArgs {
    /// The model to evaluate.
    #[arg(long, value_name = "FILE.onnx")]
    model: PathBuf,
    /// fer2013.csv or icml_face_data.csv, gzipped or not, or a folder test/EMOTION/*.png|jpg.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Training, PublicTest, PrivateTest, a folder's name, or a fraction of the training split such as 0.1.
    #[arg(long, value_name = "NAME")]
    split: String,
    /// Random seed for choosing the fraction; use the recipe's `fit.seed` to get the validation rows of `fit`.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The ground truth: the data's own labels, or the emotion that most of FER+'s ten taggers chose.
    #[arg(long, value_enum, default_value_t)]
    labels: Truth,
    /// Prints the accuracy under camera disturbances (poor light, blur, noise ...), against both labellings.
    #[arg(long, conflicts_with_all = ["labels", "out"])]
    field: bool,
    /// FER+'s CSV of votes [default: ferplus_votes.csv in the folder of the data].
    #[arg(long, value_name = "FILE")]
    votes: Option<PathBuf>,
    /// The daemon's configuration: [runtime] is used, and [model] for a model without metadata. Without it, all cores are
    /// used.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Writes confusion.png and mistakes.png into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Prints JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// The part of the daemon's configuration that concerns running a model; other tables are ignored.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Inference {
    model: ModelConfig,
    runtime: RuntimeConfig,
}

impl Inference {
    fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut inference: Self = config::read(path)?;
        let base = path.parent().unwrap_or(Path::new(""));
        inference.model.resolve_paths(base);
        inference.runtime.resolve_paths(base);
        Ok(inference)
    }
}

/// Evaluates a model as the daemon would run it.
///
/// # Errors
/// If the data, the model or the runtime cannot be used; the failure carries the exit code.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    let mut config = match &args.config {
        Some(path) => Inference::read(path)?,
        None => Inference { runtime: on_all_cores(), model: ModelConfig::default() },
    };
    config.model.file = Some(args.model.clone());
    if let Err(error) = std::fs::metadata(&args.model) {
        return Err(Failure::new(
            Exit::NoInput,
            anyhow::anyhow!("cannot open {}: {error}", args.model.display()),
        ));
    }
    let runtime = Runtime::load(&config.runtime)?;
    let mut classifier = Classifier::load(&runtime, &config.model)?;
    let mut dataset = Dataset::load(&args.data, &classifier.description().input)?;
    let is_voted = scheme_of(&classifier.description().labels).is_some_and(LabelScheme::is_voted);
    if args.field || args.labels == Truth::Ferplus || is_voted {
        dataset.join_votes(args.votes.as_deref())?;
    }
    if args.field {
        let (rows, _, split) = choose_rows(&dataset, &args.split, args.seed)?;
        let rows = evaluate_field(&mut classifier, &dataset, &rows)?;
        return print(&if args.json { field_json(args, &rows) } else { render_field(&split, &rows) });
    }
    let evaluation = evaluate(&mut classifier, &Arc::new(dataset), &args.split, args.seed, args.labels)?;
    for note in &evaluation.notes {
        say(format_args!("emotiond-train: warning: {note}"));
    }
    if let Some(folder) = &args.out {
        plots::save_evaluation(folder, &evaluation)?;
    }
    print(&if args.json { to_json(args, &evaluation) } else { render(&evaluation.report) })
}

fn to_json(args: &EvalArgs, evaluation: &Evaluation) -> String {
    let mut value = serde_json::to_value(&evaluation.report).expect("a report is JSON");
    value["model"] = json!(args.model);
    value["data"] = json!(args.data);
    value["labels"] = json!(evaluation.examples.labels);
    format!("{value:#}\n")
}

fn field_json(args: &EvalArgs, rows: &[FieldRow]) -> String {
    let value = json!({ "model": args.model, "data": args.data, "split": args.split, "field": rows, "mean": mean(rows) });
    format!("{value:#}\n")
}

fn render_field(split: &str, rows: &[FieldRow]) -> String {
    let mut table = Table::new([split, "FER2013's labels", "FER+, most taggers", "FER+, more than half"]);
    let mut row = |name: &str, accuracy: &Accuracies| {
        let figures = [accuracy.original, accuracy.plurality, accuracy.majority].map(percent);
        table.row([name.to_owned()].into_iter().chain(figures));
    };
    rows.iter().for_each(|field| row(field.disturbance, &field.accuracy));
    row("mean of all disturbances", &mean(rows));
    table.to_string()
}

fn render(report: &SplitReport) -> String {
    let mut text = format!("{}\n{}", report.split, summary(report));
    text.push_str(&format!("\n{}\n{}", classes(&report.all), confusion(&report.all)));
    text
}

fn summary(report: &SplitReport) -> Table {
    let mut table = Table::new(["", "rows", "accuracy", "mean class accuracy", "macro F1", "ECE"]);
    let mut row = |name: &str, metrics: &Metrics| {
        table.row([
            name.to_owned(),
            metrics.count.to_string(),
            percent(metrics.accuracy),
            percent(metrics.mean_class_accuracy),
            percent(metrics.macro_f1),
            format!("{:.4}", metrics.ece),
        ]);
    };
    row("all rows", &report.all);
    if let Some(metrics) = &report.without_repeats {
        row("without repeats of training pictures", metrics);
    }
    if let Some(metrics) = &report.clear_majority {
        row("more than half of the taggers agree", metrics);
    }
    table
}

fn classes(metrics: &Metrics) -> Table {
    let mut table = Table::new(["emotion", "rows", "precision", "recall", "F1"]);
    for class in &metrics.classes {
        let figures = [class.precision, class.recall, class.f1].map(percent);
        table.row([class.label.clone(), class.support.to_string()].into_iter().chain(figures));
    }
    table
}

fn confusion(metrics: &Metrics) -> Table {
    let labels = metrics.classes.iter().map(|class| class.label.clone());
    let mut table = Table::new(["truth \\ predicted".to_owned()].into_iter().chain(labels));
    for (class, row) in metrics.classes.iter().zip(&metrics.confusion) {
        table.row([class.label.clone()].into_iter().chain(row.iter().map(usize::to_string)));
    }
    table
}
