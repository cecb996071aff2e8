//! Sources of frames: cameras, videos, network streams, pictures and stdin, behind one trait.
mod camera;
mod clip;
mod config;
mod ffmpeg;
mod ffprobe;
mod images;
mod mjpeg;
mod polled;
mod stdin;
mod uri;

pub use camera::{CameraListing, Identity, Sought, is_plugged_in, list_cameras};
pub use clip::Clip;
pub use config::SourceConfig;
pub use ffprobe::constant_rate;
pub use uri::SourceUri;

use crate::{frame::Frame, stop::Stop};
use emotiond_core::exit::{Exit, ExitsWith};
use std::{io, path::PathBuf};
use thiserror::Error;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The frame contains a picture.
    Frame,
    /// There are no more frames.
    Ended,
}

/// Why a source cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or folder does not exist or cannot be read.
    #[error("{path} cannot be read: {error}; check its name and permissions")]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// A folder without pictures.
    #[error("the folder {0} contains no picture (jpg, jpeg, png, bmp, gif, pnm, tif, webp)")]
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
        "{program} is needed for {uri} and cannot be started ({error}): install it, on Debian with `apt-get install {program}`"
    )]
    Helper {
        /// The program.
        program: &'static str,
        /// The source that needs it.
        uri: String,
        /// The system's error.
        error: io::Error,
    },
    /// No frame of a video can be decoded.
    #[error("no frame of {uri} can be read: {reason}; check that it is a complete video file")]
    Video {
        /// The file.
        uri: String,
        /// ffmpeg's error message.
        reason: String,
    },
    /// A network stream cannot be reached or was interrupted.
    #[error("the stream {uri} failed: {reason}; check the address and the server")]
    Stream {
        /// The address.
        uri: String,
        /// ffmpeg's error message.
        reason: String,
    },
    /// The thread that reads the source cannot be started.
    #[error("the thread that reads a source cannot be started: {0}")]
    Thread(io::Error),
    /// A library panicked while it read the source.
    #[error("the reader of {0} failed unexpectedly; if it is a camera, disconnect it and connect it again")]
    Panic(String),
    /// The frames have more pixels than the limit allows.
    #[error(
        "the frames of {uri} have {width}x{height} pixels, more than the limit of {limit_megapixels} megapixels: reduce their size, or raise `max_megapixels` under [limits] in the config"
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
    /// Stdin is neither MJPEG nor Y4M.
    #[error("the stream on stdin cannot be read: {0}; pipe MJPEG or Y4M into it")]
    Stdin(String),
}

impl ExitsWith for SourceError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } => Exit::NoInput,
            Self::NoPictures(_) | Self::Video { .. } | Self::TooLarge { .. } | Self::Stdin(_) => Exit::Data,
            Self::Camera { .. } | Self::Helper { .. } | Self::Stream { .. } | Self::Panic(_) => {
                Exit::Unavailable
            }
            Self::Thread(_) => Exit::Software,
        }
    }
}

/// A source of frames.
pub trait Source {
    /// Fills `frame` with the next picture's bytes, encoding, size and time; blocks until there is one or the program
    /// is asked to stop.
    ///
    /// # Errors
    /// When the source has failed; it must then be opened again.
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError>;

    /// Which camera it is; `None` for all other sources.
    fn camera(&self) -> Option<Identity> {
        None
    }
}

/// Rejects frames of more than `limit_megapixels` before memory is allocated for them.
fn check_size(uri: &str, width: u32, height: u32, limit_megapixels: f64) -> Result<(), SourceError> {
    if f64::from(width) * f64::from(height) > limit_megapixels * 1e6 {
        return Err(SourceError::TooLarge { uri: uri.to_owned(), width, height, limit_megapixels });
    }
    Ok(())
}

/// Opens a source. Uncompressed frames of more than `max_megapixels` are rejected.
///
/// # Errors
/// When the source does not exist or cannot be used.
pub fn open(config: &SourceConfig, max_megapixels: f64, stop: &Stop) -> Result<Box<dyn Source>, SourceError> {
    open_again(config, None, max_megapixels, stop)
}

/// Opens a source again; a camera addressed by number is also found if its number has changed.
///
/// # Errors
/// When the source does not exist or cannot be used.
pub fn open_again(
    config: &SourceConfig,
    sought: Option<&Sought>,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    Ok(match &config.uri {
        SourceUri::Camera(path) => Box::new(camera::CameraSource::open(path, config, sought)?),
        SourceUri::Video(path) => Box::new(ffmpeg::FfmpegSource::open_file(path, max_megapixels, stop)?),
        SourceUri::Stream(address) => {
            Box::new(ffmpeg::FfmpegSource::open_stream(address, max_megapixels, stop)?)
        }
        SourceUri::Image(path) => Box::new(images::ImageSource::open_file(path)?),
        SourceUri::Folder(path) => Box::new(images::ImageSource::open_folder(path, stop)?),
        SourceUri::Clip(clip) => Box::new(clip::ClipSource::open(clip, stop)),
        SourceUri::Stdin => Box::new(stdin::StdinSource::open(config.fps, max_megapixels, stop)?),
    })
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
            } else {
                std::fs::File::open(path).map(drop)
            };
            readable.map_err(|error| SourceError::Missing { path: path.clone(), error })
        }
        SourceUri::Camera(_) | SourceUri::Stream(_) | SourceUri::Stdin | SourceUri::Clip(_) => Ok(()),
    }
}
