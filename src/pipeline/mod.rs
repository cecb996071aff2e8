//! The pipeline's threads and queues.
//!
//! ```text
//! capture (a thread a source) -> inbox -> vision (a thread a core) -> follow -> classify (a thread a core) -> publish
//! -> stdout
//!      ^                                                                                                       |
//!      +--------------------------------------- empty frames go back ------------------------------------------+
//! ```
//! Each source owns a fixed number of frames, so that every queue is bounded and a warm pipeline allocates nothing.
//! The inbox of a live source holds one frame, which newer frames replace; other sources wait until there is room.
mod backoff;
mod capture;
mod classify;
mod follow;
mod glance;
mod known;
mod order;
mod publish;
mod reader;
mod scheduler_hint;
mod search_schedule;
mod settings;
mod show;
mod status;
mod vision;

use crate::{
    analysed::PipelineInfo,
    config::{Config, LimitsConfig},
    detect::DetectorPlan,
    frame::Frame,
    sink::LineSink,
    source::{SourceConfig, SourceError},
    stop::Stop,
    track::TrackIds,
};
use arc_swap::ArcSwap;
use capture::Capture;
use crossbeam_channel::{Receiver, Sender, bounded};
use emotiond_core::{
    classify::Classifier,
    exit::{Exit, Failure},
    runtime::{Provider, Runtime},
};
use glance::Memory;
use settings::{Settings, Shared};
pub use show::{Newest, Outlet, Waited};
pub use status::{Control, Status};
use status::{Counters, SourceInfo};
use std::{
    io::Write,
    num::NonZero,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Frames of a source in addition to those in the vision threads: in its inbox and on their way to stdout.
const FRAMES_AHEAD: usize = 4;
/// Frames of a file's reader: it reads one while the previous one is passed on. A live source has one, so that the
/// newest frame never waits behind another.
const READ_AHEAD: usize = 2;
/// How long to wait for a capture thread, which may be blocked in a driver.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// A pipeline that is loaded, checked and ready to run.
pub struct Pipeline {
    /// The settings, with at least one source.
    pub config: Config,
    /// One for each classifier thread.
    classifiers: Vec<Classifier>,
    provider: Provider,
    control: Control,
    /// The outlets of each source's frames.
    outlets: Vec<Vec<Outlet>>,
}

/// The result of a source.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Name in the events.
    pub name: String,
    /// Analysed pictures.
    pub analysed: u64,
    /// Pictures that could not be decoded or analysed.
    pub unreadable: u64,
    /// Pictures of a live source that were replaced by newer ones.
    pub skipped: u64,
    /// The error of the first unreadable picture.
    pub first_error: Option<String>,
    /// Why the source failed, if it did.
    pub error: Option<SourceError>,
}

impl Pipeline {
    /// Loads runtime, detector and model.
    ///
    /// # Errors
    /// When the runtime, the detector or the model is unusable.
    pub fn load(config: Config) -> Result<Self, Failure> {
        let runtime = Runtime::load(&config.runtime)?;
        let detector = DetectorPlan::new(&runtime, &config.detector)?;
        // On a processor, each core classifies a part of the faces; an accelerator gets large batches.
        let threads = if runtime.provider() == Provider::Cpu { vision_threads(&config.limits) } else { 1 };
        let classifiers =
            (0..threads).map(|_| Classifier::load(&runtime, &config.model)).collect::<Result<Vec<_>, _>>()?;
        let (model, description) = (classifiers[0].path(), classifiers[0].description());
        tracing::info!(model = %model.display(), "emotion model with labels {}", description.labels.join(", "));
        let control = Control {
            settings: Arc::new(ArcSwap::from_pointee(Settings::new(&config, &detector))),
            detector: Arc::new(detector),
            infos: config
                .sources
                .iter()
                .map(|source| SourceInfo::new(source, config.limits.max_megapixels))
                .collect(),
            ids: TrackIds::default(),
        };
        let outlets = config.sources.iter().map(|_| Vec::new()).collect();
        Ok(Self { config, classifiers, provider: runtime.provider(), control, outlets })
    }

    /// Information for overlay and recorders.
    pub fn stage(&self) -> PipelineInfo {
        PipelineInfo {
            sources: self.config.sources.iter().map(SourceConfig::short_name).collect(),
            labels: self.classifiers[0].description().labels.clone(),
            provider: self.provider.to_string(),
        }
    }

    /// Adds an outlet for the frames of `source`.
    pub fn show_in(&mut self, source: usize, outlet: Outlet) {
        self.outlets[source].push(outlet);
    }

    /// A handle to the pipeline while it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Continues the track numbers of the previous pipeline, so that none is used twice.
    pub fn continue_after(&mut self, before: &Control) {
        self.control.ids = before.ids.clone();
    }

