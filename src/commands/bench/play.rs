//! Runs the daemon's pipeline on pictures from memory and measures it.

use super::clip::Clip;
use crate::{
    config::Config,
    emit::EmitPolicy,
    pipeline::Pipeline,
    sink::Destination,
    source::{OpenSource, SourceConfig, SourceUri},
    stop::Stop,
};
use cpu_time::ProcessTime;
use crossbeam_channel::bounded;
use emotiond_core::exit::{ExitsWith, Failure};
use hdrhistogram::Histogram;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Maximum recorded latency in microseconds.
const SLOWEST_US: u64 = 60_000_000;
/// Significant digits of recorded latencies.
const DIGITS: u8 = 3;

/// The result of a run.
pub(super) struct Played {
    pub frames: u64,
    /// Skipped frames of a live source.
    pub skipped: u64,
    /// Reported faces, summed over all frames.
    pub faces: u64,
    /// Time from the first line to the end.
    pub wall: Duration,
    /// Processor time of all threads.
    pub cpu: Duration,
    /// Time from the capture to the writing of the line, in microseconds.
    latencies: Histogram<u64>,
}

impl Played {
    pub fn frames_per_second(&self) -> f64 {
        self.frames as f64 / self.wall.as_secs_f64()
    }

    pub fn cpu_ms_a_frame(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.frames.max(1) as f64
    }

    /// Processor load in percent of one core.
    pub fn of_one_core(&self) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    pub fn faces_a_frame(&self) -> f64 {
        self.faces as f64 / self.frames.max(1) as f64
    }

    /// The given percentile of the latency in milliseconds.
    pub fn latency_ms(&self, percent: f64) -> f64 {
        self.latencies.value_at_percentile(percent) as f64 / 1000.0
    }
}

/// Plays `clips` in parallel, each as a source, with an event for each face in each frame.
///
/// # Errors
/// When the runtime, the detector or the model is unusable.
pub(super) fn play(config: &Config, clips: Vec<Clip>) -> Result<Played, Failure> {
    let source = |number| SourceConfig::new(SourceUri::Video(format!("memory-{number}").into()));
    let sources = (0..clips.len()).map(source).collect();
    let openers = clips.into_iter().map(|clip| Arc::new(clip) as Arc<dyn OpenSource>).collect();
    play_sources(config, sources, openers, &Stop::default())
}

/// Plays a source of any kind to its end, but at most for `length`.
///
/// # Errors
/// When the runtime, the detector, the model or the source is unusable.
pub(super) fn play_for(config: &Config, source: &SourceConfig, length: Duration) -> Result<Played, Failure> {
    let stop = Stop::default();
    let (ended, end) = bounded::<()>(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Returns early when the sender is dropped.
            let _ = end.recv_timeout(length);
            stop.set();
        });
        let played = play_sources(config, vec![source.clone()], vec![Arc::new(source.clone())], &stop);
        drop(ended);
        played
    })
}

fn play_sources(
    config: &Config,
    sources: Vec<SourceConfig>,
    openers: Vec<Arc<dyn OpenSource>>,
    stop: &Stop,
) -> Result<Played, Failure> {
    let mut config = config.clone();
    config.sources = sources;
    config.emit = EmitPolicy::EveryFrame;
    config.audience.every_s = 0.0;
    let pipeline = Pipeline::load_with(config, openers)?;
    let tally = Tally::default();
    let (start, before) = (Instant::now(), ProcessTime::now());
    let outcomes = pipeline.run(tally.clone(), stop)?;
    let (end, cpu) = (Instant::now(), before.elapsed());
    if let Some(error) = outcomes.iter().find_map(|outcome| outcome.error.as_ref()) {
        return Err(Failure::new(error.exit(), anyhow::anyhow!("{error}")));
    }
    let counts = tally.counts();
    Ok(Played {
        frames: outcomes.iter().map(|outcome| outcome.analysed).sum(),
        skipped: outcomes.iter().map(|outcome| outcome.skipped).sum(),
        faces: counts.latencies.len(),
        wall: end - counts.first_line.unwrap_or(start),
        cpu,
        latencies: counts.latencies.clone(),
    })
}

/// A writer that records the latencies of face events.
#[derive(Clone)]
struct Tally(Arc<Mutex<Counts>>);

struct Counts {
    /// Time of the first line, which a source writes with its first frame, so that opening the source is not measured.
    first_line: Option<Instant>,
    latencies: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, SLOWEST_US, DIGITS);
        let latencies = histogram.expect("the bounds are valid");
        Self(Arc::new(Mutex::new(Counts { first_line: None, latencies })))
    }
}

impl Tally {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Tally {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut counts = self.counts();
        counts.first_line.get_or_insert_with(Instant::now);
        let text = String::from_utf8_lossy(line);
        let is_sight = !text.contains(r#""phase":"end""#);
        let latency = text.split_once(r#""latency_ms":"#).filter(|_| is_sight);
        if let Some(ms) = latency.and_then(|(_, rest)| rest.trim_end_matches(['}', '\n']).parse::<f64>().ok())
        {
            counts.latencies.saturating_record((ms * 1000.0) as u64);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destination for Tally {}
