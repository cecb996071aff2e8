//! The commands of `emotiond-train`: arguments in, exit codes out.

pub mod data;
pub mod eval;
mod events;
pub mod fit;
mod progress;
pub mod report;
mod table;

use std::{
    fmt,
    io::{self, ErrorKind, Write},
};

/// Why a command ended, and the code that the program exits with.
#[derive(Debug)]
pub struct Failure {
    /// After the contract: 2 command line, 65 data unreadable, 66 data missing, 69 device or library unavailable,
    /// 70 a fault of ours, 74 output cannot be written, 78 recipe wrong.
    pub code: u8,
    /// One line.
    pub message: String,
}

impl Failure {
    /// A failure that says what `error` says.
    pub fn new(code: u8, error: impl fmt::Display) -> Self {
        Self { code, message: error.to_string() }
    }
}

impl From<super::dataset::DatasetError> for Failure {
    fn from(error: super::dataset::DatasetError) -> Self {
        Self::new(error.exit_code(), error)
    }
}

/// Prints to stdout; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(74, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
