//! The `emotiond` binary: parses the arguments and runs the command.

use clap::{CommandFactory, Parser};
use emotiond::{
    cli::{Cli, Command, without_secrets},
    commands, overlay,
};
use emotiond_core::{exit::end, manual, stderr::say};
use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match without_secrets(
            &error,
            std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()),
        ) {
            Some(message) => {
                say(&message);
                return ExitCode::from(2);
            }
            None => error.exit(),
        },
    };
    let Some(command) = cli.command else {
        if io::stdout().is_terminal() {
            return end("emotiond", commands::welcome::run());
        }
        say(Cli::command().render_help().to_string());
        return ExitCode::from(2);
    };
    let outcome = match command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Cameras => commands::cameras::run(),
        Command::Schema => commands::schema::run(),
        Command::Config(arguments) => commands::config::run(&arguments),
        Command::Window(arguments) => overlay::run(arguments.width, arguments.height),
        Command::Bench(arguments) => commands::bench::run(&arguments),
        Command::Report(arguments) => commands::report::run(&arguments),
        Command::Send(arguments) => commands::send::run(&arguments),
        Command::Manual(arguments) => manual::write(Cli::command(), &arguments),
    };
    end("emotiond", outcome)
}
