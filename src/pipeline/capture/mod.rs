//! Supervises a source: passes its frames on, detects stalls, and opens the source again after a failure.
mod closing;
mod gate;
mod handing_over;
mod pressure;
mod sending;
mod session;
mod share;

pub(super) use handing_over::{Carried, Done};
pub(super) use share::Share;

use super::{
    Context,
    backoff::{Backoff, chance},
    handover::FirstOf,
    reader::{News, Silence},
    settings::Look,
    source_info::SourceInfo,
};
use crate::{
    frame::Frame,
    message::{Clock, Message, Moment, SourceState},
    source::{OnEnd, Sought, SourceError, SourceUri, is_plugged_in},
    stop::Stop,
};
use crossbeam_channel::{Receiver, Sender};
use gate::Gate;
use pressure::Pressure;
use session::{Session, ahead};
use std::{
    sync::Arc,
    thread,
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

/// The capture thread of a source.
pub(super) struct Capture {
    index: usize,
    infos: Arc<[SourceInfo]>,
    queues: Queues,
    /// The frames to fill next.
    #[expect(clippy::vec_box, reason = "the frames move on in their boxes")]
    spare: Vec<Box<Frame>>,
    /// What another pipeline goes on with.
    carried: Carried,
    gate: Gate,
    pressure: Pressure,
    stalled_after: Duration,
    clock: Clock,
    stop: Stop,
    next_ticket: u64,
    /// Whether it was a source before the configuration was read again.
    is_known: bool,
    /// The result of a source that the previous pipeline has read to its end.
    finished: Option<Option<SourceError>>,
}

/// The queues of a capture thread.
pub(super) struct Queues {
    pub inbox: Sender<Message>,
    /// The receiving end of the inbox, to take back an outdated frame.
    pub waiting: Receiver<Message>,
    /// Frames that have left the pipeline.
    pub empty: Receiver<Box<Frame>>,
    pub share: Share,
}

/// The pipeline has ended.
struct Abandoned;

/// Why a session ended.
enum End {
    /// The pipeline is asked to stop; the session may go on in the next one.
    Stopped,
    Ended(&'static str),
    Failed(SourceError),
    /// The source is not to be read now.
    Closed,
}

impl From<Abandoned> for End {
    fn from(_: Abandoned) -> Self {
        Self::Ended("the pipeline has ended")
    }
}

impl Capture {
    /// `first`: what the previous pipeline has left of the source.
    pub fn new(
        index: usize,
        context: &Context,
        queues: Queues,
        stalled_after: Duration,
        first: FirstOf,
    ) -> Self {
        let FirstOf { is_known, finished, capture: carried, .. } = first;
        let carried = match carried {
            Some(carried) => carried.moved(index, &context.settings),
            None => Carried::new(index, &context.settings),
        };
        Self {
            index,
            infos: Arc::clone(&context.infos),
            queues,
            spare: Vec::new(),
            carried,
            gate: Gate::new(index, Look::new(Arc::clone(&context.settings))),
            pressure: Pressure::new(),
            stalled_after,
            clock: context.clock,
            stop: context.stop.clone(),
            next_ticket: 0,
            is_known,
            finished,
        }
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Runs until the source ends or fails permanently, or the pipeline stops.
    pub fn run(mut self) -> Done {
        if let Some(error) = self.finished.take() {
            return Done::Ended(error);
        }
        let infos = Arc::clone(&self.infos);
        let info = &infos[self.index];
        let mut backoff = Backoff::new();
        loop {
            if self.carried.session.is_none() && self.wait_while_closed(info).is_err() {
                return Done::Ended(None);
            }
            if self.stop.is_set() {
                return self.leave(info);
            }
            let (end, well) = self.watch_once(&infos);
            let error = match end {
                // A stop is noticed above.
                End::Closed | End::Stopped => continue,
                End::Ended(reason) => {
                    let _ = self.tell(info, SourceState::Ended, reason.to_owned(), self.clock.now());
                    return Done::Ended(None);
                }
                End::Failed(error) => error,
            };
            if self.carried.told != SourceState::Down
                && let Some(camera) = &mut self.carried.camera
            {
                camera.look_around();
            }
            if !self.comes_back(info) || self.is_over() {
                let _ = self.tell(info, SourceState::Ended, error.to_string(), self.clock.now());
                return Done::Ended(Some(error));
            }
            if self.carried.told == SourceState::Down && !self.carried.told_planned {
                tracing::debug!(source = info.name, "still unavailable: {error}");
            } else if self.tell(info, SourceState::Down, error.to_string(), self.clock.now()).is_err() {
                return Done::Ended(Some(error));
            }
            self.rest(info, backoff.pause(well, chance()));
        }
    }

    /// Whether a failed source is opened again: it must be live, and have been open before or have `wait` set.
    fn comes_back(&self, info: &SourceInfo) -> bool {
        let was_there =
            self.is_known || self.carried.camera.is_some() || self.carried.told != SourceState::Opening;
        self.is_live(info) && (was_there || info.config.wait)
    }

    fn is_live(&self, info: &SourceInfo) -> bool {
        info.config.uri.is_live() && !self.carried.is_recorded
    }

    /// Opens the source and reads it to its end. Returns why it ended, and for how long frames arrived.
    fn watch_once(&mut self, infos: &[SourceInfo]) -> (End, Duration) {
        let info = &infos[self.index];
        let handed_over = self.carried.session.take().map(Ok);
        let begun = handed_over.unwrap_or_else(|| {
            Session::begin(self.index, info, self.sought(infos), self.clock, &self.stop.whole())
        });
        let mut session = match begun {
            Ok(session) => session,
            Err(error) => return (End::Failed(error), Duration::ZERO),
        };
        let end = loop {
            if let Err(end) = self.watch(&mut session, info) {
                break end;
            }
        };
        let well = session.first_frame.map_or(Duration::ZERO, |first| session.heard.duration_since(first));
        match end {
            End::Closed => self.close(session, info),
            End::Stopped => self.carried.session = Some(session),
            End::Ended(_) | End::Failed(_) => {}
        }
        (end, well)
    }

    /// Handles the reader's next message, or its absence.
    fn watch(&mut self, session: &mut Session, info: &SourceInfo) -> Result<(), End> {
        self.notice_gate(session, info)?;
        let news = match session.pending.take() {
            Some(news) => Ok(news),
            None => session.reader.wait(POLL_INTERVAL),
        };
        if self.stop.is_set() {
            session.pending = news.ok();
            return Err(End::Stopped);
        }
        match news {
            Ok(News::Opened { camera, is_recorded }) => {
                self.carried.is_recorded = is_recorded;
                self.carried.camera = camera.map(Sought::new);
                info.forget_unreadable();
                session.is_open = true;
                for _ in 0..ahead(&info.config.uri) {
                    let frame = self.empty_frame()?;
                    session.want(frame);
                }
            }
            Ok(News::Frame(frame, moment)) => {
                session.lent -= 1;
                self.tell_whether_readable(session, info, moment)?;
                let next = self.hand_on(frame, moment, info)?;
                session.want(next);
            }
            Ok(News::Unreadable(mut frame, moment, reason)) => {
                session.lent -= 1;
                self.tell_whether_readable(session, info, moment)?;
                self.number(&mut frame);
                self.enter(&mut frame);
                let message = Message::picture(self.index, moment, frame).unreadable(reason);
                self.send(message, &info.counters)?;
                let next = self.empty_frame()?;
                session.want(next);
            }
            Ok(News::Unchanged) => {
                if self.carried.told == SourceState::Stalled {
                    self.tell(info, SourceState::Up, String::new(), self.clock.now())?;
                }
            }
            Ok(News::Ended(frame)) => {
                self.spare.push(frame);
                if self.is_live(info) && info.config.on_end == OnEnd::Reopen {
                    return Err(End::Failed(SourceError::Closed(info.config.uri.to_string())));
                }
                return Err(End::Ended(end_reason(&info.config.uri)));
            }
            Ok(News::Failed(error, frame)) => {
                self.spare.extend(frame);
                return Err(End::Failed(error));
            }
            Err(Silence::Panicked) => {
                self.replace_frame(info);
                return Err(End::Failed(SourceError::Panic(info.name.clone())));
            }
            Err(Silence::TimedOut) => return self.notice_silence(session, info),
        }
        session.heard = Instant::now();
        Ok(())
    }

    /// Reports the source as up since `moment`, when a frame was captured, or a live source none of whose frames could be
    /// read for the time-out as stalled.
    fn tell_whether_readable(
        &mut self,
        session: &mut Session,
        info: &SourceInfo,
        moment: Moment,
    ) -> Result<(), Abandoned> {
        session.first_frame.get_or_insert_with(Instant::now);
        let unreadable = info.unreadable_for(self.stalled_after).filter(|_| self.is_live(info));
        match unreadable {
            Some(reason) if self.carried.told != SourceState::Stalled => {
                self.tell(info, SourceState::Stalled, reason, self.clock.now())
            }
            None if self.carried.told != SourceState::Up => {
                self.tell(info, SourceState::Up, String::new(), moment)?;
                self.carried.has_come_up = true;
                self.wait_for_room();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Reports a live source as stalled after the time-out. If its device has been removed, abandons the session, whose
    /// thread may be blocked in the driver.
    fn notice_silence(&mut self, session: &Session, info: &SourceInfo) -> Result<(), End> {
        let limit = if session.is_open { self.stalled_after } else { self.stalled_after.max(OPENING) };
        let silent_for = session.heard.elapsed();
        if !self.is_live(info) || silent_for < limit {
            return Ok(());
        }
        if self.carried.told != SourceState::Stalled {
            let reason = format!("no frame for {:.1} seconds", silent_for.as_secs_f64());
            self.tell(info, SourceState::Stalled, reason, self.clock.now())?;
        }
        let SourceUri::Camera(device) = &info.config.uri else { return Ok(()) };
        if silent_for >= limit + LETTING_GO && !is_plugged_in(device) {
            self.replace_frame(info);
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
        Some(self.carried.camera.clone()?.except(except.collect()))
    }

    /// Replaces the frame that an abandoned reader thread still holds.
    fn replace_frame(&mut self, info: &SourceInfo) {
        self.spare.push(Box::new(Frame { turn: info.config.turn(), ..Frame::default() }));
    }

    fn empty_frame(&mut self) -> Result<Box<Frame>, Abandoned> {
        self.spare.pop().map_or_else(|| self.queues.empty.recv().map_err(|_| Abandoned), Ok)
    }

    /// Waits until the state in the inbox has been taken, which would otherwise displace the first picture: there may be
    /// no other one, if it does not change.
    fn wait_for_room(&self) {
        let until = Instant::now() + ROOM_TIMEOUT;
        while !self.queues.waiting.is_empty() && Instant::now() < until && !self.stop.is_set() {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sleeps until the pause is over, the program stops, or the source is not to be read.
    fn rest(&mut self, info: &SourceInfo, pause: Duration) {
        let until = Instant::now() + pause;
        while Instant::now() < until && !self.stop.is_set() && self.gate.closed(info).is_none() {
            thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
        }
    }
}

fn end_reason(uri: &SourceUri) -> &'static str {
    match uri {
        SourceUri::Camera(_) | SourceUri::Stream(_) | SourceUri::Program(_) | SourceUri::Stdin => {
            "the stream has ended"
        }
        SourceUri::Video(_) => "the end of the file",
        SourceUri::Image(_) | SourceUri::Folder(_) => "all pictures are read",
    }
}
