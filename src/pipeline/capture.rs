//! Supervises a source: passes its frames on, detects stalls, and opens the source again after a failure.

use super::{
    READ_AHEAD,
    backoff::{Backoff, chance},
    reader::{News, Reader, Silence},
    search_schedule::SearchSchedule,
    settings::Shared,
    status::{Counters, SourceInfo},
};
use crate::{
    frame::{Content, Frame, SourceState},
    source::{OnEnd, Sought, SourceError, SourceUri, is_plugged_in},
    stop::Stop,
};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use jiff::{SignedDuration, Timestamp};
use std::{
    mem, thread,
    time::{Duration, Instant},
};

/// How often to check for a stall or a stop while no frame arrives.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Minimum time before a source that is being opened is reported as stalled.
const OPENING: Duration = Duration::from_secs(10);
/// How long a driver may take to release a camera that has been disconnected.
const LETTING_GO: Duration = Duration::from_secs(1);
/// How long the first picture of a source waits for room in the inbox.
const ROOM_TIMEOUT: Duration = Duration::from_secs(1);
/// A larger step backwards in time means that the system clock was set back.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_secs(10);

/// The capture thread of a source.
pub(super) struct Capture {
    index: usize,
    inbox: Sender<Box<Frame>>,
    /// The receiving end of the inbox, to take back an outdated frame.
    waiting: Receiver<Box<Frame>>,
    empty: Receiver<Box<Frame>>,
    /// The frame to fill next.
    spare: Option<Box<Frame>>,
    schedule: SearchSchedule,
    stalled_after: Duration,
    stop: Stop,
    next_ticket: u64,
    next_number: u64,
    told: Told,
    /// The time of the last frame or state sent.
    latest: Timestamp,
    /// A camera's device name, known once it has been opened.
    device_name: Option<String>,
    /// Whether an address has turned out to be a recorded file.
    is_recorded: bool,
}

/// The last state reported.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Up,
    Stalled,
    Down,
}

/// The pipeline has ended.
struct Abandoned;

/// A source that is open or being opened.
struct Session {
    reader: Reader,
    is_open: bool,
    heard: Instant,
    first_frame: Option<Instant>,
}

