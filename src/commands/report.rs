//! `emotiond report`.

use super::start_logs;
use crate::{
    cli::ReportArgs,
    config::LogConfig,
    report::{Comparison, Format, Labels, Recording, ReportError},
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
    let inputs = arguments.events.iter().chain(&arguments.compare);
    if inputs.clone().any(|input| is_same_file(input, &arguments.out)) {
        let error = anyhow::anyhow!(
            "{} holds the events: give the report another name with --out",
            arguments.out.display()
        );
        return Err(Failure::new(Exit::Usage, error));
    }
    let mut recordings = Vec::new();
    for input in inputs {
        let labels = recordings.last().map_or_else(Labels::default, |last: &Recording| last.labels.clone());
        let recording = Recording::read(open(input)?, labels)?;
        for complaint in recording.tally.complaints() {
            tracing::warn!(
                "{}{complaint}",
                if arguments.events.is_some() { String::new() } else { name(input) + ": " }
            );
        }
        recordings.push(recording);
    }
    let used: u64 = recordings.iter().map(|recording| recording.tally.used).sum();
    let mut recordings = recordings.into_iter();
    let report = match (recordings.next(), recordings.next(), &arguments.compare[..]) {
        (Some(a), Some(b), [first, second]) => {
            let both = [(name(first), a), (name(second), b)];
            format.compare(&Comparison::new(both, arguments.align.as_deref())?)?
        }
        (Some(recording), ..) => format.write(&recording)?,
        (None, ..) => unreachable!("the command line names at least one"),
    };
    files::replace(&arguments.out, report.as_ref())
        .with_context(|| format!("cannot write {}", arguments.out.display()))
        .map_err(|error| Failure::new(Exit::Output, error))?;
    tracing::info!("{} written from {used} events", arguments.out.display());
    Ok(())
}

/// The name of a recording: that of its file without folder and extensions.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.strip_suffix(".jsonl").unwrap_or(name).to_owned()
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
            ReportError::NoEvents { .. } | ReportError::NoMarker { .. } => Exit::Data,
            ReportError::Draw(_) => Exit::Software,
        };
        Self::new(exit, error)
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}
