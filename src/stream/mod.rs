//! Annotated pictures for the sender's server (`--stream`): only of sources that somebody watches, small, and not more
//! than a few a second. They are drawn here, so that the sender's process never sees an unblurred face with `--blur`.

mod painter;

use crate::{
    analysed::PipelineInfo,
    pipeline::{Newest, Pipeline, Waited},
    system::{OwnedPipe, give_way_here},
};
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender, unbounded};
use emotiond_core::exit::{Exit, ExitsWith};
use emotiond_send::wire::write_picture;
use painter::Painter;
use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use thiserror::Error;

/// Between two pictures of a source.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often to check for the end while there is no frame.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Niceness of the thread: the analysis has priority.
const NICER: i32 = 19;

/// Why pictures cannot be streamed.
#[derive(Debug, Error)]
#[error("the thread that draws pictures for --stream cannot be started: {0}")]
pub struct StreamError(#[from] io::Error);

impl ExitsWith for StreamError {
    fn exit(&self) -> Exit {
        Exit::Software
    }
}

/// The running thread. Dropping it ends it.
pub struct Stream {
    link: Link,
    closing: Arc<AtomicBool>,
    /// Dropped first, to end the thread.
    to_show: Option<Sender<(PipelineInfo, Newest)>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread shares with the outputs. A clone leads to the same thread.
#[derive(Clone)]
pub struct Link {
    pipes: Sender<OwnedPipe>,
    watched: Arc<ArcSwap<Vec<String>>>,
}

impl Link {
    /// Writes pictures into this pipe from now on: a new sender reads from it.
    pub fn write_to(&self, pipe: OwnedPipe) {
        // Fails only if the thread has ended.
        let _ = self.pipes.send(pipe);
    }
}

impl Stream {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn start() -> Result<Self, StreamError> {
        let (to_us, pipes) = unbounded();
        let (to_show, stages) = unbounded();
        let link = Link { pipes: to_us, watched: Arc::default() };
        let closing = Arc::<AtomicBool>::default();
        let feeder = Feeder { pipes, watched: Arc::clone(&link.watched), closing: Arc::clone(&closing) };
        let thread = thread::Builder::new().name("stream".to_owned()).spawn(move || feeder.run(&stages))?;
        Ok(Self { link, closing, to_show: Some(to_show), thread: Some(thread) })
    }

    /// For the outputs.
    pub fn link(&self) -> Link {
        self.link.clone()
    }

    /// Shows the frames of this pipeline from now on.
    pub fn show(&self, pipeline: &mut Pipeline) {
        if let Some(to_show) = &self.to_show {
            let _ = to_show.send(pipeline.newest());
        }
    }

    /// Draws the pictures of these sources only.
    pub fn watch(&self, sources: &[String]) {
        self.link.watched.store(Arc::new(sources.to_vec()));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        self.to_show = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's state.
struct Feeder {
    pipes: Receiver<OwnedPipe>,
    watched: Arc<ArcSwap<Vec<String>>>,
    closing: Arc<AtomicBool>,
}

impl Feeder {
    fn run(self, stages: &Receiver<(PipelineInfo, Newest)>) {
        give_way_here(NICER);
        let mut pipe = None;
        for (stage, newest) in stages {
            self.feed(&mut pipe, stage, &newest);
        }
    }

    /// Writes pictures until the pipeline or the program ends.
    fn feed(&self, pipe: &mut Option<File>, stage: PipelineInfo, newest: &Newest) {
        let mut due = vec![Instant::now(); stage.sources.len()];
        let mut painter = Painter::new(stage);
        while !self.closing.load(Ordering::Relaxed) {
            let waited = newest.wait(POLL_INTERVAL);
            if let Some(newer) = self.pipes.try_iter().last() {
                *pipe = Some(newer.into());
            }
            let watched = self.watched.load();
            for shown in newest.take() {
                let name = painter.source(shown.source);
                // A source that is up again has nothing to show before its next picture.
                let is_something = !shown.picture.pixels.is_empty() || shown.news.is_some();
                let is_wanted = is_something && watched.iter().any(|source| source == name);
                let now = Instant::now();
                // News is rare, and the last picture for long.
                if !is_wanted || (now < due[shown.source] && shown.news.is_none()) {
                    continue;
                }
                due[shown.source] = now + INTERVAL;
                let (Some(out), Some(jpeg)) = (pipe.as_mut(), painter.paint(&shown)) else { continue };
                // A sender that has ended is replaced by another one, with another pipe.
                if write_picture(out, painter.source(shown.source), &jpeg).is_err() {
                    *pipe = None;
                }
            }
            if matches!(waited, Waited::Ended) {
                return;
            }
        }
    }
}
