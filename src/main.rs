//! The `emotiond` binary: parses the arguments and runs the command.

use clap::Parser;
use emotiond::{
    cli::{Cli, Command},
    commands, overlay,
};
use emotiond_core::exit::end;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Cameras => commands::cameras::run(),
        Command::Schema => commands::schema::run(),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Window(arguments) => overlay::run(arguments.width, arguments.height),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
    };
    end("emotiond", outcome)
}
