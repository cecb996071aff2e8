//! A source's watch: hands its frames on, notices when they stay away, opens it again when it fails.

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
    source::{Sought, SourceError, SourceUri, is_plugged_in},
    stop::Stop,
};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use jiff::{SignedDuration, Timestamp};
use std::{
    mem, thread,
    time::{Duration, Instant},
};

/// How often a watch looks up while nothing comes.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Opening takes its time: a source is not called stalled before.
const OPENING: Duration = Duration::from_secs(10);
/// A driver that holds a camera that is gone gets this long to let go of it.
const LETTING_GO: Duration = Duration::from_secs(1);
/// A time that is further behind the one before it means that the system's clock was set back.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_secs(10);

/// One source's way into the pipeline.
pub(super) struct Capture {
    index: usize,
    inbox: Sender<Box<Frame>>,
    /// The inbox's other end, to take an old frame back from.
    waiting: Receiver<Box<Frame>>,
    empty: Receiver<Box<Frame>>,
    /// The frame to be filled next.
    spare: Option<Box<Frame>>,
    schedule: SearchSchedule,
    stalled_after: Duration,
    stop: Stop,
    next_ticket: u64,
    next_number: u64,
    told: Told,
    /// The time of what was sent last.
    latest: Timestamp,
    /// A camera's name, once it was open.
    device_name: Option<String>,
}

/// The state that was told last.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    Nothing,
    Up,
    Stalled,
    Down,
}

/// The pipeline is gone, there is nobody to read for.
struct Abandoned;

/// A source that is open, or is being opened, and what came of it.
struct Session {
    reader: Reader,
    is_open: bool,
    heard: Instant,
    first_frame: Option<Instant>,
}

/// Why a session is over.
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
        }
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Watches until the source ends, fails for good or the program stops. Returns why it failed.
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
                tracing::debug!(source = info.name, "still away: {error}");
            } else if self.tell(info, SourceState::Down(error.to_string()), Timestamp::now()).is_err() {
                return Some(error);
            }
            self.rest(backoff.pause(well, chance()));
        }
    }

    /// Whether a source that failed is opened again: it was there before, or it is waited for.
    fn comes_back(&self, info: &SourceInfo) -> bool {
        let was_there =
            self.device_name.is_some() || matches!(self.told, Told::Up | Told::Stalled | Told::Down);
        info.config.uri.is_live() && (was_there || info.config.wait)
    }

    /// Opens the source and watches it to its end. Returns that, and for how long frames came.
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

    /// Takes the next news, or notices that there are none.
    fn watch(&mut self, session: &mut Session, info: &SourceInfo) -> Result<(), End> {
        let news = session.reader.wait(POLL_INTERVAL);
        if self.stop.is_set() {
            return Err(End::Ended("stopped"));
        }
        match news {
            Ok(News::Opened(device_name)) => {
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
                    // It is up since this frame was captured, which is before it came here.
                    self.tell(info, SourceState::Up, frame.time)?;
                }
                session.first_frame.get_or_insert_with(Instant::now);
                let next = self.hand_on(frame, info)?;
                session.reader.want(next);
            }
            Ok(News::Ended(frame)) => {
                self.spare = Some(frame);
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

    /// A live source that says nothing for long is stalled; one that is gone meanwhile is left to its driver.
    fn notice_silence(&mut self, session: &Session, info: &SourceInfo) -> Result<(), End> {
        let limit = if session.is_open { self.stalled_after } else { self.stalled_after.max(OPENING) };
        let silent_for = session.heard.elapsed();
        if !info.config.uri.is_live() || silent_for < limit {
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
                reason: "it went away while it was stalled".to_owned(),
                remedy: "is it still plugged in?",
            }));
        }
        Ok(())
    }

    /// A camera that was open before is looked for under other numbers, but not where other sources have theirs.
    fn sought(&self, infos: &[SourceInfo]) -> Option<Sought> {
        let others = infos.iter().enumerate().filter(|(index, _)| *index != self.index);
        let except = others.filter_map(|(_, other)| match &other.config.uri {
            SourceUri::Camera(path) => Some(path.clone()),
            _ => None,
        });
        Some(Sought { name: self.device_name.clone()?, except: except.collect() })
    }

    /// The frame that the source's thread keeps is not waited for.
    fn replace_frame(&mut self) {
        self.spare = Some(Box::new(Frame { source: self.index, ..Frame::default() }));
    }

    fn empty_frame(&mut self) -> Result<Box<Frame>, Abandoned> {
        self.spare.take().map_or_else(|| self.empty.recv().map_err(|_| Abandoned), Ok)
    }

    /// Hands a frame to the vision threads and returns the one to fill next.
    fn hand_on(&mut self, mut frame: Box<Frame>, info: &SourceInfo) -> Result<Box<Frame>, Abandoned> {
        frame.number = self.next_number;
        self.next_number += 1;
        self.keep_order(&mut frame);
        if !info.config.uri.is_live() {
            self.send(frame, &info.counters)?;
            return self.empty_frame();
        }
        if self.schedule.is_too_soon(&frame) {
            return Ok(frame);
        }
        self.hand_newest(frame, &info.counters)
    }

    /// Never waits: where the inbox is taken, the old frame in it gives way and its ticket passes on.
    fn hand_newest(&mut self, mut frame: Box<Frame>, counters: &Counters) -> Result<Box<Frame>, Abandoned> {
        if let Ok(mut old) = self.waiting.try_recv() {
            Counters::add(&counters.skipped);
            // News of the source is not to be lost: then this frame gives way.
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

    /// Waits for room in the inbox.
    fn send(&mut self, mut frame: Box<Frame>, counters: &Counters) -> Result<(), Abandoned> {
        frame.search = self.schedule.search(&frame);
        frame.ticket = self.next_ticket;
        self.next_ticket += 1;
        Counters::add(&counters.entered);
        self.inbox.send(frame).map_err(|_| Abandoned)
    }

    /// Times of a source stay or grow from line to line. A frame may have been captured just before something was noticed
    /// that is told before it: it is given that time.
    fn keep_order(&mut self, frame: &mut Frame) {
        let behind = self.latest.duration_since(frame.time);
        if behind.is_positive() && behind < CLOCK_SET_BACK {
            frame.time = self.latest;
        }
        self.latest = frame.time;
    }

    /// Sends news of the source, from the time `since` on, in its place between the frames; waits for room.
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

    /// Sleeps, but not past the end of the program.
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
