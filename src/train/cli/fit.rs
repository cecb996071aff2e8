//! `emotiond-train fit`.

use super::{Failure, progress};
use crate::classify::description::Description;
use crate::train::checkpoint::CheckpointError;
use crate::train::dataset::Dataset;
use crate::train::examples::{self, Prepared};
use crate::train::fit::{FitError, Job, Outcome, fit};
use crate::train::recipe::{LabelScheme, Recipe};
use crate::train::{device, export};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arguments of `fit`.
#[derive(Args, Debug)]
pub struct FitArgs {
    /// How to train.
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// fer2013.csv or icml_face_data.csv, gzipped or not, or a folder train/<emotion>/*.png|jpg.
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// Where checkpoints, model, report and curves go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Goes on with the run in the folder, as if it had never stopped.
    #[arg(long)]
    resume: bool,
    /// Changes a key of the recipe, as in `fit.epochs=10`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// cpu, cuda or wgpu.
    #[arg(long, value_name = "NAME", default_value = "cpu")]
    device: String,
}

/// Trains.
///
/// # Errors
/// With the contract's exit code when the recipe, the data or the machine does not allow it.
pub fn run(args: &FitArgs) -> Result<(), Failure> {
    let recipe = Recipe::load(&args.recipe, &args.overrides).map_err(|error| Failure::new(78, error))?;
    let device = device::by_name(&args.device).map_err(|error| Failure::new(69, error))?;
    let data = load(&recipe, &args.data)?;
    fs::create_dir_all(&args.out)
        .map_err(|error| Failure::new(74, format!("cannot make {}: {error}", args.out.display())))?;
    let job = Job { recipe: &recipe, data: &data, out: &args.out, resume: args.resume, device: &device };
    let mut watch = progress::for_this_terminal(recipe.fit.epochs);
    let outcome = fit(&job, watch.as_mut()).map_err(|error| Failure::new(exit_code(&error), error))?;
    write_model(&recipe, &outcome, &args.out)
}

fn load(recipe: &Recipe, path: &Path) -> Result<Prepared, Failure> {
    let mut dataset = Dataset::load(path, &recipe.input_spec())?;
    let ferplus = recipe.data.ferplus.as_ref();
    if ferplus.is_some() || recipe.data.labels == LabelScheme::FerPlus8 {
        dataset.join_votes(ferplus.and_then(|ferplus| ferplus.votes.as_deref()))?;
    }
    Ok(examples::prepare(Arc::new(dataset), recipe)?)
}

fn write_model(recipe: &Recipe, outcome: &Outcome, out: &Path) -> Result<(), Failure> {
    let description = Description {
        labels: recipe.data.labels.labels().iter().map(|&label| label.to_owned()).collect(),
        input: recipe.input_spec(),
        license: Some("MIT".to_owned()),
        trained_on: None,
        accuracy: None,
    };
    export::save(&outcome.network, 1.0, &description, &out.join("model.onnx"))
        .map_err(|error| Failure::new(74, error))
}

fn exit_code(error: &FitError) -> u8 {
    match error {
        FitError::Occupied { .. } => 2,
        FitError::Checkpoint(CheckpointError::Write { .. }) => 74,
        FitError::Checkpoint(CheckpointError::Read { .. }) => 66,
        FitError::Checkpoint(CheckpointError::Damaged { .. }) => 65,
        FitError::Checkpoint(CheckpointError::OtherNetwork { .. })
        | FitError::Arch(_)
        | FitError::Diverged(_)
        | FitError::OtherRecipe { .. } => 78,
    }
}
