//! An analysed frame as it is shown and recorded: the picture that was looked at, and what was seen in it.

use crate::frame::Picture;
use emotiond_core::geometry::BoundingBox;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Instant};

/// One frame. The box goes round and round: its memory is used again.
#[derive(Default, Serialize, Deserialize)]
pub struct Analysed {
    /// Index of its source.
    pub source: usize,
    /// When it was captured; for files, when it was read.
    #[serde(skip)]
    pub time: Timestamp,
    /// The same on the monotonic clock.
    #[serde(skip)]
    pub captured: Option<Instant>,
    /// Presentation time in milliseconds from the start of the file, where there is one.
    pub pts_ms: Option<u64>,
    /// The picture's file; `None` for cameras and videos.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The very picture that was searched. Empty where there are only news.
    #[serde(skip)]
    pub picture: Picture,
    /// Why the source gives no pictures at the moment.
    pub news: Option<String>,
    /// The faces, in pixels of the picture.
    pub faces: Vec<AnalysedFace>,
    /// A row of probabilities a face, smoothed: the largest is that of the emotion that is shown.
    pub probabilities: Vec<f32>,
    /// Milliseconds from capture to the end of the analysis.
    pub latency_ms: f32,
    /// The source's count of analysed pictures, ...
    pub analysed: u64,
    /// ... and of those that nobody had time for.
    pub skipped: u64,
}

/// A face in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysedFace {
    /// Its identity.
    pub track: u64,
    /// Where it is.
    pub bounds: BoundingBox,
}

/// What is the same for all frames of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineInfo {
    /// The sources' names.
    pub sources: Vec<String>,
    /// The emotions in the order of the probabilities.
    pub labels: Vec<String>,
    /// The execution provider.
    pub provider: String,
}
