//! Exit codes, based on BSD's sysexits, and an error type that carries an exit code to `main`.

use crate::stderr;
use std::{io, process::ExitCode};

/// The exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// No frame of the input could be read.
    Data = 65,
    /// A file or folder does not exist or cannot be read.
    NoInput = 66,
    /// A camera, model, runtime, execution provider or helper program is unavailable or unusable.
    Unavailable = 69,
    /// An internal error.
    Software = 70,
    /// Events, annotated pictures, a report or text on stdout cannot be written.
    Output = 74,
    /// The configuration is wrong.
    Config = 78,
}

/// An error with an exit code.
pub trait ExitsWith {
    /// The exit code of a program that ends with this error.
    fn exit(&self) -> Exit;
}

/// An error for the user, with an exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong and how to fix it.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with any error.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// The failure to start a thread.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub fn no_thread(error: io::Error) -> Self {
        Self::new(
            Exit::Unavailable,
            anyhow::anyhow!(
                "the system starts no more threads ({error}): stop other programs, or raise the limits of threads and \
                 memory (`ulimit -u -v`, or TasksMax= and MemoryMax= of the service)"
            ),
        )
    }
}

impl<E> From<E> for Failure
where
    E: ExitsWith + std::error::Error + Send + Sync + 'static,
{
    fn from(error: E) -> Self {
        Self::new(error.exit(), error)
    }
}

/// Ends `main`: writes a failure with all its causes to stderr and returns the exit code.
pub fn end(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            stderr::say(stderr::one_line(&format!("{program}: {}", with_causes(&failure.error)), None));
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// An error and its causes in one text, without a cause that the message before it already ends with.
fn with_causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told.as_str() {
        "" => cause,
        told if told.ends_with(&cause) => told.to_owned(),
        told => format!("{told}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow::anyhow!("no space").context("cannot write a: no space").context("the run ends");
        assert_eq!(with_causes(&error), "the run ends: cannot write a: no space");
    }
}
