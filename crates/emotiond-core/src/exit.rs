//! Exit codes, after BSD's sysexits, and the failure that carries one to `main`.

use crate::stderr;
use std::process::ExitCode;

/// Why the program ends, as a code for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// No frame of the input could be read.
    Data = 65,
    /// A file or folder is not there or may not be read.
    NoInput = 66,
    /// A camera, model, runtime, execution provider or helper program is unavailable or unusable.
    Unavailable = 69,
    /// An error of ours.
    Software = 70,
    /// Events, annotated pictures, a report or text on stdout cannot be written.
    Output = 74,
    /// The configuration is wrong.
    Config = 78,
}

/// An error that knows the exit code of a program that ends with it.
pub trait ExitsWith {
    /// The code.
    fn exit(&self) -> Exit;
}

/// An error on its way to the user, with the code to exit with.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What is wrong and how to mend it.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure from any error.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
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

/// The end of `main`: writes a failure with all its causes to stderr and gives the code to exit with.
pub fn end(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            stderr::say(format_args!("{program}: {:#}", failure.error));
            ExitCode::from(failure.exit as u8)
        }
    }
}
