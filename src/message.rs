//! What moves through the pipeline: the pictures of a source and the changes of its state, in order.

use crate::frame::Frame;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// When something happened, on all clocks that the pipeline uses.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Wall-clock time, for events.
    pub time: Timestamp,
    /// The monotonic clock, for latencies.
    pub instant: Instant,
    /// Seconds since the pipeline started, for tracks and smoothing.
    pub since_start_s: f64,
}

/// The clock of a pipeline. Copies have the same start.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The current moment.
    pub fn now(&self) -> Moment {
        let instant = Instant::now();
        let since_start_s = instant.saturating_duration_since(self.started).as_secs_f64();
        Moment { time: Timestamp::now(), instant, since_start_s }
    }
}

/// A source's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "State")]
pub enum SourceState {
    /// No frame has arrived yet. No event reports this state.
    #[serde(skip)]
    Opening,
    /// Frames arrive.
    Up,
    /// No frame arrived in time.
    Stalled,
    /// The source was lost and is opened again, or it is paused.
    Down,
    /// The source is finished; no more frames will arrive.
    Ended,
}

impl SourceState {
    /// The name in events and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Up => "up",
            Self::Stalled => "stalled",
            Self::Down => "down",
            Self::Ended => "ended",
        }
    }
}

/// A change of a source's state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// The new state.
    pub state: SourceState,
    /// The reason; empty for `Up`.
    pub reason: String,
    /// Whether it was asked for: a pause, or active hours that are over. It is no fault then.
    pub is_planned: bool,
}

impl StateChange {
    /// A change that nobody asked for.
    pub fn new(state: SourceState, reason: String) -> Self {
        Self { state, reason, is_planned: false }
    }
}

/// The content of a message.
pub enum Body {
    /// A picture; each stage adds its results.
    Picture(Box<Frame>),
    /// A picture that cannot be analysed, and why.
    Unreadable(Box<Frame>, String),
    /// A change of the source's state.
    State(StateChange),
}

/// A picture or a change of state on its way through the pipeline.
pub struct Message {
    /// Index of its source.
    pub source: usize,
    /// Consecutive number of the source's messages in the pipeline; dropped frames have none.
    pub ticket: u64,
    /// When the picture was captured (for files: read) or the state changed.
    pub moment: Moment,
    /// The content.
    pub body: Body,
    /// Numbers of the tracks that end with this message.
    pub lost: Vec<u64>,
}

impl Message {
    /// A picture; its ticket is assigned when it enters the pipeline.
    pub fn picture(source: usize, moment: Moment, frame: Box<Frame>) -> Self {
        Self { source, ticket: 0, moment, body: Body::Picture(frame), lost: Vec::new() }
    }

    /// A change of state; likewise.
    pub fn state(source: usize, moment: Moment, change: StateChange) -> Self {
        Self { source, ticket: 0, moment, body: Body::State(change), lost: Vec::new() }
    }

    /// The same message, marked as a picture that cannot be analysed.
    #[must_use]
    pub fn unreadable(mut self, reason: String) -> Self {
        self.body = match self.body {
            Body::Picture(frame) => Body::Unreadable(frame, reason),
            other => other,
        };
        self
    }

    /// The frame, readable or not.
    pub fn into_frame(self) -> Option<Box<Frame>> {
        match self.body {
            Body::Picture(frame) | Body::Unreadable(frame, _) => Some(frame),
            Body::State(_) => None,
        }
    }

    /// Time in seconds for tracking and smoothing: the presentation time of a picture that has one, otherwise the time
    /// since the pipeline started.
    pub fn time_s(&self) -> f64 {
        match &self.body {
            Body::Picture(frame) => time_s(frame, &self.moment),
            Body::Unreadable(..) | Body::State(_) => self.moment.since_start_s,
        }
    }
}

/// Time of a captured frame in seconds, as in [`Message::time_s`].
pub fn time_s(frame: &Frame, captured: &Moment) -> f64 {
    frame.pts_ms.map_or(captured.since_start_s, |pts_ms| pts_ms as f64 / 1000.0)
}
