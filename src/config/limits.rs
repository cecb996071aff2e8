//! The `[limits]` section.

use emotiond_core::config::values;
use serde::{Deserialize, Serialize};

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Larger pictures are rejected, in millions of pixels.
    #[serde(deserialize_with = "values::megapixels")]
    pub max_megapixels: f64,
    /// Threads that decode frames and detect faces; 0: one per core.
    #[serde(deserialize_with = "values::threads_or_auto")]
    pub vision_threads: usize,
    /// A live source is reported as stalled if no frame arrives for this many seconds.
    #[serde(deserialize_with = "values::timeout_s")]
    pub stalled_after_s: f32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_megapixels: 64.0, vision_threads: 0, stalled_after_s: 3.0 }
    }
}
