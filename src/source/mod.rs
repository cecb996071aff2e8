//! Where frames come from, behind one trait.
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

pub use camera::{CameraListing, is_plugged_in, list_cameras};
pub use clip::Clip;
pub use config::SourceConfig;
pub use ffprobe::constant_rate;
pub use uri::SourceUri;

use crate::{frame::Frame, stop::Stop};
use emotiond_core::exit::{Exit, ExitsWith};
use std::{io, path::PathBuf};
use thiserror::Error;

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The frame holds a picture.
    Frame,
    /// There are no more.
    Ended,
}

/// Why a source gives no frames.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file or folder is not there or may not be read.
    #[error("{path} cannot be read: {error}; check its name and who may read it")]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A folder without a picture.
    #[error("the folder {0} holds no picture (jpg, jpeg, png, bmp, gif, pnm, tif, webp)")]
    NoPictures(PathBuf),
    /// A camera cannot be used.
    #[error("the camera {camera} cannot be used: {reason}; {remedy}")]
    Camera {
        /// What it is called.
        camera: String,
        /// What went wrong.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A program that is needed is not installed.
    #[error(
        "{program} is needed for {uri} and cannot be started ({error}): install it, on Debian with `apt-get install {program}`"
    )]
    Helper {
        /// The program.
        program: &'static str,
        /// For what.
        uri: String,
        /// What the system says.
        error: io::Error,
    },
    /// A video without a frame that can be read.
    #[error("{uri} gives no frames: {reason}; is it a whole video?")]
    Video {
        /// The file.
        uri: String,
        /// What ffmpeg says.
        reason: String,
    },
    /// A network stream that cannot be reached or broke.
    #[error("the stream {uri} is gone: {reason}")]
    Stream {
        /// The address.
        uri: String,
        /// What ffmpeg says.
        reason: String,
    },
    /// The thread that reads the source cannot be started.
    #[error("no thread can be started to read a source: {0}")]
    Thread(io::Error),
    /// Foreign code panicked.
    #[error("the driver of {0} gave up")]
    Panic(String),
    /// Frames of more pixels than the limit allows.
    #[error(
        "the frames of {uri} have {width}x{height} pixels, more than the {limit_megapixels} megapixels allowed: make them smaller, or raise `max_megapixels` under [limits] in the config"
    )]
    TooLarge {
        /// The source.
        uri: String,
        /// Pixels a row.
        width: u32,
        /// Rows.
        height: u32,
        /// The limit.
        limit_megapixels: f64,
    },
    /// Stdin holds something else.
    #[error("stdin is not a stream that can be read: {0}; pipe MJPEG or Y4M into it")]
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

/// Gives frames, one after the other.
pub trait Source {
    /// Fills `frame` with the next picture's bytes, encoding, size and time; waits until there is one or the program
    /// is to stop.
    ///
    /// # Errors
    /// When the source has failed; it must be opened anew.
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError>;

    /// What a camera calls itself; nothing else has a name.
    fn device_name(&self) -> Option<String> {
        None
    }
}

/// A camera that was open before and may have come back under another number.
pub struct Sought {
    /// What it calls itself.
    pub name: String,
    /// Device files where it is not looked for: other sources have them.
    pub except: Vec<PathBuf>,
}

/// Refuses frames of more than `limit_megapixels` before memory is taken for them.
fn check_size(uri: &str, width: u32, height: u32, limit_megapixels: f64) -> Result<(), SourceError> {
    if f64::from(width) * f64::from(height) > limit_megapixels * 1e6 {
        return Err(SourceError::TooLarge { uri: uri.to_owned(), width, height, limit_megapixels });
    }
    Ok(())
}

/// Opens a source. Uncompressed frames of more than `max_megapixels` are refused.
///
/// # Errors
/// When it is not there or not usable.
pub fn open(config: &SourceConfig, max_megapixels: f64, stop: &Stop) -> Result<Box<dyn Source>, SourceError> {
    open_again(config, None, max_megapixels, stop)
}

/// Opens a source; a camera by number that was open before is found under whatever number it has now.
///
/// # Errors
/// When it is not there or not usable.
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

/// Looks, without opening, whether a file or folder is there.
///
/// # Errors
/// When it is not.
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
