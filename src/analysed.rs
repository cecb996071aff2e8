//! An analysed frame for overlay and recorders: the picture and its faces.

use crate::{areas::Areas, frame::Picture};
use emotiond_core::geometry::BoundingBox;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Instant};

/// One frame. Its memory is reused.
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
    /// Presentation time in milliseconds from the start of a video or of stdin.
    pub pts_ms: Option<u64>,
    /// Path of the picture; `None` for cameras and videos.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The analysed picture. Empty if there is only `news`.
    #[serde(skip)]
    pub picture: Picture,
    /// Why the source currently delivers no pictures.
    pub news: Option<String>,
    /// The faces, in pixels of the picture.
    pub faces: Vec<AnalysedFace>,
    /// A row of smoothed probabilities per face; the largest belongs to the displayed emotion.
    pub probabilities: Vec<f32>,
    /// Milliseconds from capture to the end of the analysis.
    pub latency_ms: f32,
    /// Number of analysed pictures of the source, ...
    pub analysed: u64,
    /// ... and of skipped ones.
    pub skipped: u64,
}

/// A face in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysedFace {
    /// Track number.
    pub track: u64,
    /// Bounding box.
    pub bounds: BoundingBox,
}

/// Information that is the same for all frames of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineInfo {
    /// The sources' names.
    pub sources: Vec<String>,
    /// The areas of the sources.
    pub areas: Vec<Areas>,
    /// The emotion labels in the order of the probabilities.
    pub labels: Vec<String>,
    /// The execution provider.
    pub provider: String,
    /// Whether faces are to be made unrecognisable.
    pub hides_faces: bool,
}
