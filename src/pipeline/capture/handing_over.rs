//! Hands a source over to the next pipeline, and opens a new source before its pipeline runs.

use super::{
    Capture,
    session::{Session, ahead},
};
use crate::{
    frame::Frame,
    message::{Clock, SourceState, StateChange},
    pipeline::{
        handover::Fate,
        reader::{News, Silence},
        search_schedule::SearchSchedule,
        settings::Shared,
        source_info::SourceInfo,
    },
    source::{Sought, SourceError},
    stop::Stop,
};
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// How long a new source may take until its first picture.
const FIRST_PICTURE: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The end of a capture thread.
pub(in crate::pipeline) enum Done {
    /// The source has ended or was stopped; its error if it failed.
    Ended(Option<SourceError>),
    /// The next pipeline goes on with it.
    HandedOver(Box<Carried>),
}

impl Done {
    pub fn error(self) -> Option<SourceError> {
        match self {
            Self::Ended(error) => error,
            Self::HandedOver(_) => None,
        }
    }
}

/// What a capture thread knows of its source, and the next pipeline goes on with.
pub(in crate::pipeline) struct Carried {
    /// The session, while no thread watches it.
    pub(super) session: Option<Session>,
    pub(super) schedule: SearchSchedule,
    pub(super) next_entry: u64,
    pub(super) next_number: u64,
    /// Whether no frame was sent since the source came up.
    pub(super) has_come_up: bool,
    /// The last state reported.
    pub(super) told: SourceState,
    /// Whether it was asked for.
    pub(super) told_planned: bool,
    /// The time of the last frame or state sent.
    pub(super) latest: Timestamp,
    /// How to find a camera again, known once it has been opened.
    pub(super) camera: Option<Sought>,
    /// Whether an address has turned out to be a recorded file.
    pub(super) is_recorded: bool,
}

impl Carried {
    /// For a source that was never open.
    pub fn new(source: usize, settings: &Shared) -> Self {
        Self {
            session: None,
            schedule: SearchSchedule::new(source, settings),
            next_entry: 0,
            next_number: 0,
            has_come_up: false,
            told: SourceState::Opening,
            told_planned: false,
            latest: Timestamp::MIN,
            camera: None,
            is_recorded: false,
        }
    }

    /// The same in another pipeline, where the source may have another index.
    #[must_use]
    pub fn moved(self, source: usize, settings: &Shared) -> Self {
        Self { schedule: self.schedule.moved(source, settings), ..self }
    }

    /// The entry number of its next frame.
    pub fn next_entry(&self) -> u64 {
        self.next_entry
    }

    /// Frames that the reader has.
    pub fn lent(&self) -> usize {
        self.session.as_ref().map_or(0, |session| session.lent)
    }

    /// Opens a source and waits for its first picture.
    ///
    /// # Errors
    /// When there is none.
    pub fn open_ahead(
        index: usize,
        info: &SourceInfo,
        settings: &Shared,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut session = Session::begin(index, info, None, clock, stop)?;
        let mut carried = Self::new(index, settings);
        let uri = || info.config.uri.to_string();
        let until = Instant::now() + FIRST_PICTURE;
        while session.pending.is_none() {
            match session.reader.wait(POLL_INTERVAL) {
                Ok(News::Opened { camera, is_recorded }) => {
                    (carried.camera, carried.is_recorded) = (camera.map(Sought::new), is_recorded);
                    session.is_open = true;
                    for _ in 0..ahead(&info.config.uri) {
                        session.want(Box::new(Frame { turn: info.config.turn(), ..Frame::default() }));
                    }
                }
                Ok(News::Failed(error, _)) => return Err(error),
                Ok(News::Ended(_)) => return Err(SourceError::Closed(uri())),
                Ok(news) => session.pending = Some(news),
                Err(Silence::Panicked) => {
                    return Err(SourceError::Panic(info.name.clone()));
                }
                Err(_) if Instant::now() >= until || stop.is_set() => return Err(SourceError::Silent(uri())),
                Err(_) => {}
            }
        }
        session.heard = Instant::now();
        carried.session = Some(session);
        Ok(carried)
    }
}

impl Capture {
    /// Whether the program or the source ends, and no other pipeline goes on with it.
    pub(super) fn is_over(&self) -> bool {
        let fate = self.infos[self.index].fate.get();
        self.stop.is_set() && fate.is_none_or(|fate| *fate == Fate::Removed)
    }

    /// Ends the source, or hands it over.
    pub(super) fn leave(mut self, info: &SourceInfo) -> Done {
        let now = self.clock.now();
        let planned = |reason: &str| StateChange {
            state: SourceState::Down,
            reason: reason.to_owned(),
            is_planned: true,
        };
        // Telling fails only if the pipeline has ended.
        let _ = match info.fate.get() {
            None => self.tell(info, SourceState::Ended, "stopped".to_owned(), now),
            Some(Fate::Removed) => {
                self.tell(info, SourceState::Ended, "the configuration names it no more".to_owned(), now)
            }
            Some(Fate::Renamed) => {
                self.tell(info, SourceState::Ended, "it has another name from now on".to_owned(), now)
            }
            Some(Fate::FacesEnd) => {
                self.tell_change(info, planned("its faces are told anew, because settings have changed"), now)
            }
            Some(Fate::Reopened) => {
                self.tell_change(info, planned("it is opened again, because settings have changed"), now)
            }
            Some(Fate::GoesOn) => Ok(()),
        };
        match info.fate.get() {
            None | Some(Fate::Removed) => return Done::Ended(None),
            Some(Fate::Renamed) => self.carried.told = SourceState::Opening,
            Some(Fate::Reopened) => {
                if let Some(session) = self.carried.session.take() {
                    self.close(session, info);
                }
                if !self.is_live(info) {
                    (self.carried.next_number, self.carried.next_entry) = (0, 0);
                }
            }
            Some(Fate::GoesOn | Fate::FacesEnd) => {}
        }
        Done::HandedOver(Box::new(self.carried))
    }
}
