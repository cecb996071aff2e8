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
            let told = format!("{program}: {:#}", failure.error);
            stderr::say(stderr::one_line(&told, None));
            ExitCode::from(failure.exit as u8)
        }
    }
}
