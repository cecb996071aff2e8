//! The `[detector]` section.

use super::DetectorChoice;
use emotiond_core::config::values;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// When pictures are searched in tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TileRule {
    /// Never.
    #[default]
    Off,
    /// If faces of `min_face_px` are too small for the detector in the whole picture.
    Auto,
}

/// `[detector]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// The detector.
    pub name: DetectorChoice,
    /// Path of its ONNX file, if not the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Minimum score, 0 to 1; by default the detector's own.
    #[serde(deserialize_with = "values::ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Minimum length of a face's longer side, in pixels of the source's frame.
    #[serde(deserialize_with = "values::face_px")]
    pub min_face_px: f32,
    /// Longest side of the picture given to the detector, in pixels.
    #[serde(deserialize_with = "values::side_px")]
    pub max_side_px: u32,
    /// Whether a picture whose small faces would be lost at `max_side_px` is also searched in tiles.
    pub tiles: TileRule,
    /// If two boxes overlap by more (intersection over union), the one with the lower score is discarded.
    #[serde(deserialize_with = "values::ratio")]
    pub nms_iou: f32,
    /// The detector runs on every n-th frame; in between, faces are placed where the tracker predicts them.
    #[serde(deserialize_with = "values::count")]
    pub every: u32,
    /// Minimum time between two detector runs of a source, in seconds.
    #[serde(deserialize_with = "values::interval")]
    pub interval_s: f32,
    /// Every n-th detector run uses the full size; the others a reduced one while all tracked faces are large.
    #[serde(deserialize_with = "values::count")]
    pub full_every: u32,
    /// Between two detector runs at full size, small faces are searched only around the places where they were.
    pub regions: bool,
    /// Seconds between two full searches of a picture that does not change; 0: it is searched like any other.
    #[serde(deserialize_with = "values::interval")]
    pub still_every_s: f32,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            name: DetectorChoice::Auto,
            file: None,
            min_score: None,
            min_face_px: 24.0,
            max_side_px: 960,
            tiles: TileRule::Off,
            nms_iou: 0.3,
            every: 1,
            interval_s: 0.0,
            full_every: 5,
            regions: true,
            still_every_s: 2.0,
        }
    }
}
