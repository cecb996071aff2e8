//! JSON Lines out, one object a line, flushed line by line.

use crate::source::Stop;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    stdio,
};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// Writes lines until the reader goes away; then the program is to stop.
pub struct LineSink<W> {
    out: W,
    line: Vec<u8>,
    closed: bool,
    fault: Option<io::Error>,
    stop: Stop,
}

impl<W: Write> LineSink<W> {
    /// A sink that sets `stop` when nobody reads any more.
    pub fn new(out: W, stop: Stop) -> Self {
        Self { out, line: Vec::with_capacity(1024), closed: false, fault: None, stop }
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
            self.close(fault);
        }
    }

    /// Notices that the reader of stdout has gone although there is nothing to write.
    pub fn look_for_reader(&mut self) {
        let stdout = stdio::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
        let ready = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        if !self.closed && ready.is_ok() && fds[0].revents().contains(PollFlags::ERR) {
            self.close(ErrorKind::BrokenPipe.into());
        }
    }

    /// Why lines could not be written; a reader that went away is no fault.
    pub fn into_fault(self) -> Option<io::Error> {
        self.fault
    }

    fn close(&mut self, fault: io::Error) {
        if fault.kind() == ErrorKind::BrokenPipe {
            tracing::info!("nobody reads the events any more: stopping");
        } else {
            self.fault = Some(fault);
        }
        self.closed = true;
        self.stop.set();
    }
}
