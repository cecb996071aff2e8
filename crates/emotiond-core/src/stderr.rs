//! Writes lines to stderr. A line that cannot be written, because the disk is full or the reader has closed the pipe,
//! is dropped, so that it does not change the program's behaviour or exit code. `eprintln!` would panic.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// A writer to stderr that ignores errors.
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

/// Writes a line to stderr.
pub fn say(line: impl Display) {
    // With a single write, so that lines of several threads do not mix.
    let _ = Stderr.write(format!("{line}\n").as_bytes());
}
