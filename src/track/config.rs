//! Settings of the tracker.

use emotiond_core::config::values;
use serde::{Deserialize, Serialize};

/// `[tracker]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerConfig {
    /// Overlap with the place where a face is foreseen from which it is taken for the same.
    #[serde(deserialize_with = "values::ratio")]
    pub min_iou: f32,
    /// Seconds after which a face that is not seen any more is lost.
    #[serde(deserialize_with = "values::seconds")]
    pub lost_after_s: f32,
    /// A face is announced once the detector has seen it in so many searches on end, ...
    #[serde(deserialize_with = "values::count")]
    pub announce_hits: u32,
    /// ... or at once with a score from here on.
    #[serde(deserialize_with = "values::ratio")]
    pub announce_score: f32,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self { min_iou: 0.2, lost_after_s: 2.0, announce_hits: 3, announce_score: 0.8 }
    }
}
