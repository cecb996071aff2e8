//! Writes events as JSON Lines and flushes after each line.

use crate::{
    stop::Stop,
    system::{self, OwnedPipe},
    tap::Tap,
};
use arc_swap::{ArcSwapOption, cache::Cache};
use emotiond_send::event::Kind;
use serde::Serialize;
use std::{
    fs::File,
    io::{self, ErrorKind, Seek, Write},
    sync::Arc,
    time::{Duration, Instant},
};

/// Bytes written at once: a pipe that is ready has room for as many, so that the write does not block.
pub const CHUNK: usize = 4096;
/// How often to check whether the program is asked to stop while the reader does not read.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait for a reader that does not read once the program is asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Where event lines go. It must not buffer.
pub trait Destination: Write {
    /// Waits a moment until a write of [`CHUNK`] bytes would not block; `false` if it still would.
    ///
    /// # Errors
    /// When the state of the destination cannot be found.
    fn is_ready(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// Whether the reader has closed its end.
    fn is_abandoned(&self) -> bool {
        false
    }

    /// Removes the last `bytes`, which are a part of a line.
    fn take_back(&mut self, _bytes: u64) {}
}

impl Destination for io::Sink {}

/// A file, pipe or terminal, such as stdout.
pub struct Descriptor(File);

impl Descriptor {
    /// Writes to `descriptor`, which must be in blocking mode.
    pub fn new(descriptor: OwnedPipe) -> Self {
        Self(descriptor.into())
    }
}

impl Write for Descriptor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Destination for Descriptor {
    fn is_ready(&self) -> io::Result<bool> {
        system::wait_for_room(&self.0, POLL_INTERVAL)
    }

    fn is_abandoned(&self) -> bool {
        system::is_abandoned(&self.0)
    }

    /// Shortens a file that ends with the partial line; the next run may append to the file.
    fn take_back(&mut self, bytes: u64) {
        let Ok(file) = self.0.metadata() else { return };
        let is_at_end = self.0.stream_position().is_ok_and(|position| position == file.len());
        if bytes > 0 && file.is_file() && is_at_end {
            // If this fails too, the original error is the one to report.
            let _ = self.0.set_len(file.len().saturating_sub(bytes));
        }
    }
}

/// The tap of a pipeline's lines, while there are outputs. It may be replaced at any time.
pub type TapSlot = Arc<ArcSwapOption<Tap>>;

/// Writes lines until the reader closes its end or the disk is full, and then asks the program to stop.
pub struct LineSink<D> {
    out: D,
    line: Vec<u8>,
    state: State,
    stop: Stop,
    /// Copies the lines for the outputs.
    tap: Cache<TapSlot, Option<Arc<Tap>>>,
}

/// Whether lines can be written.
enum State {
    /// They can.
    Open,
    /// The reader has closed its end.
    Closed,
    /// The reader did not read after the program was asked to stop; this many lines were not written.
    GivenUp(u64),
    /// A write has failed.
    Failed(io::Error),
}

impl<D: Destination> LineSink<D> {
    /// A sink that sets `stop` when it cannot write any more. Its lines are also copied into the tap in `tap`.
    pub fn new(out: D, stop: Stop, tap: TapSlot) -> Self {
        Self { out, line: Vec::with_capacity(1024), state: State::Open, stop, tap: Cache::new(tap) }
    }

    /// Whether the lines are copied for outputs.
    pub fn is_tapped(&mut self) -> bool {
        self.tap.load().is_some()
    }

    /// Writes one event as one line.
    pub fn write(&mut self, kind: Kind, event: &impl Serialize) {
        let tap = self.tap.load().as_deref().filter(|tap| tap.takes(kind));
        if let State::GivenUp(lines) = &mut self.state {
            *lines += 1;
        }
        let is_open = matches!(self.state, State::Open);
        if !is_open && tap.is_none() {
            return;
        }
        self.line.clear();
        if let Err(error) = serde_json::to_writer(&mut self.line, event) {
            tracing::error!("an event cannot be written as JSON: {error}");
            return;
        }
        if let Some(tap) = tap {
            tap.take(kind, &self.line);
        }
        self.line.push(b'\n');
        if is_open && let Err(error) = self.write_line() {
            self.close(error);
        }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let mut written = 0;
        while written < self.line.len() {
            let outcome = self.wait_for_reader().and_then(|()| {
                let end = self.line.len().min(written + CHUNK);
                self.out.write(&self.line[written..end])
            });
            match outcome {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.out.take_back(written as u64);
                    return Err(error);
                }
            }
        }
        self.out.flush()
    }

    /// Waits until the reader takes more; once the whole program is asked to stop, not for long.
    fn wait_for_reader(&self) -> io::Result<()> {
        let mut stopped = None;
        while !self.out.is_ready()? {
            if self.stop.whole().is_set() && stopped.get_or_insert_with(Instant::now).elapsed() > STOP_TIMEOUT
            {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Checks whether the reader has closed its end, when there is nothing to write.
    pub fn look_for_reader(&mut self) {
        if matches!(self.state, State::Open) && self.out.is_abandoned() {
            self.close(ErrorKind::BrokenPipe.into());
        }
    }

    /// Ends the output. Returns the write error, if any; a reader that closed its end is not an error.
    pub fn finish(self) -> Option<io::Error> {
        match self.state {
            State::Open | State::Closed => None,
            State::GivenUp(lines) => {
                tracing::warn!(
                    "{lines} event lines were not written: the reader of the events does not read"
                );
                None
            }
            State::Failed(error) => Some(error),
        }
    }

    fn close(&mut self, error: io::Error) {
        self.state = match error.kind() {
            ErrorKind::BrokenPipe => {
                tracing::info!("the reader of the events has closed its end, stopping");
                State::Closed
            }
            ErrorKind::TimedOut => State::GivenUp(1),
            _ => State::Failed(error),
        };
        self.stop.set();
    }
}
