//! What is refused or held back.

use emotiond_core::config::values;
use serde::{Deserialize, Serialize};

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Larger pictures are refused, in millions of pixels.
    #[serde(deserialize_with = "values::megapixels")]
    pub max_megapixels: f64,
    /// Threads that decode and detect; 0 takes one a core.
    #[serde(deserialize_with = "values::threads_or_auto")]
    pub vision_threads: usize,
    /// A live source that gives no frame for so many seconds is told to be stalled.
    #[serde(deserialize_with = "values::patience")]
    pub stalled_after_s: f32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_megapixels: 64.0, vision_threads: 0, stalled_after_s: 3.0 }
    }
}
