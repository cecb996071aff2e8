//! Sources of frames: cameras, videos, network streams, pictures and stdin, behind one trait.
mod address;
mod animation;
mod camera;
mod config;
mod ffmpeg;
mod ffprobe;
mod heif;
mod http;
mod images;
mod kind;
mod mjpeg;
mod named_pipe;
mod polled;
mod program;
mod raw_stream;
mod uri;

pub use address::{Address, hide_addresses};
pub use camera::{CameraListing, Identity, NO_CAMERA, Sought, is_plugged_in, list_cameras};
pub use config::{OnEnd, SourceConfig, Transport};
pub use ffprobe::constant_rate;
pub use program::COMMAND_PREFIX;
pub use raw_stream::RawStreamSource;
pub use uri::SourceUri;

use crate::{
    child::{EXHAUSTED, is_exhausted, remedy},
    frame::Frame,
    stop::Stop,
    system::is_named_pipe,
};
use emotiond_core::exit::{Exit, ExitsWith};
use kind::Kind;
use std::{io, path::PathBuf};
use thiserror::Error;

/// The result of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The frame contains a picture.
    Frame,
    /// The next picture cannot be read, and why; the source goes on.
    Unreadable(String),
    /// There is no new picture, but the source works. The frame contains nothing.
    Unchanged,
    /// There are no more frames.
    Ended,
}

/// Why a source cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or folder does not exist or cannot be read.
    #[error("{path} cannot be read: {error}; {}", remedy_for_file(.error))]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A folder without pictures.
    #[error("the folder {0} contains no picture (jpg, png, bmp, gif, pnm, tif, webp, heic, avif)")]
    NoPictures(PathBuf),
    /// A camera cannot be used.
    #[error("the camera {camera} cannot be used: {reason}; {remedy}")]
    Camera {
        /// The camera's URI.
        camera: String,
        /// The cause.
        reason: String,
        /// How to fix it.
        remedy: &'static str,
    },
    /// A required program cannot be started.
    #[error(
        "{program} is needed for {uri} and cannot be started ({error}): {}", remedy(.program, .error)
    )]
    Helper {
        /// The program.
        program: &'static str,
        /// The source that needs it.
        uri: String,
        /// The system's error.
        error: io::Error,
    },
    /// The system cannot load ffmpeg's libraries.
    #[error(
        "ffmpeg, which is needed for {uri}, cannot be loaded: {reason}; reinstall it, or if memory is short: {EXHAUSTED}"
    )]
    Unloaded {
        /// The source that needs it.
        uri: String,
        /// The loader's message.
        reason: String,
    },
    /// No frame of a video can be decoded.
    #[error("no frame of {uri} can be read: {reason}; check that it is a complete video file")]
    Video {
        /// The file.
        uri: String,
        /// ffmpeg's error message.
        reason: String,
    },
    /// ffmpeg was killed while it read a file, for example because memory ran out.
    #[error(
        "ffmpeg was ended by signal {signal} after {frames} frames of {uri}, which are not all: check the memory and the system's log, and start again"
    )]
    Killed {
        /// The file.
        uri: String,
        /// The signal's number.
        signal: i32,
        /// The frames that were read.
        frames: u64,
    },
    /// A network stream cannot be reached or was interrupted.
    #[error("the stream {uri} failed: {reason}; check the address and the server")]
    Stream {
        /// The address.
        uri: String,
        /// ffmpeg's error message.
        reason: String,
    },
    /// A live stream has ended by itself.
    #[error("the stream {0} has ended; check the server or program")]
    Closed(String),
    /// A new source delivers nothing.
    #[error(
        "no picture of {0} has come within 10 seconds; check that it is on, or set `wait = true` under its [[source]]"
    )]
    Silent(String),
    /// A program delivers no stream.
    #[error("the program {uri} failed: {reason}; check the command in the configuration")]
    Program {
        /// `exec:` and its name.
        uri: String,
        /// The cause, in its own words if it has any.
        reason: String,
    },
    /// The thread that reads the source cannot be started.
    #[error("the thread that reads a source cannot be started: {0}; {EXHAUSTED}")]
    Thread(io::Error),
    /// A library panicked while it read the source.
    #[error("the reader of {0} failed unexpectedly; if it is a camera, disconnect it and connect it again")]
    Panic(String),
    /// The frames have more pixels than the limit allows.
    #[error(
        "the frames of {uri} have {width}x{height} pixels, more than the limit of {limit_megapixels} megapixels: reduce their size, or raise `max_megapixels` under [limits] in the config and, if the memory is limited, `memory_mb` or the limit of the system"
    )]
    TooLarge {
        /// The source.
        uri: String,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit.
        limit_megapixels: f64,
    },
    /// A stream on stdin or in a named pipe is neither MJPEG nor Y4M.
    #[error("the stream from {uri} cannot be read: {reason}; pipe MJPEG or Y4M into it")]
    Pipe {
        /// `stdin`, or the path of the pipe.
        uri: String,
        /// What is wrong.
        reason: String,
    },
}

