//! The state of the sources shared by all threads, and the handle to query and control a running pipeline.

use super::settings::{Settings, Shared};
use crate::{
    areas::Areas,
    config::Config,
    detect::DetectorPlan,
    message::SourceState,
    source::{OpenSource, SourceConfig},
    track::TrackIds,
};
use arc_swap::ArcSwapOption;
use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Information about a source, shared by all threads.
pub(super) struct SourceInfo {
    pub name: String,
    pub config: SourceConfig,
    pub areas: Areas,
    pub opener: Arc<dyn OpenSource>,
    pub max_megapixels: f64,
    /// The error of the first unreadable picture.
    pub first_error: OnceLock<String>,
    pub counters: Counters,
    /// Set while no picture can be read.
    unreadable: ArcSwapOption<Unreadable>,
    state: AtomicU8,
}

/// The first of a series of pictures that cannot be read.
struct Unreadable {
    since: Instant,
    error: String,
}

/// The counters of a source.
#[derive(Default)]
pub(super) struct Counters {
    /// Analysed pictures.
    pub analysed: AtomicU64,
    /// Pictures that could not be decoded or analysed.
    pub unreadable: AtomicU64,
    /// Pictures that were replaced by newer ones.
    pub skipped: AtomicU64,
    /// Frames that have entered the pipeline, ...
    pub entered: AtomicU64,
    /// ... and frames that have left it.
    pub left: AtomicU64,
    /// Time from the capture of a picture to the writing of its lines, in microseconds; smoothed.
    latency_us: AtomicU64,
}

/// Weight of one picture in the smoothed latency, which thus covers a few seconds of a camera.
const LATENCY_SHARE: f64 = 1.0 / 64.0;

impl Counters {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    /// Adds the latency of a picture. Only one thread may call this.
    pub fn note_latency(&self, latency: Duration) {
        let new_us = latency.as_micros() as f64;
        let smoothed_us = match Self::get(&self.latency_us) as f64 {
            0.0 => new_us,
            old_us => old_us + (new_us - old_us) * LATENCY_SHARE,
        };
        self.latency_us.store(smoothed_us as u64, Ordering::Relaxed);
    }

    fn latency_ms(&self) -> f64 {
        Self::get(&self.latency_us) as f64 / 1000.0
    }
}

impl SourceInfo {
    pub fn new(config: &SourceConfig, opener: Arc<dyn OpenSource>, max_megapixels: f64) -> Self {
        Self {
            name: config.name(),
            config: config.clone(),
            areas: config.areas(),
            opener,
            max_megapixels,
            first_error: OnceLock::new(),
            counters: Counters::default(),
            unreadable: ArcSwapOption::empty(),
            state: AtomicU8::new(SourceState::Opening as u8),
        }
    }

    /// Notes that a picture could not be read.
    pub fn note_unreadable(&self, error: &str) {
        if self.unreadable.load().is_none() {
            let first = Unreadable { since: Instant::now(), error: error.to_owned() };
            self.unreadable.store(Some(Arc::new(first)));
        }
    }

    /// Notes that a picture was read, or that the source was opened anew.
    pub fn forget_unreadable(&self) {
        if self.unreadable.load().is_some() {
            self.unreadable.store(None);
        }
    }

    /// The reason for `stalled`, if no picture could be read for at least `limit`.
    pub fn unreadable_for(&self, limit: Duration) -> Option<String> {
        let unreadable = self.unreadable.load();
        let Unreadable { since, error } = unreadable.as_deref()?;
        let seconds = since.elapsed().as_secs_f64();
        (seconds >= limit.as_secs_f64())
            .then(|| format!("no frame could be read for {seconds:.1} seconds: {error}"))
    }

    pub fn set_state(&self, state: SourceState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    pub fn state(&self) -> SourceState {
        SourceState::ALL[usize::from(self.state.load(Ordering::Relaxed))]
    }
}

/// A handle to a running pipeline.
#[derive(Clone)]
pub struct Control {
    pub(super) settings: Shared,
    pub(super) detector: Arc<DetectorPlan>,
    pub(super) infos: Arc<[SourceInfo]>,
    pub(super) ids: TrackIds,
}

/// The status of a source.
pub struct SourceStatus {
    /// Name in the events.
    pub name: String,
    /// Its state.
    pub state: SourceState,
    /// Analysed pictures.
    pub analysed: u64,
    /// Pictures that were replaced by newer ones.
    pub skipped: u64,
    /// Time from a picture's capture to the writing of its lines, in milliseconds, over the last few seconds.
    pub latency_ms: f64,
}

/// The status of a pipeline.
pub struct Status {
    /// All sources.
    pub sources: Vec<SourceStatus>,
    /// Frames in the pipeline.
    pub in_flight: u64,
    /// Frames that have left the pipeline.
    pub left: u64,
}

impl Control {
    /// Applies settings of `config` from the next frame on: emit policy, tracker, smoothing, pose, audience and
    /// detection. All other settings must be unchanged, in particular the number of sources.
    pub fn adopt(&self, config: &Config) {
        self.settings.store(Arc::new(Settings::new(config, &self.detector)));
    }

    /// The current status.
    pub fn status(&self) -> Status {
        let sum = |counter: fn(&Counters) -> &AtomicU64| -> u64 {
            self.infos.iter().map(|info| Counters::get(counter(&info.counters))).sum()
        };
        // In this order, so that a frame that leaves in between is not counted as left but not entered.
        let left = sum(|counters| &counters.left);
        let entered = sum(|counters| &counters.entered);
        let source = |info: &SourceInfo| SourceStatus {
            name: info.name.clone(),
            state: info.state(),
            analysed: Counters::get(&info.counters.analysed),
            skipped: Counters::get(&info.counters.skipped),
            latency_ms: info.counters.latency_ms(),
        };
        Status {
            sources: self.infos.iter().map(source).collect(),
            in_flight: entered.saturating_sub(left),
            left,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, source) in self.sources.iter().enumerate() {
            let comma = if number > 0 { "; " } else { "" };
            let SourceStatus { name, state, analysed, skipped, latency_ms } = source;
            write!(
                f,
                "{comma}{name} {}, {analysed} frames analysed, {skipped} skipped, {latency_ms:.1} ms",
                state.name()
            )?;
        }
        Ok(())
    }
}
