//! `emotiond-train summary`.

use super::{print, table::Table};
use crate::{
    arch::{self, NetworkSpec},
    frozen::FrozenPart,
    pretrained::Backbone,
    recipe::Recipe,
    summary::summary,
};
use burn::{nn::Initializer, tensor::Device};
use clap::Args;
use emotiond_core::exit::{Exit, Failure};
use std::path::PathBuf;

/// Arguments of `summary`.
#[derive(Args, Debug)]
pub struct SummaryArgs {
    /// The training recipe.
    #[arg(value_name = "RECIPE.toml")]
    recipe: PathBuf,
    /// Overrides a key of the recipe, for example `network.dropout=0.3`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
}

/// Prints the layers of a recipe's network.
///
/// # Errors
/// If the recipe cannot be used; the failure carries the exit code.
pub fn run(args: &SummaryArgs) -> Result<(), Failure> {
    let recipe = Recipe::load(&args.recipe, &args.overrides)?;
    let spec = NetworkSpec::of(&recipe.network, recipe.data.labels.labels().len());
    let wrong = |error: anyhow::Error| Failure::new(Exit::Config, error);
    let network =
        arch::build(&spec, Initializer::Zeros, &Device::flex()).map_err(|error| wrong(error.into()))?;
    let frozen = match &recipe.network.pretrained {
        Some(pretrained) => FrozenPart::of(&network, &Backbone::all_of(&spec), pretrained.freeze)
            .map_err(|error| wrong(error.into()))?,
        None => FrozenPart::default(),
    };
    let rows = summary(&network, &spec, frozen);
    let mut table = Table::new(["layer", "output", "numbers", "trained"]);
    let (mut numbers, mut trained) = (0, 0);
    for row in rows {
        let output: Vec<String> = row.output.iter().map(ToString::to_string).collect();
        table.row([row.layer, output.join("x"), row.numbers.to_string(), row.trained.to_string()]);
        (numbers, trained) = (numbers + row.numbers, trained + row.trained);
    }
    table.row(["all".to_owned(), String::new(), numbers.to_string(), trained.to_string()]);
    print(&table.to_string())
}
