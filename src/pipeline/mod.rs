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
mod event_writer;
mod follow;
mod full_searches;
mod glance;
mod handover;
mod known;
mod order;
mod publish;
mod reader;
mod reading;
mod scheduler_hint;
mod search_schedule;
mod settings;
mod show;
mod status;
mod stillness;
mod threads;
mod turns;
mod vision;

use crate::{
    analysed::PipelineInfo,
    config::Config,
    decode::FrameDecoder,
    detect::DetectorPlan,
    frame::Frame,
    memory::Plan,
    message::{Clock, Message},
    sink::{Destination, LineSink},
    source::{OpenSource, SourceConfig, SourceError, SourceUri, is_named_pipe},
    stop::Stop,
    track::TrackIds,
};
use arc_swap::ArcSwap;
use capture::{Capture, Carried, Done, Queues, Share};
use crossbeam_channel::{Receiver, Sender, bounded};
use emotiond_core::{
    classify::Classifier,
    exit::{Exit, Failure},
    runtime::{Provider, Runtime, RuntimeError},
};
use glance::{LAG, Memory};
use handover::{Beginning, FirstOf};
pub use handover::{Fate, Ran, Succession};
use jiff::Zoned;
use settings::{Settings, Shared};
pub use show::{Newest, Outlet, Waited};
use status::{Abandoned, Markers, SourceInfo};
pub use status::{Control, Figures, Recording, RequestError, SourceStatus, Status};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};
use stillness::Stillness;
use threads::{Handle, spawn};

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

    /// Starts all threads, from the last stage to the first.
    fn start(self, out: impl Destination + Send + 'static, stop: &Stop) -> Result<Threads, Failure> {
        let Self { config, classifiers, plan, control, outlets, beginning, .. } = self;
        let Beginning { sources: mut firsts } = beginning;
        let description = classifiers[0].description().clone();
        let framing = control.detector.framing.with_margin(config.model.margin);
        let vision_threads = plan.threads;
        let decoder = FrameDecoder::new(plan.max_megapixels);
        let pool = plan.pool(config.sources.iter().map(|source| frames(source, vision_threads)).sum());
        let context =
            Context::new(&config, &control, &outlets, &mut firsts, description.input.size as f32, stop);
        for (memory, first) in context.memories.iter().zip(&firsts) {
            if let Some((memories, index)) = &first.memory {
                memory.continue_from(&memories[*index]);
            }
        }
        let lanes = firsts.iter_mut().map(|first| first.lane.take()).collect();
        let kept = firsts.iter_mut().map(|first| first.kept.take()).collect();
        let ends: Vec<SourceEnds> = firsts
            .into_iter()
            .enumerate()
            .map(|(index, first)| {
                let share = Share { pool: Arc::clone(&pool), decoder, is_watched: context.watched[index] };
                SourceEnds::new(index, &config, vision_threads, &context, share, first)
            })
            .collect();
        let inboxes: Vec<Receiver<Message>> = ends.iter().map(|source| source.inbox.clone()).collect();
        let (captures, free): (Vec<Capture>, Vec<Sender<Box<Frame>>>) =
            ends.into_iter().map(|source| (source.capture, source.free)).unzip();

        let (to_follow, from_vision) = bounded(vision_threads);
        let (to_classify, from_follow) = bounded(classifiers.len() + 1);
        let (to_publish, from_classify) = bounded(2);

        let outputs = free.into_iter().zip(outlets).collect();
        let sink = LineSink::new(out, stop.clone(), Arc::clone(&control.tap));
        let publish = publish::Publish::new(&context, &control, kept, outputs, sink);
        let publish = spawn("publish".to_owned(), move || publish.run(&from_classify))?;
        let mut workers = Vec::new();
        let classify_threads = classifiers.len();
        for (number, classifier) in classifiers.into_iter().enumerate() {
            let classify = classify::Classify::new(classifier, framing, classify_threads);
            let (messages, done) = (from_follow.clone(), to_publish.clone());
            workers.push(spawn(format!("classify-{number}"), move || classify.run(&messages, &done))?);
        }
        let follow = follow::Follow::new(&context, control.ids, lanes, to_classify);
        let follow = spawn("follow".to_owned(), move || follow.run(&from_vision))?;
        let turns = Arc::new(turns::Turns::new(inboxes.len()));
        let vision = (0..vision_threads)
            .map(|number| {
                let vision =
                    vision::Vision::new(&context, &control.detector, decoder, &inboxes, &turns, &to_follow);
                spawn(format!("vision-{number}"), move || vision.run())
            })
            .collect::<Result<_, _>>()?;
        let captures = captures
            .into_iter()
            .map(|capture| {
                spawn(format!("capture-{}", capture.index()), move || {
                    scheduler_hint::ask_for_short_slices();
                    capture.run()
                })
            })
            .collect::<Result<_, _>>()?;
        let Context { memories, stillness, .. } = context;
        Ok(Threads { captures, vision, follow, workers, publish, memories, stillness })
    }
}

