//! Settings of ONNX Runtime.

use super::{Precision, ProviderChoice};
use crate::config::values;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `[runtime]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// Execution provider.
    pub ep: ProviderChoice,
    /// How finely TensorRT and OpenVINO compute.
    pub precision: Precision,
    /// The library `libonnxruntime.so`, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Threads inside one network's run.
    #[serde(deserialize_with = "values::threads")]
    pub intra_threads: usize,
    /// Where TensorRT and OpenVINO keep what they build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            ep: ProviderChoice::Auto,
            precision: Precision::Full,
            library: None,
            intra_threads: 1,
            cache_dir: None,
        }
    }
}

impl RuntimeConfig {
    /// Takes relative paths as relative to the folder `base`.
    pub fn resolve_paths(&mut self, base: &Path) {
        self.library = self.library.take().map(|file| base.join(file));
        self.cache_dir = self.cache_dir.take().map(|folder| base.join(folder));
    }
}
