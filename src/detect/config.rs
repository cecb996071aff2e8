//! Settings of the detector.

use super::DetectorChoice;
use emotiond_core::config::values;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[detector]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// Which one.
    pub name: DetectorChoice,
    /// Its ONNX file, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Least score, 0 to 1; without it, the detector's own.
    #[serde(deserialize_with = "values::ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Least longer side of a face in pixels of the source's frame.
    #[serde(deserialize_with = "values::face_px")]
    pub min_face_px: f32,
    /// Longest side at which faces are searched, in pixels.
    #[serde(deserialize_with = "values::side_px")]
    pub max_side_px: u32,
    /// Overlap over which the weaker of two boxes goes.
    #[serde(deserialize_with = "values::ratio")]
    pub nms_iou: f32,
    /// Every so many frames are searched; between them, faces stand where they are foreseen.
    #[serde(deserialize_with = "values::count")]
    pub every: u32,
    /// Least seconds from one search of a source to the next.
    #[serde(deserialize_with = "values::interval")]
    pub interval_s: f32,
    /// Every so many searches are at full size; the others are at a reduced one while all faces in sight are large.
    #[serde(deserialize_with = "values::count")]
    pub full_every: u32,
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            name: DetectorChoice::Auto,
            file: None,
            min_score: None,
            min_face_px: 24.0,
            max_side_px: 960,
            nms_iou: 0.3,
            every: 1,
            interval_s: 0.0,
            full_every: 5,
        }
    }
}
