//! A source's thread: reads frames and puts them into the inbox; opens the source again when it fails.

use super::{Counters, SourceInfo};
use crate::{
    frame::{Content, Frame, SourceState},
    source::{self, Read, Source, SourceError, SourceUri, Stop},
};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use std::{
    thread,
    time::{Duration, Instant},
};

/// The first and the longest pause before a lost source is opened again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One source's way into the pipeline.
pub(super) struct Capture {
    index: usize,
    inbox: Sender<Box<Frame>>,
    /// The inbox's other end, to take an old frame back from.
    waiting: Receiver<Box<Frame>>,
    empty: Receiver<Box<Frame>>,
    stop: Stop,
    next_ticket: u64,
    next_number: u64,
}

/// The pipeline is gone, there is nobody to read for.
struct Abandoned;

impl Capture {
    pub fn new(
        index: usize,
        inbox: Sender<Box<Frame>>,
        waiting: Receiver<Box<Frame>>,
        empty: Receiver<Box<Frame>>,
        stop: Stop,
    ) -> Self {
        Self { index, inbox, waiting, empty, stop, next_ticket: 0, next_number: 0 }
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Reads until the source ends, fails for good or the program stops. Returns why it failed.
    pub fn run(mut self, infos: &[SourceInfo]) -> Option<SourceError> {
        let info = &infos[self.index];
        let mut pause = FIRST_PAUSE;
        let mut was_up = false;
        loop {
            let (fault, came_up) = match self.read_all(info) {
                Ok(reason) => {
                    let _ = self.tell(SourceState::Ended(reason.to_owned()));
                    return None;
                }
                Err((fault, came_up)) => (fault, came_up),
            };
            was_up |= came_up;
            let comes_back = was_up && info.config.uri.is_live();
            if !comes_back || self.stop.is_set() {
                let _ = self.tell(SourceState::Ended(fault.to_string()));
                return Some(fault);
            }
            if came_up {
                tracing::warn!(source = info.name, "{fault}");
                pause = FIRST_PAUSE;
                if self.tell(SourceState::Down(fault.to_string())).is_err() {
                    return Some(fault);
                }
            }
            self.rest(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Opens the source and reads it to its end; returns the reason for the end. On a failure, also whether frames
    /// had come.
    fn read_all(&mut self, info: &SourceInfo) -> Result<&'static str, (SourceError, bool)> {
        let mut source =
            source::open(&info.config, info.max_megapixels, &self.stop).map_err(|fault| (fault, false))?;
        let mut came_up = false;
        let Ok(mut frame) = self.empty.recv() else { return Ok("the pipeline has ended") };
        while !self.stop.is_set() {
            frame.clear();
            match self.read_one(&mut *source, &mut frame) {
                Ok(Read::Frame) => {}
                Ok(Read::Ended) if self.stop.is_set() => break,
                Ok(Read::Ended) => return Ok(end_reason(&info.config.uri)),
                Err(fault) => return Err((fault, came_up)),
            }
            if !came_up {
                came_up = true;
                if self.tell(SourceState::Up).is_err() {
                    break;
                }
            }
            let handed = if info.config.uri.is_live() {
                self.hand_newest(frame, &info.counters)
            } else {
                self.hand(frame)
            };
            match handed {
                Ok(next) => frame = next,
                Err(Abandoned) => return Ok("the pipeline has ended"),
            }
        }
        Ok("stopped")
    }

    fn read_one(&mut self, source: &mut dyn Source, frame: &mut Frame) -> Result<Read, SourceError> {
        let read = source.read(frame)?;
        if read == Read::Frame {
            frame.number = self.next_number;
            self.next_number += 1;
        }
        Ok(read)
    }

    /// Waits for room in the inbox and for the next empty frame.
    fn hand(&mut self, mut frame: Box<Frame>) -> Result<Box<Frame>, Abandoned> {
        frame.ticket = self.next_ticket;
        self.next_ticket += 1;
        self.inbox.send(frame).map_err(|_| Abandoned)?;
        self.empty.recv().map_err(|_| Abandoned)
    }

    /// Never waits: where the inbox is taken, the old frame in it gives way and its ticket passes on.
    fn hand_newest(&mut self, mut frame: Box<Frame>, counters: &Counters) -> Result<Box<Frame>, Abandoned> {
        if let Ok(old) = self.waiting.try_recv() {
            if old.content == Content::Picture {
                Counters::add(&counters.skipped);
                frame.ticket = old.ticket;
                self.inbox.try_send(frame).map_err(|_| Abandoned)?;
                return Ok(old);
            }
            // News of the source is not to be lost: this frame gives way.
            self.inbox.try_send(old).map_err(|_| Abandoned)?;
            Counters::add(&counters.skipped);
            return Ok(frame);
        }
        let Ok(next) = self.empty.try_recv() else {
            Counters::add(&counters.skipped);
            return Ok(frame);
        };
        frame.ticket = self.next_ticket;
        match self.inbox.try_send(frame) {
            Ok(()) => {
                self.next_ticket += 1;
                Ok(next)
            }
            Err(TrySendError::Full(_)) => unreachable!("only this thread fills the inbox"),
            Err(TrySendError::Disconnected(_)) => Err(Abandoned),
        }
    }

    /// Sends news of the source in its place between the frames; waits for room.
    fn tell(&mut self, state: SourceState) -> Result<(), Abandoned> {
        let mut frame = self.empty.recv().map_err(|_| Abandoned)?;
        frame.clear();
        frame.stamp();
        frame.content = Content::State(state);
        frame.ticket = self.next_ticket;
        self.next_ticket += 1;
        self.inbox.send(frame).map_err(|_| Abandoned)
    }

    /// Sleeps, with some jitter so that many sources do not wake at once, but not past the end of the program.
    fn rest(&self, pause: Duration) {
        let jitter = 0.8 + 0.4 * f64::from(jiff::Timestamp::now().subsec_nanosecond() % 1000) / 1000.0;
        let until = Instant::now() + pause.mul_f64(jitter);
        while Instant::now() < until && !self.stop.is_set() {
            thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
        }
    }
}

fn end_reason(uri: &SourceUri) -> &'static str {
    match uri {
        SourceUri::Camera(_) | SourceUri::Stream(_) | SourceUri::Stdin => "the stream has ended",
        SourceUri::Video(_) | SourceUri::Clip(_) => "the end of the file",
        SourceUri::Image(_) | SourceUri::Folder(_) => "all pictures are read",
    }
}