/// The running threads.
struct Threads {
    captures: Vec<Handle<Done>>,
    vision: Vec<Handle<Result<(), RuntimeError>>>,
    follow: Handle<Vec<follow::Lane>>,
    /// The threads for classification.
    workers: Vec<Handle<()>>,
    publish: Handle<(Option<io::Error>, Vec<publish::Kept>)>,
    memories: Arc<[Memory]>,
    stillness: Arc<[Arc<Stillness>]>,
}

/// What all threads share.
struct Context {
    settings: Shared,
    infos: Arc<[SourceInfo]>,
    memories: Arc<[Memory]>,
    stillness: Arc<[Arc<Stillness>]>,
    /// Whether somebody watches each source.
    watched: Arc<[bool]>,
    clock: Clock,
    stop: Stop,
}

impl Context {
    /// `firsts`: what the sources begin with.
    fn new(
        config: &Config,
        control: &Control,
        outlets: &[Vec<Outlet>],
        firsts: &mut [FirstOf],
        crop_px: f32,
        stop: &Stop,
    ) -> Self {
        Self {
            settings: Arc::clone(&control.settings),
            infos: Arc::clone(&control.infos),
            memories: config.sources.iter().map(|_| Memory::new(crop_px)).collect(),
            stillness: firsts.iter_mut().map(FirstOf::take_stillness).collect(),
            watched: outlets.iter().map(|outlets| !outlets.is_empty()).collect(),
            clock: control.clock,
            stop: stop.clone(),
        }
    }
}

/// Number of frames that a source owns.
fn frames(source: &SourceConfig, vision_threads: usize) -> usize {
    let read_ahead = if source.uri.is_live() { 0 } else { READ_AHEAD };
    (vision_threads + FRAMES_AHEAD + read_ahead).min(LAG)
}

/// The ends of the pipeline for one source.
struct SourceEnds {
    capture: Capture,
    inbox: Receiver<Message>,
    /// Returns its empty frames.
    free: Sender<Box<Frame>>,
}

impl SourceEnds {
    fn new(
        index: usize,
        config: &Config,
        vision_threads: usize,
        context: &Context,
        share: Share,
        first: FirstOf,
    ) -> Self {
        let frames = frames(&config.sources[index], vision_threads);
        let (free, empty) = bounded(frames);
        // The reader may have some already.
        let lent = first.capture.as_ref().map_or(0, Carried::lent);
        for _ in lent..frames {
            let frame = Frame { turn: config.sources[index].turn(), ..Frame::default() };
            free.send(Box::new(frame)).expect("the channel has room for all");
        }
        let is_live = config.sources[index].uri.is_live();
        let (to_vision, inbox) = bounded(if is_live { 1 } else { vision_threads });
        let stalled_after = Duration::from_secs_f32(config.limits.stalled_after_s);
        let queues = Queues { inbox: to_vision, waiting: inbox.clone(), empty, share };
        Self { capture: Capture::new(index, context, queues, stalled_after, first), inbox, free }
    }
}