    /// Runs until all sources have ended, `stop` is set or the reader of `out` closes its end. Writes events to `out`.
    ///
    /// # Errors
    /// When a thread cannot be started or panics, or `out` cannot be written. Errors of sources are in their outcomes.
    pub fn run(self, out: impl Write + Send + 'static, stop: &Stop) -> Result<Vec<Outcome>, Failure> {
        let Self { config, classifiers, control, outlets, .. } = self;
        let Control { settings, detector, infos, ids } = control;
        let vision_threads = vision_threads(&config.limits);
        let lanes: Vec<Lane> = (0..infos.len())
            .map(|index| Lane::new(index, &config, vision_threads, &settings, stop))
            .collect();
        let crop_px = classifiers[0].description().input.size as f32;
        let memories: Arc<[Memory]> = config
            .sources
            .iter()
            .zip(&outlets)
            .map(|(source, outlets)| {
                Memory::new(frames(source, vision_threads), outlets.is_empty().then_some(crop_px))
            })
            .collect();
        let inboxes: Vec<Receiver<Box<Frame>>> = lanes.iter().map(|lane| lane.inbox.clone()).collect();
        let (captures, free): (Vec<Capture>, Vec<Sender<Box<Frame>>>) =
            lanes.into_iter().map(|lane| (lane.capture, lane.free)).unzip();
        let labels = classifiers[0].description().labels.clone();
        let framing = detector.framing.with_margin(config.model.margin);

        let (to_follow, from_vision) = bounded(vision_threads);
        let (to_classify, from_follow) = bounded(classifiers.len() + 1);
        let (to_publish, from_classify) = bounded(2);
        let mut seers = Vec::new();
        let mut workers = Vec::new();
        for number in 0..vision_threads {
            let vision = vision::Vision::new(
                &detector,
                &settings,
                &inboxes,
                &memories,
                &to_follow,
                &config.limits,
                stop,
            );
            seers.push(spawn(format!("vision-{number}"), move || vision.run())?);
        }
        drop((to_follow, inboxes));
        let follow = follow::Follow::new(&settings, ids, memories, to_classify);
        workers.push(spawn("follow".to_owned(), move || follow.run(&from_vision))?);
        let classify_threads = classifiers.len();
        for (number, classifier) in classifiers.into_iter().enumerate() {
            let classify = classify::Classify::new(classifier, framing, classify_threads);
            let (frames, done) = (from_follow.clone(), to_publish.clone());
            workers.push(spawn(format!("classify-{number}"), move || classify.run(&frames, &done))?);
        }
        drop((from_follow, to_publish));
        let publish = publish::Publish::new(
            Arc::clone(&infos),
            free,
            &settings,
            labels,
            outlets,
            LineSink::new(out, stop.clone()),
        );
        let publisher = spawn("publish".to_owned(), move || publish.run(&from_classify))?;

        let captures = captures
            .into_iter()
            .map(|capture| {
                let infos = Arc::clone(&infos);
                spawn(format!("capture-{}", capture.index()), move || {
                    scheduler_hint::ask_for_short_slices();
                    capture.run(&infos)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        for seer in seers {
            seer.join().map_err(|_| panicked())??;
        }
        for worker in workers {
            worker.join().map_err(|_| panicked())?;
        }
        if let Some(error) = publisher.join().map_err(|_| panicked())? {
            return Err(Failure::new(Exit::Output, anyhow::anyhow!("the events cannot be written: {error}")));
        }
        Ok(collect_outcomes(captures, &infos))
    }
}

fn vision_threads(limits: &LimitsConfig) -> usize {
    match limits.vision_threads {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        threads => threads,
    }
}

/// Number of frames that a source owns.
fn frames(source: &SourceConfig, vision_threads: usize) -> usize {
    vision_threads + FRAMES_AHEAD + if source.uri.is_live() { 0 } else { READ_AHEAD }
}

/// The ends of the pipeline for one source.
struct Lane {
    capture: Capture,
    inbox: Receiver<Box<Frame>>,
    /// Returns its empty frames.
    free: Sender<Box<Frame>>,
}

impl Lane {
    fn new(index: usize, config: &Config, vision_threads: usize, settings: &Shared, stop: &Stop) -> Self {
        let frames = frames(&config.sources[index], vision_threads);
        let (free, empty) = bounded(frames);
        for _ in 0..frames {
            free.send(Box::new(Frame {
                source: index,
                turn: config.sources[index].turn(),
                ..Frame::default()
            }))
            .expect("the channel has room for all");
        }
        let is_live = config.sources[index].uri.is_live();
        let (to_vision, inbox) = bounded(if is_live { 1 } else { vision_threads });
        let stalled_after = Duration::from_secs_f32(config.limits.stalled_after_s);
        let capture =
            Capture::new(index, to_vision, inbox.clone(), empty, settings, stalled_after, stop.clone());
        Self { capture, inbox, free }
    }
}

fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Failure> {
    thread::Builder::new().name(name).spawn(body).map_err(|error| Failure::new(Exit::Software, error))
}

fn panicked() -> Failure {
    Failure::new(Exit::Software, anyhow::anyhow!("a thread of the pipeline has panicked"))
}

/// Collects the results of the capture threads, without waiting longer for those blocked in a driver.
fn collect_outcomes(captures: Vec<JoinHandle<Option<SourceError>>>, infos: &[SourceInfo]) -> Vec<Outcome> {
    let deadline = Instant::now() + STOP_TIMEOUT;
    let mut outcomes = Vec::new();
    for (capture, info) in captures.into_iter().zip(infos) {
        while !capture.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        let error = if capture.is_finished() { capture.join().ok().flatten() } else { None };
        outcomes.push(Outcome {
            name: info.name.clone(),
            analysed: Counters::get(&info.counters.analysed),
            unreadable: Counters::get(&info.counters.unreadable),
            skipped: Counters::get(&info.counters.skipped),
            first_error: info.first_error.get().cloned(),
            error,
        });
    }
    outcomes
}
