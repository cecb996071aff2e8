//! Starts the threads of a pipeline and connects them with queues.

use super::{
    Pipeline, READ_AHEAD,
    capture::{Capture, Carried, Done, Queues, Share},
    classify,
    control::Control,
    follow,
    glance::{LAG, Memory},
    handover::{Beginning, FirstOf},
    publish,
    settings::Shared,
    show::Outlet,
    source_info::SourceInfo,
    stillness::Stillness,
    threads::{Handle, spawn},
    turns, vision,
};
use crate::{
    config::Config,
    decode::FrameDecoder,
    frame::Frame,
    message::{Clock, Message},
    sink::{Destination, LineSink},
    source::SourceConfig,
    stop::Stop,
    system::ask_for_short_slices,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use emotiond_core::{exit::Failure, runtime::RuntimeError};
use std::{io, sync::Arc, time::Duration};

/// Frames of a source in addition to those in the vision threads: in its inbox and on their way to stdout.
const FRAMES_AHEAD: usize = 4;

impl Pipeline {
    /// Starts all threads, from the last stage to the first.
    pub(super) fn start(
        self,
        out: impl Destination + Send + 'static,
        stop: &Stop,
    ) -> Result<Threads, Failure> {
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
                    ask_for_short_slices();
                    capture.run()
                })
            })
            .collect::<Result<_, _>>()?;
        let Context { memories, stillness, .. } = context;
        Ok(Threads { captures, vision, follow, workers, publish, memories, stillness })
    }
}

/// The running threads.
pub(super) struct Threads {
    pub captures: Vec<Handle<Done>>,
    pub vision: Vec<Handle<Result<(), RuntimeError>>>,
    pub follow: Handle<Vec<follow::Lane>>,
    /// The threads for classification.
    pub workers: Vec<Handle<()>>,
    pub publish: Handle<(Option<io::Error>, Vec<publish::Kept>)>,
    pub memories: Arc<[Memory]>,
    pub stillness: Arc<[Arc<Stillness>]>,
}

/// What all threads share.
pub(super) struct Context {
    pub settings: Shared,
    pub infos: Arc<[SourceInfo]>,
    pub memories: Arc<[Memory]>,
    pub stillness: Arc<[Arc<Stillness>]>,
    /// Whether somebody watches each source.
    pub watched: Arc<[bool]>,
    pub clock: Clock,
    pub stop: Stop,
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
