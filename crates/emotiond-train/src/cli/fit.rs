//! `emotiond-train fit`.

use super::{events::WithEvents, on_all_cores, open_device, progress};
use crate::{
    calibration::{fit_temperature, softmax},
    dataset::Dataset,
    distill::Teacher,
    evaluate::evaluate_examples,
    examples::{self, Prepared},
    export,
    fit::{Job, Outcome, Start, VALIDATION_BATCH, fit},
    history::{RunReport, SplitReport},
    loader::Loader,
    metrics::measure,
    plots,
    recipe::{HeldOut, Recipe},
    threads, trainer,
};
use burn::module::Module;
use clap::Args;
use emotiond_core::{
    classify::{
        Classifier, ModelConfig,
        description::{Description, InputSpec},
    },
    exit::{Exit, Failure},
    picture::Color,
    runtime::Runtime,
    stderr::say,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `fit`.
#[derive(Args, Debug)]
pub struct FitArgs {
    /// The training recipe.
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// fer2013.csv or icml_face_data.csv, gzipped or not, or a folder train/EMOTION/*.png|jpg.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Folder for the checkpoints, the model, the report and the plots.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Resumes the run in the folder.
    #[arg(long)]
    resume: bool,
    /// Ends the run in the folder with its best epoch so far: writes the model, the report and the plots, and trains no
    /// further. `--resume` can still continue it.
    #[arg(long, conflicts_with_all = ["resume", "from"])]
    finish: bool,
    /// Initialises the weights from a checkpoint of another run, such as DIR/best.ckpt, or from a model of `fit`.
    #[arg(long, value_name = "CHECKPOINT|MODEL.onnx")]
    from: Option<PathBuf>,
    /// Overrides a key of the recipe, for example `fit.epochs=10`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Device to train on: cpu, cuda, vulkan or wgpu.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
    /// Licence of the weights, as an SPDX expression, for the model's metadata.
    #[arg(long, value_name = "SPDX")]
    license: Option<String>,
}

/// Trains a network and writes the model, the report and the plots.
///
/// # Errors
/// If the recipe, the data, the device or the output folder cannot be used, or the loss diverges; the failure carries
/// the exit code.
pub fn run(args: &FitArgs) -> Result<(), Failure> {
    threads::join_pool();
    let recipe = Recipe::load(&args.recipe, &args.overrides)?;
    let device = open_device(&args.device)?;
    fs::create_dir_all(&args.out).map_err(|error| {
        Failure::new(Exit::Output, anyhow::anyhow!("cannot create {}: {error}", args.out.display()))
    })?;
    let mut data = load(&recipe, &args.data, &args.out)?;
    if let Some(from) = &args.from {
        data.notes.push(format!("the weights are initialised from {}", from.display()));
    }
    let teacher = load_teacher(&recipe)?;
    let job = Job {
        recipe: &recipe,
        data: &data,
        out: &args.out,
        features: &args.out,
        start: match (args.resume, args.finish) {
            (_, true) => Start::Finish,
            (true, false) => Start::Resume,
            (false, false) => Start::New,
        },
        from: args.from.as_deref(),
        teacher: teacher.as_ref(),
        device: &device,
    };
    let shown = progress::for_this_terminal(recipe.fit.epochs);
    let mut watch = WithEvents::new(shown, &args.out).map_err(|error| Failure::new(Exit::Output, error))?;
    let outcome = fit(&job, &mut watch)?;
    drop(watch);
    finish(args, &recipe, &data, &outcome)
}

/// The data at `path` as the recipe wants it; `out` is the folder of the run.
pub(super) fn load(recipe: &Recipe, path: &Path, out: &Path) -> Result<Prepared, Failure> {
    let scratch = recipe.data.streamed.then_some(out);
    let mut dataset = Dataset::load_to(path, &recipe.input_spec(), scratch)?;
    let ferplus = recipe.data.ferplus.as_ref();
    if ferplus.is_some() || recipe.data.labels.is_voted() {
        dataset.join_votes(ferplus.and_then(|ferplus| ferplus.votes.as_deref()))?;
    }
    Ok(examples::prepare(&Arc::new(dataset), recipe)?)
}

pub(super) fn load_teacher(recipe: &Recipe) -> Result<Option<Arc<Teacher>>, Failure> {
    let Some(section) = &recipe.distill else { return Ok(None) };
    Ok(Some(Arc::new(Teacher::load(section, &recipe.input_spec(), recipe.data.labels)?)))
}

/// Fits the temperature, writes the model, evaluates it as the daemon would run it, and writes the report.
fn finish(args: &FitArgs, recipe: &Recipe, data: &Prepared, outcome: &Outcome) -> Result<(), Failure> {
    let validation = Loader::in_order(Arc::new(data.validation.clone()), VALIDATION_BATCH);
    let (logits, classes) = trainer::logits(&outcome.network, &validation, &outcome.spec);
    let temperature = fit_temperature(&logits, &classes, data.validation.labels.len());
    let split = split_name(&recipe.data.validation);
    let measured = measured(data, &softmax(&logits, outcome.spec.classes, temperature), &classes, &split);
    let description = describe(args, recipe, data, &measured);
    let model = args.out.join("model.onnx");
    export::save(&outcome.network, temperature as f32, &description, &model)
        .map_err(|error| Failure::new(Exit::Output, error))?;
    let name = args.recipe.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut report = RunReport {
        temperature: Some(temperature),
        evaluation: Some(measured),
        ..course(name, recipe, data, outcome)
    };
    let save = |report: &RunReport| {
        report.save(&args.out)?;
        plots::save_curves(&args.out.join("curves.png"), report).map_err(Failure::from)
    };
    save(&report)?;
    // The model and a first report are already written: if ONNX Runtime is missing here, evaluate the model elsewhere.
    let mut classifier = exported(&model)?;
    let evaluation =
        evaluate_examples(&mut classifier, data.validation.clone(), &data.validation_repeats, &split)?;
    plots::save_evaluation(&args.out, &evaluation)?;
    report.evaluation = Some(evaluation.report);
    if let (Some(test), Some(held_out)) = (&data.test, &recipe.data.test) {
        let (examples, split) = (test.examples.clone(), split_name(held_out));
        report.test = Some(evaluate_examples(&mut classifier, examples, &test.repeats, &split)?.report);
    }
    save(&report)?;
    say(format_args!(
        "wrote {} (epoch {}: {}{})",
        model.display(),
        outcome.epoch,
        description.accuracy.unwrap_or_default(),
        report.test.map_or_else(String::new, |test| format!(
            "; test, {}: {:.2} %",
            test.split,
            test.all.accuracy * 100.0
        ))
    ));
    Ok(())
}

/// The report of a run before the model is evaluated.
pub(super) fn course(name: String, recipe: &Recipe, data: &Prepared, outcome: &Outcome) -> RunReport {
    RunReport {
        name,
        recipe: recipe.clone(),
        parameters: outcome.network.num_params(),
        training_rows: data.training.items.len(),
        validation_rows: data.validation.items.len(),
        notes: data.notes.clone(),
        epochs: outcome.history.clone(),
        best_epoch: Some(outcome.epoch),
        temperature: None,
        evaluation: None,
        test: None,
    }
}

/// The figures by the trainer's own forward pass, which go into the model's metadata.
fn measured(data: &Prepared, probabilities: &[f32], classes: &[usize], split: &str) -> SplitReport {
    let labels = data.validation.labels;
    let kept = |index: &usize| !data.validation_repeats[*index];
    let rows: Vec<usize> = (0..classes.len()).filter(kept).collect();
    let without_repeats = (rows.len() < classes.len() && !rows.is_empty()).then(|| {
        let width = labels.len();
        let probabilities: Vec<f32> =
            rows.iter().flat_map(|row| &probabilities[row * width..][..width]).copied().collect();
        let classes: Vec<usize> = rows.iter().map(|&row| classes[row]).collect();
        measure(labels, &probabilities, &classes)
    });
    SplitReport {
        split: split.to_owned(),
        all: measure(labels, probabilities, classes),
        without_repeats,
        repeats: classes.len() - rows.len(),
        clear_majority: None,
    }
}

fn describe(args: &FitArgs, recipe: &Recipe, data: &Prepared, measured: &SplitReport) -> Description {
    let file = args.data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let is_voted = recipe.data.labels.is_voted();
    let votes = match (is_voted, &recipe.data.ferplus) {
        (true, _) => ", FER+ votes as labels",
        (false, Some(_)) => ", FER+ votes as soft labels",
        (false, None) => "",
    };
    let truth = if is_voted { " against what most FER+ taggers chose" } else { "" };
    let mut accuracy = format!(
        "{} {:.2} %{truth}, ECE {:.3}",
        measured.split,
        measured.all.accuracy * 100.0,
        measured.all.ece
    );
    if let Some(without) = &measured.without_repeats {
        accuracy += &format!("; {:.2} % without repeats of training pictures", without.accuracy * 100.0);
    }
    Description {
        labels: data.training.labels.iter().map(|&label| label.to_owned()).collect(),
        input: InputSpec { colorless: sees_no_color(recipe, data), ..recipe.input_spec() },
        license: args.license.clone(),
        trained_on: Some(format!("{} training pictures of {file}{votes}", data.training.items.len())),
        accuracy: Some(accuracy),
    }
}

/// Whether a network with three channels is trained on gray pictures only.
fn sees_no_color(recipe: &Recipe, data: &Prepared) -> bool {
    let samples = &data.training.dataset.samples;
    let mut pictures = data.training.items.iter().map(|item| &samples[item.sample]);
    recipe.network.color == Color::Rgb && pictures.all(|picture| picture.color == Color::Gray)
}

/// The exported model in ONNX Runtime.
fn exported(model: &Path) -> Result<Classifier, Failure> {
    let config = ModelConfig { file: Some(model.to_owned()), ..ModelConfig::default() };
    let unavailable = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Unavailable,
            anyhow::anyhow!("{} was written but cannot be evaluated: {error}", model.display()),
        )
    };
    let runtime = Runtime::load(&on_all_cores()).map_err(|error| unavailable(&error))?;
    Classifier::load(&runtime, &config).map_err(|error| unavailable(&error))
}

fn split_name(held_out: &HeldOut) -> String {
    match held_out {
        HeldOut::Split(name) => name.clone(),
        HeldOut::Fraction(part) => format!("fraction {part} of the training split"),
    }
}
