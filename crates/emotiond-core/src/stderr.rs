//! Lines on stderr. One that cannot be written, since the disk is full or its reader has gone, is dropped: what the
//! program does, and the code it ends with, do not depend on it. `eprintln!` would panic.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Stderr without errors: what cannot be written is dropped.
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

/// Writes a line.
pub fn say(line: impl Display) {
    // In one piece, so that lines of several threads do not mix.
    let _ = Stderr.write(format!("{line}\n").as_bytes());
}
