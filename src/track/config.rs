//! The `[tracker]` section.

use emotiond_core::config::values;
use serde::{Deserialize, Serialize};

/// `[tracker]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerConfig {
    /// Minimum overlap (intersection over union) between a detection and a track's predicted box to match them.
    #[serde(deserialize_with = "values::ratio")]
    pub min_iou: f32,
    /// A face that has not been detected for this many seconds is lost.
    #[serde(deserialize_with = "values::seconds")]
    pub lost_after_s: f32,
    /// A face is announced after this many consecutive detections, ...
    #[serde(deserialize_with = "values::count")]
    pub announce_hits: u32,
    /// ... or immediately if its score is at least this.
    #[serde(deserialize_with = "values::ratio")]
    pub announce_score: f32,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self { min_iou: 0.2, lost_after_s: 2.0, announce_hits: 3, announce_score: 0.8 }
    }
}
