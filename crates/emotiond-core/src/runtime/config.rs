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
    /// Precision of TensorRT and OpenVINO.
    pub precision: Precision,
    /// Path of `libonnxruntime.so`; absent: the installed library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Number of threads for one run of a network.
    #[serde(deserialize_with = "values::threads")]
    pub intra_threads: usize,
    /// Cache folder of TensorRT and OpenVINO.
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
    /// Resolves relative paths against the folder `base`.
    pub fn resolve_paths(&mut self, base: &Path) {
        self.library = self.library.take().map(|file| base.join(file));
        self.cache_dir = self.cache_dir.take().map(|folder| base.join(folder));
    }
}
