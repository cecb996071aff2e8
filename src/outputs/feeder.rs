//! The thread that starts the sender, writes to it, and starts it again when it ends.

use super::{
    child::SharedChild,
    pauses::Pauses,
    requests::{self, Asked},
    status,
};
use crate::{
    pipeline::Control,
    sink::{CHUNK, Descriptor, Destination},
    tap::{Line, Tapped},
};
use arc_swap::ArcSwapOption;
use crossbeam_channel::{RecvTimeoutError, Sender};
use emotiond_send::wire::{Opening, write_numbered};
use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a status is written.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How often to check whether the sender has ended while there is no line.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How long the sender may read nothing before it is killed.
const SILENCE: Duration = Duration::from_secs(60);
/// How long to wait for its exit status after its pipe has broken.
const ENDING: Duration = Duration::from_secs(1);

/// The thread's state.
pub(super) struct Feeder {
    pub opening: Opening,
    pub tapped: Tapped,
    /// When the daemon was started.
    pub since: Instant,
    pub watched: Arc<ArcSwapOption<Control>>,
    pub closing: Arc<AtomicBool>,
    pub child: SharedChild,
    pub requests: Sender<Asked>,
}

/// Why the sender gets nothing more.
#[derive(Debug)]
pub(super) enum End {
    /// The daemon ends.
    Closing,
    /// The process has ended, or it has closed its input.
    Ended,
    /// It does not read.
    Silent,
    /// The pipe cannot be used, or the process cannot be started.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl Feeder {
    /// Runs until the daemon ends.
    pub fn run(self) {
        let mut pauses = Pauses::default();
        // A line that an earlier process has not read whole.
        let mut held = None;
        while !self.is_closing() {
            let started = Instant::now();
            let reason = match self.feed(&mut held) {
                End::Closing => break,
                end => self.told(&end),
            };
            self.child.kill();
            if self.is_closing() {
                break;
            }
            let pause = pauses.next(started.elapsed());
            tracing::warn!(
                "the sender of the outputs has ended ({reason}); it is started again in {} s",
                pause.as_secs()
            );
            self.rest(pause);
        }
        let left = std::iter::from_fn(|| self.tapped.wait(Duration::ZERO).ok()).count() + held.iter().count();
        if left > 0 {
            tracing::warn!("{left} event lines did not reach the outputs");
        }
    }

    /// Starts a sender and writes to it until it or the daemon ends.
    fn feed(&self, held: &mut Option<Line>) -> End {
        let (stdin, stdout) = match self.child.start() {
            Ok(pipes) => pipes,
            Err(error) => return End::Broken(error),
        };
        let requests = self.requests.clone();
        let reader = thread::Builder::new()
            .name("requests".to_owned())
            .spawn(move || requests::read(stdout, &requests));
        let end = match reader {
            Ok(_) => self.write_all(Descriptor::new(stdin), held).map_or_else(|end| end, |()| End::Closing),
            Err(error) => End::Broken(error),
        };
        if matches!(end, End::Closing) {
            // Its stdin is closed now: it sends what it has.
            while self.child.ended().is_none() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        end
    }

    /// Writes the opening, then lines and statuses; at the end, the lines that wait and a last status.
    fn write_all(&self, mut out: Descriptor, held: &mut Option<Line>) -> Result<(), End> {
        let mut text = Vec::new();
        self.write_json(&mut out, &self.opening)?;
        let mut status_due = Instant::now();
        loop {
            let is_closing = self.is_closing();
            let now = Instant::now();
            if now >= status_due {
                self.write_status(&mut out)?;
                status_due = now + STATUS_EVERY;
            }
            let patience = if is_closing {
                Duration::ZERO
            } else {
                POLL_INTERVAL.min(status_due.saturating_duration_since(now))
            };
            let line = held.take().map_or_else(|| self.tapped.wait(patience), Ok);
            match line {
                Ok(line) => {
                    write_numbered(&line.counts, &line.json, &mut text);
                    if let Err(end) = self.write(&mut out, &text) {
                        *held = Some(line);
                        return Err(end);
                    }
                    self.tapped.give_back(line);
                }
                Err(_) if is_closing => return self.write_status(&mut out),
                Err(RecvTimeoutError::Timeout) if self.child.ended().is_some() => return Err(End::Ended),
                Err(RecvTimeoutError::Timeout) => {}
                // The daemon is about to end.
                Err(RecvTimeoutError::Disconnected) => thread::sleep(patience),
            }
        }
    }

    fn write_status(&self, out: &mut Descriptor) -> Result<(), End> {
        let control = self.watched.load();
        let Some(control) = control.as_deref() else { return Ok(()) };
        self.write_json(out, &status::of(control, self.since, self.tapped.dropped()))
    }

    fn write_json(&self, out: &mut Descriptor, what: &impl serde::Serialize) -> Result<(), End> {
        let mut text = serde_json::to_vec(what).map_err(io::Error::from)?;
        text.push(b'\n');
        self.write(out, &text)
    }

    /// Writes to the pipe without being blocked by a sender that does not read.
    fn write(&self, out: &mut Descriptor, text: &[u8]) -> Result<(), End> {
        let mut written = 0;
        let mut silent_since = Instant::now();
        while written < text.len() {
            if !out.is_ready()? {
                if self.child.ended().is_some() {
                    return Err(End::Ended);
                }
                if silent_since.elapsed() >= SILENCE {
                    return Err(End::Silent);
                }
                continue;
            }
            match out.write(&text[written..text.len().min(written + CHUNK)]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(End::Ended),
                Err(error) => return Err(End::Broken(error)),
            }
            silent_since = Instant::now();
        }
        Ok(())
    }

    /// Why the sender ended, for the log.
    fn told(&self, end: &End) -> String {
        match end {
            End::Broken(error) => error.to_string(),
            End::Silent => format!("it has read nothing for {} s and was killed", SILENCE.as_secs()),
            End::Ended | End::Closing => {
                let deadline = Instant::now() + ENDING;
                while self.child.ended().is_none() && Instant::now() < deadline {
                    thread::sleep(Duration::from_millis(10));
                }
                let status = self.child.ended().map(|status| status.to_string());
                status.unwrap_or_else(|| "it has closed its input and was killed".to_owned())
            }
        }
    }

    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.is_closing() {
            thread::sleep(POLL_INTERVAL.min(until.saturating_duration_since(Instant::now())));
        }
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}
