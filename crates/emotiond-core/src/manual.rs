//! Man pages and completions for shells, written from a program's command line.

use crate::exit::{Exit, Failure};
use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Arguments of the hidden command `manual`.
#[derive(Args, Debug)]
pub struct ManualArgs {
    /// Folder for the files; it is created
    pub dir: PathBuf,
}

/// Writes one man page for `program` and for each of its commands, and completions for bash, zsh and fish. Hidden
/// commands and options are left out.
///
/// # Errors
/// When a file cannot be written.
pub fn write(program: Command, arguments: &ManualArgs) -> Result<(), Failure> {
    let dir = &arguments.dir;
    write_files(program, dir)
        .with_context(|| format!("{} cannot be written", dir.display()))
        .map_err(|error| Failure::new(Exit::Output, error))
}

fn write_files(program: Command, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut shown = without_hidden(&program);
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut shown, program.get_name(), dir)?;
    }
    clap_mangen::generate_to(program, dir)
}

/// A command with its visible options and commands: `clap_complete` would suggest hidden ones.
fn without_hidden(command: &Command) -> Command {
    let arguments = command.get_arguments().filter(|argument| !argument.is_hide_set()).cloned();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).map(without_hidden);
    let mut shown = Command::new(command.get_name().to_owned()).args(arguments).subcommands(commands);
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    if let Some(version) = command.get_version() {
        shown = shown.version(version.to_owned());
    }
    shown
}