/// Why a session ended.
enum End {
    Ended(&'static str),
    Failed(SourceError),
}

impl From<Abandoned> for End {
    fn from(_: Abandoned) -> Self {
        Self::Ended("the pipeline has ended")
    }
}

impl Capture {
    pub fn new(
        index: usize,
        inbox: Sender<Box<Frame>>,
        waiting: Receiver<Box<Frame>>,
        empty: Receiver<Box<Frame>>,
        settings: &Shared,
        stalled_after: Duration,
        stop: Stop,
    ) -> Self {
        Self {
            index,
            inbox,
            waiting,
            empty,
            spare: None,
            schedule: SearchSchedule::new(index, settings),
            stalled_after,
            stop,
            next_ticket: 0,
            next_number: 0,
            told: Told::Nothing,
            latest: Timestamp::MIN,
            device_name: None,
            is_recorded: false,
        }
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Runs until the source ends or fails permanently or the program stops. Returns the error if it failed.
    pub fn run(mut self, infos: &[SourceInfo]) -> Option<SourceError> {
        let info = &infos[self.index];
        let mut backoff = Backoff::new();
        loop {
            let (end, well) = self.watch_once(infos);
            let error = match end {
                End::Ended(reason) => {
                    let _ = self.tell(info, SourceState::Ended(reason.to_owned()), Timestamp::now());
                    return None;
                }
                End::Failed(error) => error,
            };
            if !self.comes_back(info) || self.stop.is_set() {
                let _ = self.tell(info, SourceState::Ended(error.to_string()), Timestamp::now());
                return Some(error);
            }
            if self.told == Told::Down {
                tracing::debug!(source = info.name, "still unavailable: {error}");
            } else if self.tell(info, SourceState::Down(error.to_string()), Timestamp::now()).is_err() {
                return Some(error);
            }
            self.rest(backoff.pause(well, chance()));
        }
    }

    /// Whether a failed source is opened again: it must be live, and have been open before or have `wait` set.
    fn comes_back(&self, info: &SourceInfo) -> bool {
        let was_there =
            self.device_name.is_some() || matches!(self.told, Told::Up | Told::Stalled | Told::Down);
        self.is_live(info) && (was_there || info.config.wait)
    }

    fn is_live(&self, info: &SourceInfo) -> bool {
        info.config.uri.is_live() && !self.is_recorded
    }

    /// Opens the source and reads it to its end. Returns why it ended, and for how long frames arrived.
    fn watch_once(&mut self, infos: &[SourceInfo]) -> (End, Duration) {
        let info = &infos[self.index];
        let name = format!("read-{}", self.index);
        let sought = self.sought(infos);
        let reader = match Reader::start(&name, &info.config, sought, info.max_megapixels, &self.stop) {
            Ok(reader) => reader,
            Err(error) => return (End::Failed(SourceError::Thread(error)), Duration::ZERO),
        };
        let mut session = Session { reader, is_open: false, heard: Instant::now(), first_frame: None };
        let end = loop {
            if let Err(end) = self.watch(&mut session, info) {
                break end;
            }
        };
        (end, session.first_frame.map_or(Duration::ZERO, |first| session.heard.duration_since(first)))
    }

    /// Handles the reader's next message, or its absence.
    fn watch(&mut self, session: &mut Session, info: &SourceInfo) -> Result<(), End> {
        let news = session.reader.wait(POLL_INTERVAL);
        if self.stop.is_set() {
            return Err(End::Ended("stopped"));
        }
        match news {
            Ok(News::Opened { device_name, is_recorded }) => {
                self.is_recorded = is_recorded;
                self.device_name = device_name.or(self.device_name.take());
                session.is_open = true;
                let frames = if info.config.uri.is_live() { 1 } else { READ_AHEAD };
                for _ in 0..frames {
                    let frame = self.empty_frame()?;
                    session.reader.want(frame);
                }
            }
            Ok(News::Frame(frame)) => {
                if self.told != Told::Up {
                    // The source has been up since this frame was captured.
                    self.tell(info, SourceState::Up, frame.time)?;
                    self.wait_for_room();
                }
                session.first_frame.get_or_insert_with(Instant::now);
                let next = self.hand_on(frame, info)?;
                session.reader.want(next);
            }
            Ok(News::Unchanged) => {
                if self.told == Told::Stalled {
                    self.tell(info, SourceState::Up, Timestamp::now())?;
                }
            }
            Ok(News::Ended(frame)) => {
                self.spare = Some(frame);
                if self.is_live(info) && info.config.on_end == OnEnd::Reopen {
                    return Err(End::Failed(SourceError::Closed(info.config.uri.to_string())));
                }
                return Err(End::Ended(end_reason(&info.config.uri)));
            }
            Ok(News::Failed(error, frame)) => {
                self.spare = frame.or(self.spare.take());
                return Err(End::Failed(error));
            }
            Err(Silence::Panicked) => {
                self.replace_frame();
                return Err(End::Failed(SourceError::Panic(info.name.clone())));
            }
            Err(Silence::Patience) => return self.notice_silence(session, info),
        }
        session.heard = Instant::now();
        Ok(())
    }

    /// Reports a live source as stalled after the time-out. If its device has been removed, abandons the session, whose
    /// thread may be blocked in the driver.
    fn notice_silence(&mut self, session: &Session, info: &SourceInfo) -> Result<(), End> {
        let limit = if session.is_open { self.stalled_after } else { self.stalled_after.max(OPENING) };
        let silent_for = session.heard.elapsed();
        if !self.is_live(info) || silent_for < limit {
            return Ok(());
        }
        if self.told != Told::Stalled {
            let reason = format!("no frame for {:.1} seconds", silent_for.as_secs_f64());
            self.tell(info, SourceState::Stalled(reason), Timestamp::now())?;
        }
        let SourceUri::Camera(device) = &info.config.uri else { return Ok(()) };
        if silent_for >= limit + LETTING_GO && !is_plugged_in(device) {
            self.replace_frame();
            return Err(End::Failed(SourceError::Camera {
                camera: info.config.uri.to_string(),
                reason: "the device disappeared while the camera was stalled".to_owned(),
                remedy: "check that it is connected",
            }));
        }
        Ok(())
    }

    /// A camera that was open before is also tried under other numbers, except those of other sources.
    fn sought(&self, infos: &[SourceInfo]) -> Option<Sought> {
        let others = infos.iter().enumerate().filter(|(index, _)| *index != self.index);
        let except = others.filter_map(|(_, other)| match &other.config.uri {
            SourceUri::Camera(path) => Some(path.clone()),
            _ => None,
        });
        Some(Sought { name: self.device_name.clone()?, except: except.collect() })
    }

    /// Replaces the frame that an abandoned reader thread still holds.
    fn replace_frame(&mut self) {
        self.spare = Some(Box::new(Frame { source: self.index, ..Frame::default() }));
    }

    fn empty_frame(&mut self) -> Result<Box<Frame>, Abandoned> {
        self.spare.take().map_or_else(|| self.empty.recv().map_err(|_| Abandoned), Ok)
    }

    /// Passes a frame to the vision threads and returns the one to fill next.
    fn hand_on(&mut self, mut frame: Box<Frame>, info: &SourceInfo) -> Result<Box<Frame>, Abandoned> {
        frame.number = self.next_number;
        self.next_number += 1;
        self.keep_order(&mut frame);
        if !self.is_live(info) {
            self.send(frame, &info.counters)?;
            return self.empty_frame();
        }
        if self.schedule.is_too_soon(&frame) {
            return Ok(frame);
        }
        self.hand_newest(frame, &info.counters)
    }

    /// Never blocks: a frame that is still in the inbox is replaced, and the new frame gets its ticket.
    fn hand_newest(&mut self, mut frame: Box<Frame>, counters: &Counters) -> Result<Box<Frame>, Abandoned> {
        if let Ok(mut old) = self.waiting.try_recv() {
            Counters::add(&counters.skipped);
            // A change of state must not be lost; in that case, the new frame is dropped instead.
            if old.content == Content::Picture {
                (frame.ticket, frame.search) = (old.ticket, old.search);
                mem::swap(&mut frame, &mut old);
            }
            self.inbox.try_send(old).map_err(|_| Abandoned)?;
            return Ok(frame);
        }
        let Ok(next) = self.empty.try_recv() else {
            Counters::add(&counters.skipped);
            return Ok(frame);
        };
        frame.search = self.schedule.search(&frame);
        frame.ticket = self.next_ticket;
        match self.inbox.try_send(frame) {
            Ok(()) => {
                self.next_ticket += 1;
                Counters::add(&counters.entered);
                Ok(next)
            }
            Err(TrySendError::Full(_)) => unreachable!("only this thread fills the inbox"),
            Err(TrySendError::Disconnected(_)) => Err(Abandoned),
        }
    }

    /// Sends a frame; waits until there is room in the inbox.
    fn send(&mut self, mut frame: Box<Frame>, counters: &Counters) -> Result<(), Abandoned> {
        frame.search = self.schedule.search(&frame);
        frame.ticket = self.next_ticket;
        self.next_ticket += 1;
        Counters::add(&counters.entered);
        self.inbox.send(frame).map_err(|_| Abandoned)
    }

    /// Ensures that the times of a source never decrease from line to line. A frame may have been captured just before
    /// a change of state that was sent first; it then gets the time of that change.
    fn keep_order(&mut self, frame: &mut Frame) {
        let behind = self.latest.duration_since(frame.time);
        if behind.is_positive() && behind < CLOCK_SET_BACK {
            frame.time = self.latest;
        }
        self.latest = frame.time;
    }

    /// Sends a change of state at the time `since`, in order with the frames; waits until there is room.
    fn tell(&mut self, info: &SourceInfo, state: SourceState, since: Timestamp) -> Result<(), Abandoned> {
        self.told = match &state {
            SourceState::Up => Told::Up,
            SourceState::Stalled(_) => Told::Stalled,
            SourceState::Down(_) | SourceState::Ended(_) => Told::Down,
        };
        let mut frame = self.empty.recv().map_err(|_| Abandoned)?;
        frame.clear();
        frame.stamp();
        frame.time = since;
        self.keep_order(&mut frame);
        frame.content = Content::State(state);
        self.send(frame, &info.counters)
    }

    /// Waits until the state in the inbox has been taken, which would otherwise displace the first picture: there may be
    /// no other one, if it does not change.
    fn wait_for_room(&self) {
        let until = Instant::now() + ROOM_TIMEOUT;
        while !self.waiting.is_empty() && Instant::now() < until && !self.stop.is_set() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sleeps until the pause is over or the program stops.
    fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
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
