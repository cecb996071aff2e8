//! Writes events as JSON Lines and flushes after each line.

use crate::stop::Stop;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, SeekFrom, fstat, ftruncate, seek},
    stdio,
};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// Writes lines until the reader closes its end or the disk is full, and then asks the program to stop. `out` must not
/// buffer.
pub struct LineSink<W> {
    out: W,
    line: Vec<u8>,
    closed: bool,
    error: Option<io::Error>,
    stop: Stop,
}

impl<W: Write> LineSink<W> {
    /// A sink that sets `stop` when it cannot write any more.
    pub fn new(out: W, stop: Stop) -> Self {
        Self { out, line: Vec::with_capacity(1024), closed: false, error: None, stop }
    }

    /// Writes one event as one line.
    pub fn write(&mut self, event: &impl Serialize) {
        if self.closed {
            return;
        }
        self.line.clear();
        if let Err(error) = serde_json::to_writer(&mut self.line, event) {
            tracing::error!("an event cannot be written as JSON: {error}");
            return;
        }
        self.line.push(b'\n');
        if let Err(error) = self.write_line() {
            self.close(error);
        }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.line.len() {
            match self.out.write(&self.line[written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    take_back(written as u64);
                    return Err(error);
                }
            }
        }
        self.out.flush()
    }

    /// Checks whether the reader of stdout has closed its end, when there is nothing to write.
    pub fn look_for_reader(&mut self) {
        let stdout = stdio::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        if !self.closed && ready.is_ok() && fds[0].revents().contains(PollFlags::ERR) {
            self.close(ErrorKind::BrokenPipe.into());
        }
    }

    /// The write error, if any; a reader that closed its end is not an error.
    pub fn into_error(self) -> Option<io::Error> {
        self.error
    }

    fn close(&mut self, error: io::Error) {
        if error.kind() == ErrorKind::BrokenPipe {
            tracing::info!("the reader of the events has closed its end, stopping");
        } else {
            self.error = Some(error);
        }
        self.closed = true;
        self.stop.set();
    }
}

/// Removes the last bytes of stdout, if stdout is a file that ends with them. They are a partial line, written when the
/// disk became full; the next run may append to the file.
fn take_back(bytes: u64) {
    let stdout = stdio::stdout();
    let Ok(file) = fstat(stdout) else { return };
    let size = u64::try_from(file.st_size).unwrap_or_default();
    let is_file = FileType::from_raw_mode(file.st_mode).is_file();
    if bytes > 0 && is_file && seek(stdout, SeekFrom::Current(0)) == Ok(size) {
        // If this fails too, the original error is the one to report.
        let _ = ftruncate(stdout, size.saturating_sub(bytes));
    }
}
