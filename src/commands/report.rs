//! `emotiond report`.

use super::start_logs;
use crate::{
    cli::ReportArgs,
    config::LogConfig,
    report::{Format, Recording, ReportError},
};
use anyhow::Context;
use emotiond_core::{
    exit::{Exit, Failure},
    files,
};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// Summarises a recording.
///
/// # Errors
/// When the output file's extension is unknown, the recording cannot be read or contains no event, or the report cannot
/// be written.
pub fn run(arguments: &ReportArgs) -> Result<(), Failure> {
    let format = Format::of(&arguments.out)?;
    start_logs(&LogConfig::default())?;
    if is_same_file(&arguments.events, &arguments.out) {
        let error = anyhow::anyhow!(
            "{} holds the events: give the report another name with --out",
            arguments.out.display()
        );
        return Err(Failure::new(Exit::Usage, error));
    }
    let recording = Recording::read(open(&arguments.events)?)?;
    for complaint in recording.tally.complaints() {
        tracing::warn!("{complaint}");
    }
    let report = format.write(&recording)?;
    files::replace(&arguments.out, report.as_ref())
        .with_context(|| format!("cannot write {}", arguments.out.display()))
        .map_err(|error| Failure::new(Exit::Output, error))?;
    tracing::info!("{} written from {} events", arguments.out.display(), recording.tally.used);
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let refuse = |reason: &dyn std::fmt::Display| {
        let hint = "give a file of events, or - for stdin";
        Failure::new(Exit::NoInput, anyhow::anyhow!("cannot read {}: {reason}; {hint}", path.display()))
    };
    if path.is_dir() {
        return Err(refuse(&"it is a folder"));
    }
    Ok(Box::new(File::open(path).map_err(|error| refuse(&error))?))
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let exit = match error {
            ReportError::Ending(_) => Exit::Usage,
            ReportError::NoEvents { .. } => Exit::Data,
            ReportError::Draw(_) => Exit::Software,
        };
        Self::new(exit, error)
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
