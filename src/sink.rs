//! JSON Lines out, one object a line, flushed line by line.

use crate::source::Stop;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio,
};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Writes lines until the reader goes away; then the program is to stop.
pub struct LineSink<W> {
    out: W,
    line: Vec<u8>,
    closed: bool,
    stop: Stop,
}

impl<W: Write> LineSink<W> {
    /// A sink that sets `stop` when nobody reads any more.
    pub fn new(out: W, stop: Stop) -> Self {
        Self { out, line: Vec::with_capacity(1024), closed: false, stop }
    }

    /// Writes one event as one line.
    pub fn write(&mut self, event: &impl Serialize) {
        if self.closed {
            return;
        }
        self.line.clear();
        if let Err(fault) = serde_json::to_writer(&mut self.line, event) {
            tracing::error!("an event cannot be written as JSON: {fault}");
            return;
        }
        self.line.push(b'\n');
        if let Err(fault) = self.out.write_all(&self.line).and_then(|()| self.out.flush()) {
            self.close(fault.kind() == ErrorKind::BrokenPipe, &fault.to_string());
        }
    }

    /// Notices that the reader of stdout has gone although there is nothing to write.
    pub fn look_for_reader(&mut self) {
        let stdout = stdio::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        if !self.closed && ready.is_ok() && fds[0].revents().contains(PollFlags::ERR) {
            self.close(true, "the reader of stdout has gone");
        }
    }

    fn close(&mut self, expected: bool, reason: &str) {
        if expected {
            tracing::info!("nobody reads the events any more: stopping");
        } else {
            tracing::error!("the events cannot be written: {reason}");
        }
        self.closed = true;
        self.stop.set();
    }
}
