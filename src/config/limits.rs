//! The `[limits]` section.

use crate::{
    cgroup,
    memory::{LEAST_MB, Plan},
};
use emotiond_core::config::values;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{num::NonZero, thread};

/// The part of the system's limit that the process may take; the rest is for ffmpeg and the sender, which share it.
const OF_THE_LIMIT: f64 = 0.7;

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Memory of the process, in millions of bytes; 0: as much as `max_megapixels` and the threads take, and no more than
    /// seven tenths of the limit that the system sets for the process.
    #[serde(deserialize_with = "memory_mb")]
    pub memory_mb: u32,
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
        Self { memory_mb: 0, max_megapixels: 64.0, vision_threads: 0, stalled_after_s: 3.0 }
    }
}

impl LimitsConfig {
    /// The sizes and threads that fit the memory.
    pub fn plan(&self) -> Plan {
        let threads = match self.vision_threads {
            0 => thread::available_parallelism().map_or(1, NonZero::get),
            threads => threads,
        };
        let plan = Plan::new(self.memory_mb, self.max_megapixels, threads);
        if self.memory_mb > 0 {
            return plan;
        }
        let limit_mb = cgroup::memory_limit().map(|bytes| (bytes as f64 * OF_THE_LIMIT / 1e6) as u32);
        match limit_mb {
            Some(limit_mb) if limit_mb < plan.memory_mb => {
                Plan::with_threads(limit_mb.max(LEAST_MB), self.max_megapixels, threads)
            }
            _ => plan,
        }
    }
}

fn memory_mb<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let memory_mb = u32::deserialize(deserializer)?;
    if memory_mb == 0 || memory_mb >= LEAST_MB {
        return Ok(memory_mb);
    }
    Err(D::Error::custom(format!("{memory_mb} is too little: write 0 or at least {LEAST_MB}")))
}
