//! Prints a command's output to stdout.

use crate::exit::{Exit, Failure};
use anyhow::Context;
use std::io::{self, ErrorKind, Write};

/// Prints `text`. It is not an error if the reader has closed the pipe.
///
/// # Errors
/// When stdout cannot be written; the exit code is that for output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error)
            .context("stdout cannot be written; is the disk full?")
            .map_err(|error| Failure::new(Exit::Output, error)),
        _ => Ok(()),
    }
}
