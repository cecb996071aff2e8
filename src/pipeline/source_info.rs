//! What all threads know of a source: its settings, state and counters.

use super::handover::Fate;
use crate::{
    areas::Areas,
    message::{SourceState, StateChange},
    source::{OpenSource, SourceConfig},
};
use arc_swap::{ArcSwap, ArcSwapOption};
use emotiond_send::wire::{LATENCY_BOUNDS_S, Latency};
use std::{
    collections::BTreeMap,
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

    pub fn size(&self) -> Option<(u32, u32)> {
        let size = self.size.load(Ordering::Relaxed);
        (size > 0).then_some(((size >> 32) as u32, size as u32))
    }

    pub fn faces(&self) -> Option<u32> {
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

    pub fn latency(&self) -> Latency {
        Latency {
            buckets: self.latency_buckets.each_ref().map(Self::get),
            sum_s: Self::get(&self.latency_sum_us) as f64 / 1e6,
        }
    }

    pub fn latency_ms(&self) -> f64 {
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
    pub fn continue_from(&mut self, before: &Self) {
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

    /// Pauses or resumes the source; returns whether it was paused before.
    pub fn set_paused(&self, is_paused: bool) -> bool {
        self.paused.swap(is_paused, Ordering::Relaxed)
    }

    pub fn figures(&self) -> Option<Figures> {
        self.figures.load().as_deref().cloned()
    }

    pub fn set_figures(&self, figures: Option<Figures>) {
        self.figures.store(figures.map(Arc::new));
    }
}
