//! The trainer's command line: parses the arguments, runs the command and sets the exit code.

use clap::{CommandFactory, Parser, Subcommand};
use emotiond_core::{
    exit::end,
    manual::{self, ManualArgs},
};
use emotiond_train::cli;
use std::process::ExitCode;

/// Every step allocates and frees large tensors. glibc would return their pages to the system each time and then
/// page-fault them in again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Trains and evaluates emotion networks for emotiond.
#[derive(Parser, Debug)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Trains a network as a recipe describes.
    Fit(cli::fit::FitArgs),
    /// Evaluates a model as the daemon would run it.
    Eval(cli::eval::EvalArgs),
    /// Counts the pictures, duplicates and constant pictures of a data set.
    Data(cli::data::DataArgs),
    /// Searches for better values of a recipe's keys: grid, random or Bayesian search.
    Search(cli::search::SearchArgs),
    /// Lists the layers of a recipe's network.
    Summary(cli::summary::SummaryArgs),
    /// Compares runs.
    Report(cli::report::ReportArgs),
    /// Write man pages and completions; for `scripts/package`
    #[command(hide = true)]
    Manual(ManualArgs),
}

fn main() -> ExitCode {
    emotiond_train::memory::keep_freed_pages();
    let outcome = match Cli::parse().command {
        Command::Fit(args) => cli::fit::run(&args),
        Command::Eval(args) => cli::eval::run(&args),
        Command::Data(args) => cli::data::run(&args),
        Command::Search(args) => cli::search::run(&args),
        Command::Summary(args) => cli::summary::run(&args),
        Command::Report(args) => cli::report::run(&args),
        Command::Manual(args) => manual::write(Cli::command(), &args),
    };
    end("emotiond-train", outcome)
}
