//! `emotiond run`.

use super::{effective_config, signals::listen, start_logs, supervise::supervise};
use crate::{cli::RunArgs, pipeline::Outcome, source::SourceError, stop::Stop};
use emotiond_core::exit::{Exit, ExitsWith, Failure};
use std::sync::Arc;

/// Runs until the sources end, a signal arrives or the reader of stdout closes it.
///
/// # Errors
/// When something fails or no frame could be analysed, with the exit code of the contract.
pub fn run(arguments: &RunArgs) -> Result<(), Failure> {
    let config = effective_config(arguments)?;
    start_logs(&config.log)?;
    let stop = Stop::default();
    let watched = Arc::default();
    let reload = listen(&stop, Arc::clone(&watched))?;
    let outcomes = supervise(arguments, config, &stop, &reload, &watched)?;
    conclude(outcomes, &stop)
}

/// Logs the counts of each source. The run has failed if no frame was analysed, if all sources failed, or if a file is
/// missing or was not read whole.
fn conclude(outcomes: Vec<Outcome>, stop: &Stop) -> Result<(), Failure> {
    for outcome in &outcomes {
        let Outcome { name, analysed, unreadable, skipped, .. } = outcome;
        tracing::info!(
            source = name,
            "{analysed} frames analysed, {unreadable} unreadable, {skipped} skipped"
        );
    }
    if stop.is_set() {
        return Ok(());
    }
    let (fine, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.error.is_none());
    let has_frames = fine.iter().any(|outcome| outcome.analysed > 0);
    let all_failed = fine.is_empty();
    let mut failure = None;
    for outcome in failed {
        let Some(error) = outcome.error else { continue };
        let is_incomplete = matches!(error, SourceError::Killed { .. } | SourceError::Helper { .. })
            || error.exit() == Exit::NoInput;
        let is_fatal = all_failed || !has_frames || is_incomplete;
        if is_fatal && failure.is_none() {
            failure = Some(error.into());
        } else {
            tracing::error!(source = outcome.name, "{error}");
        }
    }
    if !has_frames && failure.is_none() {
        failure = Some(nothing_read(&fine));
    }
    failure.map_or(Ok(()), Err)
}

/// The failure of a run in which sources ended without an error, but none of their pictures could be decoded.
fn nothing_read(outcomes: &[Outcome]) -> Failure {
    let told = |outcome: &Outcome| {
        let error = outcome.first_error.as_deref().unwrap_or("it contains none");
        format!("{}: {error}", outcome.name)
    };
    let told: Vec<String> = outcomes.iter().map(told).collect();
    Failure::new(
        Exit::Data,
        anyhow::anyhow!(
            "no picture can be read from {}; give an intact jpg, png, bmp, gif, pnm, tif, webp or a video",
            told.join("; ")
        ),
    )
}
