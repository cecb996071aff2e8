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
mod change;
mod classify;
mod control;
mod event_writer;
mod follow;
mod full_searches;
mod glance;
mod handover;
mod in_turn;
mod known;
mod masked;
mod order;
mod publish;
mod reader;
mod reading;
mod search_schedule;
mod settings;
mod show;
mod source_info;
mod start;
mod status;
mod stillness;
mod threads;
mod turns;
mod vision;

use crate::{
    analysed::PipelineInfo,
    config::Config,
    detect::DetectorPlan,
    memory::Plan,
    message::Clock,
    sink::Destination,
    source::{OpenSource, SourceConfig, SourceError, SourceUri},
    stop::Stop,
    system::{is_named_pipe, return_memory},
    track::TrackIds,
};
use arc_swap::ArcSwap;
use capture::Carried;
use control::{Abandoned, Markers};
pub use control::{Control, RequestError};
use emotiond_core::{
    classify::Classifier,
    exit::{Exit, Failure},
    runtime::{Provider, Runtime},
};
use handover::Beginning;
pub use handover::{Fate, Ran, Succession};
use jiff::Zoned;
use settings::Settings;
pub use show::{Newest, Outlet, Waited};
use source_info::SourceInfo;
pub use source_info::{Figures, Recording};
use start::{Context, Threads};
pub use status::{SourceStatus, Status};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

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
    /// The sizes and threads that fit the memory.
    plan: Plan,
    control: Control,
    /// The outlets of each source's frames.
    outlets: Vec<Vec<Outlet>>,
    beginning: Beginning,
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
    /// Loads runtime, detector and model for the sources of `config`.
    ///
    /// # Errors
    /// When the runtime, the detector or the model is unusable.
    pub fn load(config: Config) -> Result<Self, Failure> {
        let opener = |source: &SourceConfig| Arc::new(source.clone()) as Arc<dyn OpenSource>;
        let openers = config.sources.iter().map(opener).collect();
        Self::load_with(config, openers)
    }

    /// Loads runtime, detector and model. The sources are opened by `openers`, one for each source of `config`.
    ///
    /// # Errors
    /// When the runtime, the detector or the model is unusable.
    pub fn load_with(config: Config, openers: Vec<Arc<dyn OpenSource>>) -> Result<Self, Failure> {
        let runtime = Runtime::load(&config.runtime)?;
        let detector = DetectorPlan::new(&runtime, &config.detector)?;
        // On a processor, each core classifies a part of the faces; an accelerator gets large batches.
        let plan = config.limits.plan();
        tracing::info!("memory: {plan}");
        let threads = if runtime.provider() == Provider::Cpu { plan.threads } else { 1 };
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
                .zip(openers)
                .map(|(source, opener)| SourceInfo::new(source, opener, plan.max_megapixels))
                .collect(),
            labels: description.labels.clone().into(),
            ids: TrackIds::default(),
            tap: Arc::default(),
            markers: Markers::new(),
            abandoned: Abandoned::new(),
            clock: Clock::start(),
        };
        // The optimisation of the networks leaves free pages.
        return_memory();
        let outlets = config.sources.iter().map(|_| Vec::new()).collect();
        let beginning = Beginning::new(config.sources.iter().map(|_| None).collect());
        Ok(Self { config, classifiers, provider: runtime.provider(), plan, control, outlets, beginning })
    }

    /// Information for overlay and recorders.
    pub fn stage(&self) -> PipelineInfo {
        PipelineInfo {
            sources: self.config.sources.iter().map(SourceConfig::short_name).collect(),
            areas: self.config.sources.iter().map(SourceConfig::areas).collect(),
            labels: self.classifiers[0].description().labels.clone(),
            provider: self.provider.to_string(),
            hides_faces: self.config.blur,
        }
    }

    /// The newest frames of all sources, for somebody who looks on, and what is the same for all of them.
    pub fn newest(&mut self) -> (PipelineInfo, Newest) {
        let (outlets, newest) = Newest::outlets(self.outlets.len());
        for (source, outlet) in outlets.into_iter().enumerate() {
            self.show_in(source, outlet);
        }
        (self.stage(), newest)
    }

    /// Adds an outlet for the frames of `source`.
    pub fn show_in(&mut self, source: usize, outlet: Outlet) {
        self.outlets[source].push(outlet);
    }

    /// Where the recorder of `source` notes whether it works.
    pub fn recording(&self, source: usize) -> Recording {
        self.control.infos[source].recording.clone()
    }

    /// A handle to the pipeline while it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Continues the track numbers of the previous pipeline, so that none is used twice, its outputs, pauses and counts.
    /// Must be called before any handle to this pipeline is made.
    pub fn continue_after(&mut self, before: &Control, succession: &Succession) {
        self.control.continue_after(before, succession);
    }

    /// Opens the sources that the previous pipeline does not have, and waits for their first pictures, so that nothing
    /// that works is given up for something that does not. Sources with `wait`, closed ones and pipes are left out.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn open_new(&mut self, succession: &Succession, stop: &Stop) -> Result<(), SourceError> {
        let now = Zoned::now();
        let is_tried = |config: &SourceConfig| {
            let is_pipe = match &config.uri {
                SourceUri::Video(path) => is_named_pipe(path),
                uri => *uri == SourceUri::Stdin,
            };
            !config.wait && !is_pipe && config.active.closed_until(&now).is_none()
        };
        let open = |(index, (config, heir_of)): (usize, (&SourceConfig, &Option<usize>))| {
            if heir_of.is_some() || !is_tried(config) {
                return Ok(None);
            }
            let info = &self.control.infos[index];
            Carried::open_ahead(index, info, &self.control.settings, self.control.clock, stop).map(Some)
        };
        let sources = self.config.sources.iter().zip(&succession.heirs_of).enumerate();
        self.beginning = Beginning::new(sources.map(open).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Goes on with the sources and faces of the previous pipeline.
    pub fn take_over(&mut self, ran: Ran, succession: &Succession) {
        self.beginning.take_over(ran, succession, &self.control.infos, self.config.tracker);
    }

    /// Runs until all sources have ended, `stop` is set or the reader of `out` closes its end. Writes events to `out`.
    ///
    /// # Errors
    /// When a thread cannot be started or panics, or `out` cannot be written. Errors of sources are in their outcomes.
    pub fn run(self, out: impl Destination + Send + 'static, stop: &Stop) -> Result<Vec<Outcome>, Failure> {
        self.run_until(out, stop).map(Ran::outcomes)
    }

    /// The same; also returns what another pipeline can go on with. `stop` ends the pipeline, and its sources only if it is
    /// not a part of another flag, or if that is set.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn run_until(self, out: impl Destination + Send + 'static, stop: &Stop) -> Result<Ran, Failure> {
        let infos = Arc::clone(&self.control.infos);
        let threads = self.start(out, stop)?;
        for vision in threads.vision {
            vision.join()??;
        }
        for worker in threads.workers {
            worker.join()?;
        }
        let following = threads.follow.join()?;
        let (error, publishing) = threads.publish.join()?;
        if let Some(error) = error {
            return Err(Failure::new(Exit::Output, anyhow::anyhow!("the events cannot be written: {error}")));
        }
        // Those that are blocked in a driver are not waited for any longer.
        let deadline = Instant::now() + STOP_TIMEOUT;
        let sources = threads.captures.into_iter().map(|capture| capture.join_until(deadline)).collect();
        let Threads { memories, stillness, .. } = threads;
        Ok(Ran { sources, infos, memories, stillness, following, publishing })
    }
}
