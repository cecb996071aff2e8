//! The trainer's command line: arguments to a command to an exit code, nothing else.

use clap::{Parser, Subcommand};
use emotiond_core::exit::end;
use emotiond_train::cli;
use std::process::ExitCode;

/// Large tensors come and go at every step: glibc would hand their pages back and error them in again each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains and examines emotion networks for emotiond.
#[derive(Parser, Debug)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Trains a network after a recipe.
    Fit(cli::fit::FitArgs),
    /// Evaluates a model as the daemon would run it.
    Eval(cli::eval::EvalArgs),
    /// Counts a data set's pictures, its duplicates and its constant pictures.
    Data(cli::data::DataArgs),
    /// Searches for better values of a recipe's keys: grid, random or Bayesian.
    Search(cli::search::SearchArgs),
    /// Lays runs side by side.
    Report(cli::report::ReportArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Fit(args) => cli::fit::run(&args),
        Command::Eval(args) => cli::eval::run(&args),
        Command::Data(args) => cli::data::run(&args),
        Command::Search(args) => cli::search::run(&args),
        Command::Report(args) => cli::report::run(&args),
    };
    end("emotiond-train", outcome)
}
