//! The state of the sources shared by all threads, and the handle to query and control a running pipeline.

use super::{
    handover::{Fate, Succession},
    settings::{Settings, Shared},
};
use crate::{
    areas::Areas,
    config::Config,
    detect::DetectorPlan,
    message::{Clock, SourceState, StateChange},
    sink::TapSlot,
    source::{OpenSource, SourceConfig},
    track::TrackIds,
};
use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{Receiver, Sender, bounded};
use emotiond_send::wire::{LATENCY_BOUNDS_S, Latency, Marker};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    pub counters: Arc<Counters>,
    /// Set while no picture can be read.
    unreadable: ArcSwapOption<Unreadable>,
    state: Arc<ArcSwap<StateChange>>,
    /// Set while somebody has paused the source.
    paused: AtomicBool,
    /// What is in the latest picture.
    pub latest: Arc<LatestPicture>,
    /// The latest figures of the audience; only if there are outputs, and if they may be told.
    figures: ArcSwapOption<Figures>,
    /// Its recording.
    pub recording: Recording,
    /// What becomes of it, once the pipeline makes room for another.
    pub fate: OnceLock<Fate>,
}

/// Whether a source's annotated frames are being recorded.
#[derive(Clone, Default)]
pub struct Recording(Arc<OnceLock<AtomicBool>>);

impl Recording {
    /// Notes that the recording begins.
    pub fn begin(&self) {
        self.0.get_or_init(|| AtomicBool::new(true));
    }

    /// Notes that it has failed.
    pub fn fail(&self) {
        if let Some(works) = self.0.get() {
            works.store(false, Ordering::Relaxed);
        }
    }

    /// Whether it works; `None` if there is none.
    pub fn works(&self) -> Option<bool> {
        self.0.get().map(|works| works.load(Ordering::Relaxed))
    }
}

/// Figures of the audience's window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Shares of the emotions.
    pub emotions: BTreeMap<String, f32>,
    /// The emotion with the largest share; `None` without faces.
    pub dominant: Option<String>,
    /// Share of the time with a known pose in which faces looked towards the camera; `None` if there was none.
    pub facing: Option<f32>,
}

/// What is in the latest picture of a source.
#[derive(Default)]
pub(super) struct LatestPicture {
    /// Width and height in 32 bits each; 0 before the first picture.
    size: AtomicU64,
    /// Number of faces plus one; 0 if it is unknown or may not be told.
    faces: AtomicU64,
}

impl LatestPicture {
    pub fn note(&self, (width, height): (u32, u32), faces: Option<u32>) {
        self.size.store(u64::from(width) << 32 | u64::from(height), Ordering::Relaxed);
        self.faces.store(faces.map_or(0, |faces| u64::from(faces) + 1), Ordering::Relaxed);
    }

    /// There is no picture, because the source is unavailable.
    pub fn forget_faces(&self) {
        self.faces.store(0, Ordering::Relaxed);
    }

    fn size(&self) -> Option<(u32, u32)> {
        let size = self.size.load(Ordering::Relaxed);
        (size > 0).then_some(((size >> 32) as u32, size as u32))
    }

    fn faces(&self) -> Option<u32> {
        self.faces.load(Ordering::Relaxed).checked_sub(1).map(|faces| faces as u32)
    }
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
    /// The sum of all latencies in microseconds, ...
    latency_sum_us: AtomicU64,
    /// ... and how many were at most each of [`LATENCY_BOUNDS_S`], but more than the one before; the last were longer.
    latency_buckets: [AtomicU64; LATENCY_BOUNDS_S.len() + 1],
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
        self.latency_sum_us.fetch_add(new_us as u64, Ordering::Relaxed);
        let bucket = LATENCY_BOUNDS_S.partition_point(|bound| *bound < latency.as_secs_f64());
        Self::add(&self.latency_buckets[bucket]);
    }

    fn latency(&self) -> Latency {
        Latency {
            buckets: self.latency_buckets.each_ref().map(Self::get),
            sum_s: Self::get(&self.latency_sum_us) as f64 / 1e6,
        }
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
            counters: Arc::default(),
            unreadable: ArcSwapOption::empty(),
            state: Arc::new(ArcSwap::from_pointee(StateChange::new(SourceState::Opening, String::new()))),
            paused: AtomicBool::new(false),
            latest: Arc::default(),
            figures: ArcSwapOption::empty(),
            recording: Recording::default(),
            fate: OnceLock::new(),
        }
    }

    /// Shares the counters and the state with the same source of the previous pipeline.
    fn continue_from(&mut self, before: &Self) {
        self.counters = Arc::clone(&before.counters);
        self.state = Arc::clone(&before.state);
        self.latest = Arc::clone(&before.latest);
        self.first_error = before.first_error.clone();
    }

    /// The state and its cause.
    pub fn state(&self) -> StateChange {
        StateChange::clone(&self.state.load())
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

    pub fn set_state(&self, change: &StateChange) {
        self.state.store(Arc::new(change.clone()));
    }

    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub fn set_figures(&self, figures: Option<Figures>) {
        self.figures.store(figures.map(Arc::new));
    }
}

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

/// The status of a source.
pub struct SourceStatus {
    /// Name in the events.
    pub name: String,
    /// Its state and its cause.
    pub state: StateChange,
    /// Whether nobody has paused it.
    pub is_enabled: bool,
    /// Analysed pictures.
    pub analysed: u64,
    /// Pictures that were replaced by newer ones.
    pub skipped: u64,
    /// Pictures that could not be decoded or analysed.
    pub unreadable: u64,
    /// Width and height of the latest picture, as the boxes see it.
    pub size: Option<(u32, u32)>,
    /// Faces in the latest picture; `None` if that is unknown or may not be told.
    pub faces: Option<u32>,
    /// Figures of the audience's window; `None` likewise, or if there are no outputs.
    pub figures: Option<Figures>,
    /// Whether its recording works; `None` if there is none.
    pub recording: Option<bool>,
    /// A histogram of the latencies.
    pub latency: Latency,
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
        if info.paused.swap(is_paused, Ordering::Relaxed) != is_paused {
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
            info.paused.store(paused, Ordering::Relaxed);
        }
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
            state: StateChange::clone(&info.state.load()),
            is_enabled: !info.is_paused(),
            analysed: Counters::get(&info.counters.analysed),
            skipped: Counters::get(&info.counters.skipped),
            unreadable: Counters::get(&info.counters.unreadable),
            size: info.latest.size(),
            faces: info.latest.faces(),
            figures: info.figures.load().as_deref().cloned(),
            recording: info.recording.works(),
            latency: info.counters.latency(),
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
            let SourceStatus { name, state, analysed, skipped, latency_ms, .. } = source;
            // What was asked for is told as such: "down" would look like a fault.
            let state = if state.is_planned { state.reason.as_str() } else { state.state.name() };
            write!(
                f,
                "{comma}{name} {state}, {analysed} frames analysed, {skipped} skipped, {latency_ms:.1} ms"
            )?;
        }
        Ok(())
    }
}
