//! The `emotiond` binary: parses the arguments and runs the command.

use clap::{CommandFactory, Parser};
use emotiond::{
    abort::tell_aborts,
    cli::{Cli, Command, without_secrets},
    commands, overlay,
};
use emotiond_core::{
    exit::{Failure, end},
    manual,
    stderr::say,
    stdout::print,
};
use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

fn main() -> ExitCode {
    tell_aborts();
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
            None if error.use_stderr() => error.exit(),
            None => return end("emotiond", print(&help(&error))),
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
        Command::Run(arguments) => end_now(commands::run::run(&arguments)),
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

/// Ends the program without the libraries' clean-up: after a failure or a stop, some threads may still use them.
fn end_now(outcome: Result<(), Failure>) -> ! {
    let code = outcome.as_ref().err().map_or(0, |failure| failure.exit as i32);
    let _ = end("emotiond", outcome);
    signal_hook::low_level::exit(code)
}

/// The text of `--help` and `--version`.
fn help(error: &clap::Error) -> String {
    let text = error.render();
    if io::stdout().is_terminal() { text.ansi().to_string() } else { text.to_string() }
}