impl ExitsWith for SourceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { error, .. } if is_exhausted(error) => Exit::Unavailable,
            Self::Missing { .. } => Exit::NoInput,
            Self::NoPictures(_) | Self::Video { .. } | Self::TooLarge { .. } | Self::Pipe { .. } => {
                Exit::Data
            }
            Self::Camera { .. }
            | Self::Helper { .. }
            | Self::Unloaded { .. }
            | Self::Stream { .. }
            | Self::Closed(_)
            | Self::Silent(_)
            | Self::Program { .. }
            | Self::Killed { .. }
            | Self::Panic(_) => Exit::Unavailable,
            Self::Thread(_) => Exit::Unavailable,
        }
    }
}

fn remedy_for_file(error: &io::Error) -> &'static str {
    if is_exhausted(error) { EXHAUSTED } else { "check its name and permissions" }
}

/// A source of frames.
pub trait Source {
    /// Fills `frame` with the next picture's bytes, encoding, size and presentation time; blocks until there is one or
    /// the program is asked to stop. [`Read::Unchanged`] means that the source has none but works.
    ///
    /// # Errors
    /// When the source has failed; it must then be opened again.
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError>;

    /// Whether it has an end and times of its own, so that no frame may be skipped. An address may lead to a recorded
    /// file, which is known only once it is open.
    fn is_recorded(&self) -> bool {
        false
    }

    /// Which camera it is; `None` for all other sources.
    fn camera(&self) -> Option<Identity> {
        None
    }
}

/// Opens a source, as often as needed.
pub trait OpenSource: Send + Sync {
    /// Opens the source. A camera that was open before is `sought` under its current number. Uncompressed frames of more
    /// than `max_megapixels` are rejected.
    ///
    /// # Errors
    /// When the source does not exist or cannot be used.
    fn open(
        &self,
        sought: Option<&Sought>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Box<dyn Source>, SourceError>;
}

/// Rejects frames of more than `limit_megapixels` before memory is allocated for them.
fn check_size(uri: &str, width: u32, height: u32, limit_megapixels: f64) -> Result<(), SourceError> {
    if f64::from(width) * f64::from(height) > limit_megapixels * 1e6 {
        return Err(SourceError::TooLarge { uri: uri.to_owned(), width, height, limit_megapixels });
    }
    Ok(())
}

impl OpenSource for SourceConfig {
    fn open(
        &self,
        sought: Option<&Sought>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Box<dyn Source>, SourceError> {
        Ok(match &self.uri {
            SourceUri::Camera(path) => Box::new(camera::CameraSource::open(path, self, sought)?),
            SourceUri::Video(path) if is_named_pipe(path) => {
                named_pipe::open_pipe(path, self.fps, max_megapixels, stop)?
            }
            SourceUri::Video(path) if Kind::of(path) == Kind::Animation => {
                Box::new(animation::AnimationSource::open(path, max_megapixels, stop)?)
            }
            SourceUri::Video(path) => Box::new(ffmpeg::FfmpegSource::open_file(path, max_megapixels, stop)?),
            SourceUri::Stream(address) if address.is_http() => {
                http::open(address, self, max_megapixels, stop)?
            }
            SourceUri::Stream(address) => {
                Box::new(ffmpeg::FfmpegSource::open_stream(address, self.transport, max_megapixels, stop)?)
            }
            SourceUri::Program(command) => {
                Box::new(program::ProgramSource::open(command, self.fps, max_megapixels, stop)?)
            }
            SourceUri::Image(path) => Box::new(images::ImageSource::open_file(path, stop)?),
            SourceUri::Folder(path) => {
                Box::new(images::ImageSource::open_folder(path, self.recursive, stop)?)
            }
            SourceUri::Stdin => {
                Box::new(raw_stream::RawStreamSource::open_stdin(self.fps, max_megapixels, stop)?)
            }
        })
    }
}

/// Checks that a file or folder exists and can be read.
///
/// # Errors
/// When it does not exist or cannot be read.
pub fn check_presence(uri: &SourceUri) -> Result<(), SourceError> {
    match uri {
        SourceUri::Video(path) | SourceUri::Image(path) | SourceUri::Folder(path) => {
            let readable = if path.is_dir() {
                std::fs::read_dir(path).map(drop)
            } else if is_named_pipe(path) {
                // Opening it would wait for its writer.
                Ok(())
            } else {
                std::fs::File::open(path).map(drop)
            };
            readable.map_err(|error| SourceError::Missing { path: path.clone(), error })
        }
        SourceUri::Camera(_) | SourceUri::Stream(_) | SourceUri::Program(_) | SourceUri::Stdin => Ok(()),
    }
}
