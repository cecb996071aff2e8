//! Annotated copies of the analysed frames: pictures, and videos through ffmpeg. Written only on request
//! (`--annotate`).
mod matroska;
mod pictures;
mod plan;
mod video;

pub use plan::{Plan, Target};

use crate::{
    analysed::{Analysed, PipelineInfo},
    child::remedy,
    pipeline::{Newest, Outcome, Outlet, Pipeline, Waited},
    source::SourceUri,
};
use crossbeam_channel::Receiver;
use emotiond_core::exit::{Exit, ExitsWith};
use pictures::PictureWriter;
use std::{
    io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use thiserror::Error;
use video::VideoWriter;

/// How often a recorder checks whether its source has ended.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// Why annotated copies cannot be written.
#[derive(Debug, Error)]
pub enum AnnotateError {
    /// The output would overwrite a source.
    #[error("--annotate {0} would overwrite a source: give another file or folder")]
    Overwrites(PathBuf),
    /// The output's name does not suit the source.
    #[error("--annotate {path}: {needed}")]
    Name {
        /// The file.
        path: PathBuf,
        /// The requirement.
        needed: &'static str,
    },
    /// ffmpeg is not installed.
    #[error(
        "ffmpeg is needed to write the video {path} and cannot be started ({error}): {}", remedy("ffmpeg", .error)
    )]
    Helper {
        /// The video.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("{path} cannot be written: {reason}; check the free space and the permissions")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The error of the system, the encoder or ffmpeg.
        reason: String,
    },
    /// The writing thread cannot be started, or has panicked.
    #[error("the thread that writes annotated copies failed: {0}")]
    Thread(String),
}

impl ExitsWith for AnnotateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Overwrites(_) | Self::Name { .. } => Exit::Usage,
            Self::Helper { .. } => Exit::Unavailable,
            Self::Write { .. } => Exit::Output,
            Self::Thread(_) => Exit::Software,
        }
    }
}

/// The recorders of a pipeline, one thread per source.
pub struct Recorders {
    recorders: Vec<JoinHandle<Result<u64, AnnotateError>>>,
}

/// The frames that a recorder receives.
enum Frames {
    /// The newest frames of a live source.
    Newest(Newest),
    /// All frames of a file, a folder or stdin.
    Every(Receiver<Arc<Analysed>>),
}

/// Writes the annotated frames of one source.
trait Writer: Send {
    /// Draws and writes a frame.
    fn write(&mut self, shown: &Analysed) -> Result<(), AnnotateError>;

    /// Waits until everything is written.
    fn finish(&mut self) -> Result<(), AnnotateError> {
        Ok(())
    }
}

impl Recorders {
    /// Starts the recorders of `plan` and connects them with `pipeline`. A recorder that fails ends, and the analysis goes on.
    ///
    /// # Errors
    /// When a folder cannot be created, or ffmpeg or a thread cannot be started.
    pub fn start(plan: &Plan, pipeline: &mut Pipeline) -> Result<Self, AnnotateError> {
        plan.prepare()?;
        let stage = Arc::new(pipeline.stage());
        let mut recorders = Vec::new();
        for (source, target) in plan.targets.iter().enumerate() {
            let uri = pipeline.config.sources[source].uri.clone();
            let (outlet, frames) = Frames::outlet(uri.is_live());
            pipeline.show_in(source, outlet);
            let mut writer = writer(target, &uri, Arc::clone(&stage));
            let recording = pipeline.recording(source);
            recording.begin();
            let body = move || {
                record(&mut *writer, &frames).inspect_err(|error| {
                    recording.fail();
                    tracing::error!("{error}; the analysis goes on without this recording");
                })
            };
            let thread = thread::Builder::new().name(format!("record-{source}")).spawn(body);
            recorders.push(thread.map_err(|error| AnnotateError::Thread(error.to_string()))?);
        }
        Ok(Self { recorders })
    }

    /// Waits until everything is written.
    ///
    /// # Errors
    /// Returns the first failure of a recorder.
    pub fn finish(self, outcomes: &[Outcome]) -> Result<(), AnnotateError> {
        let mut result = Ok(());
        for (source, recorder) in self.recorders.into_iter().enumerate() {
            let panicked = |_| AnnotateError::Thread("it panicked".to_owned());
            match recorder.join().map_err(panicked).flatten() {
                Ok(written) => {
                    if let Some(Outcome { name, analysed, .. }) = outcomes.get(source) {
                        let left_out = analysed.saturating_sub(written);
                        tracing::info!(
                            source = name,
                            "{written} annotated frames written, {left_out} skipped"
                        );
                    }
                }
                Err(error) => result = result.and(Err(error)),
            }
        }
        result
    }
}

impl Frames {
    fn outlet(is_live: bool) -> (Outlet, Self) {
        if is_live {
            let (mut outlets, newest) = Newest::outlets(1);
            (outlets.remove(0), Self::Newest(newest))
        } else {
            let (outlet, frames) = Outlet::every();
            (outlet, Self::Every(frames))
        }
    }

    /// Passes each frame to `take` until the pipeline has ended.
    fn try_for_each<E>(&self, mut take: impl FnMut(&Analysed) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Every(frames) => frames.iter().try_for_each(|shown| take(&shown)),
            Self::Newest(newest) => loop {
                let waited = newest.wait(STOP_TIMEOUT);
                newest.take().try_for_each(|shown| take(&shown))?;
                if matches!(waited, Waited::Ended) {
                    return Ok(());
                }
            },
        }
    }
}

fn writer(target: &Target, uri: &SourceUri, stage: Arc<PipelineInfo>) -> Box<dyn Writer> {
    match target {
        Target::Picture(path) => Box::new(PictureWriter::one(path, stage)),
        Target::Folder(path) => {
            let source = if let SourceUri::Folder(source) = uri { source } else { path };
            Box::new(PictureWriter::folder(source, path, stage))
        }
        Target::Video(path) => Box::new(VideoWriter::new(path, uri, stage)),
    }
}

/// Writes all frames; returns their number.
fn record(writer: &mut dyn Writer, frames: &Frames) -> Result<u64, AnnotateError> {
    let mut written = 0;
    frames.try_for_each(|shown| {
        if shown.picture.pixels.is_empty() {
            return Ok(());
        }
        written += 1;
        writer.write(shown)
    })?;
    writer.finish()?;
    Ok(written)
}
