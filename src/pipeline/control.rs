//! The handle to a running pipeline.

use super::{
    handover::Succession,
    settings::{Settings, Shared},
    source_info::SourceInfo,
};
use crate::{config::Config, detect::DetectorPlan, message::Clock, sink::TapSlot, track::TrackIds};
use crossbeam_channel::{Receiver, Sender, bounded};
use emotiond_send::wire::Marker;
use jiff::Timestamp;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A handle to a running pipeline.
#[derive(Clone)]
pub struct Control {
    pub(super) settings: Shared,
    pub(super) detector: Arc<DetectorPlan>,
    pub(super) infos: Arc<[SourceInfo]>,
    pub(super) labels: Arc<[String]>,
    pub(super) ids: TrackIds,
    pub(super) tap: TapSlot,
    pub(super) markers: Markers,
    pub(super) abandoned: Abandoned,
    pub(super) clock: Clock,
}

/// Markers that wait to be written.
#[derive(Clone)]
pub(super) struct Markers {
    sender: Sender<(Timestamp, Marker)>,
    pub waiting: Receiver<(Timestamp, Marker)>,
}

/// How many may wait.
const WAITING_MARKERS: usize = 64;

impl Markers {
    pub fn new() -> Self {
        let (sender, waiting) = bounded(WAITING_MARKERS);
        Self { sender, waiting }
    }
}

/// Tells the last thread to end without the stages before it.
#[derive(Clone)]
pub(super) struct Abandoned {
    is_set: Arc<AtomicBool>,
    sender: Sender<Sender<()>>,
    /// What arrives is dropped when all is written.
    pub waiting: Receiver<Sender<()>>,
}

impl Abandoned {
    pub fn new() -> Self {
        let (sender, waiting) = bounded(1);
        Self { is_set: Arc::default(), sender, waiting }
    }

    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::Relaxed)
    }
}

/// Why a request is not fulfilled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no such source.
    #[error("there is no source {0:?}")]
    UnknownSource(String),
    /// Too many markers wait.
    #[error("{WAITING_MARKERS} markers wait to be written; a later one is left out")]
    TooManyMarkers,
}

impl Control {
    /// The emotion labels, in the order of the probabilities.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Applies settings of `config` from the next frame on: emit policy, tracker, smoothing, pose, audience and
    /// detection. All other settings must be unchanged, in particular the number of sources.
    pub fn adopt(&self, config: &Config) {
        self.settings.store(Arc::new(Settings::new(config, &self.detector)));
    }

    /// From now on, lines are also copied into `tap`; `None`: not any more.
    pub fn set_tap(&self, tap: Option<Arc<crate::tap::Tap>>) {
        self.tap.store(tap);
    }

    /// Closes a source until it is resumed, or opens it again.
    ///
    /// # Errors
    /// When there is no such source.
    pub fn pause(&self, source: &str, is_paused: bool) -> Result<(), RequestError> {
        let found = self.infos.iter().find(|info| info.name == source);
        let info = found.ok_or_else(|| RequestError::UnknownSource(source.to_owned()))?;
        if info.set_paused(is_paused) != is_paused {
            tracing::info!(source, "{}", if is_paused { "paused on request" } else { "resumed on request" });
        }
        Ok(())
    }

    /// Writes a marker that was set at `time`.
    ///
    /// # Errors
    /// When too many wait.
    pub fn mark(&self, time: Timestamp, marker: Marker) -> Result<(), RequestError> {
        self.markers.sender.try_send((time, marker)).map_err(|_| RequestError::TooManyMarkers)
    }

    /// Writes the end of all sources without the pictures that are still in the pipeline, for a program that must end
    /// although a thread hangs. Waits for it up to `timeout`.
    pub fn abandon(&self, timeout: Duration) {
        let (answer, written) = bounded(0);
        self.abandoned.is_set.store(true, Ordering::Relaxed);
        if self.abandoned.sender.try_send(answer).is_ok() {
            // It is never sent to, only dropped.
            let _ = written.recv_timeout(timeout);
        }
    }

    /// Tells the sources what becomes of them when the pipeline is asked to stop, which must follow.
    pub fn make_room(&self, succession: &Succession) {
        for (info, &fate) in self.infos.iter().zip(&succession.fates) {
            let _ = info.fate.set(fate);
        }
    }

    /// Takes over what must not begin anew with a new pipeline: track numbers, clock, tap, markers, pauses, counters.
    pub(super) fn continue_after(&mut self, before: &Self, succession: &Succession) {
        self.clock = before.clock;
        let infos = Arc::get_mut(&mut self.infos).into_iter().flatten();
        for (info, heir_of) in infos.zip(&succession.heirs_of) {
            if let Some(old) = heir_of {
                info.continue_from(&before.infos[*old]);
            }
        }
        self.ids = before.ids.clone();
        self.tap = Arc::clone(&before.tap);
        self.markers = before.markers.clone();
        for info in self.infos.iter() {
            let paused = before.infos.iter().any(|other| other.name == info.name && other.is_paused());
            info.set_paused(paused);
        }
    }
}
