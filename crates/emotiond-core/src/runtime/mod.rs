//! ONNX Runtime: loads the library, selects the execution provider and creates sessions.
mod arena;
mod config;
mod library;
mod progress;
mod provider;
mod telemetry;

pub use config::RuntimeConfig;
pub use progress::with_progress;
pub use provider::{Precision, Provider, ProviderChoice};

use crate::{
    exit::{Exit, ExitsWith},
    files, paths,
};
use ort::{
    environment::Environment,
    session::{Session, builder::GraphOptimizationLevel},
};
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The longest file of a network.
pub const MOST_MODEL_BYTES: u64 = 1 << 30;

/// Why a network cannot run.
#[derive(Debug, Error)]
pub enum RuntimeError {
    /// No library was found.
    #[error(
        "no ONNX Runtime library is installed: run `{installer}`, or set the path of libonnxruntime.so with `library` under [runtime] or ORT_DYLIB_PATH (searched in {0})",
        installer = paths::runtime_installer()
    )]
    NoLibrary(String),
    /// The given library cannot be loaded.
    #[error("the ONNX Runtime library {path} cannot be loaded: {reason}")]
    Library {
        /// The file.
        path: PathBuf,
        /// The loader's error.
        reason: String,
    },
    /// An execution provider that was given by name is unavailable.
    #[error("the execution provider `{name}` is unavailable: {reason}; {remedy}")]
    Provider {
        /// Its name.
        name: Provider,
        /// The runtime's error.
        reason: String,
        /// How to fix it.
        remedy: String,
    },
    /// The provider supports only full precision.
    #[error(
        "the execution provider `{0}` computes in full precision: remove `precision` under [runtime], or use tensorrt or openvino"
    )]
    Precision(Provider),
    /// The model's file cannot be read.
    #[error("the model {path} cannot be read: {error}")]
    ModelFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The face detector's file cannot be read.
    #[error("the face detector {path} cannot be read: {error}; {}", paths::detector_remedy())]
    DetectorFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The model's file is not a usable network.
    #[error("{path} is not a usable ONNX model: {reason}")]
    Model {
        /// The file.
        path: PathBuf,
        /// What the runtime says.
        reason: String,
    },
}

impl ExitsWith for RuntimeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Precision(_) => Exit::Config,
            _ => Exit::Unavailable,
        }
    }
}

/// The bytes of a network's file.
///
/// # Errors
/// When it cannot be read, is no regular file or is too long.
pub fn read_model(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files::read_regular(path, MOST_MODEL_BYTES, &mut bytes)?;
    Ok(bytes)
}

/// The loaded library and the provider on which sessions run.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
    provider: Provider,
    precision: Precision,
    intra_threads: usize,
    cache_dir: PathBuf,
}

impl Runtime {
    /// Loads the library as configured by `config` and selects an execution provider. A process can load only one
    /// library: later calls use the library of the first call.
    ///
    /// # Errors
    /// When there is no library, or a provider given by name does not work. With `auto`, no provider causes an error.
    pub fn load(config: &RuntimeConfig) -> Result<Self, RuntimeError> {
        let (environment, library) = library::load(config)?;
        let cache_dir = config.cache_dir.clone().unwrap_or_else(provider::default_cache_dir);
        let mut runtime = Self {
            environment,
            library,
            provider: Provider::Cpu,
            precision: config.precision,
            intra_threads: config.intra_threads,
            cache_dir,
        };
        runtime.provider = match config.ep {
            ProviderChoice::Named(provider) => {
                if config.precision == Precision::Half && !provider.has_half_precision() {
                    return Err(RuntimeError::Precision(provider));
                }
                runtime.probe(provider).map(|()| provider)?
            }
            ProviderChoice::Auto => runtime.best_provider(),
        };
        if config.precision == Precision::Half && !runtime.provider.has_half_precision() {
            tracing::warn!("the execution provider `{}` computes in full precision", runtime.provider);
        }
        tracing::info!(library = %runtime.library.display(), ep = %runtime.provider, "ONNX Runtime is loaded");
        Ok(runtime)
    }

    /// The execution provider in use.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The library in use.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Creates a session for the model in `bytes`; `path` is used in error messages.
    ///
    /// # Errors
    /// When the bytes are not a usable model.
    pub fn session(&self, bytes: &[u8], path: &Path) -> Result<Session, RuntimeError> {
        self.session_on(self.provider, bytes)
            .map_err(|error| RuntimeError::Model { path: path.to_owned(), reason: one_line(&error) })
    }

    fn session_on(&self, provider: Provider, bytes: &[u8]) -> Result<Session, ort::Error> {
        let mut builder = Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(self.intra_threads)?
            .with_inter_threads(1)?
            // With spinning, idle threads would use a whole core, and it saves only some tenths of a millisecond.
            .with_intra_op_spinning(false)?
            // Allocating all activations as one block needs more memory and is not faster.
            .with_memory_pattern(false)?
            .with_log_level(ort::logging::LogLevel::Error)?;
        if provider == Provider::Cpu {
            builder = builder.with_env_allocators()?;
        }
        builder
            .with_execution_providers(provider.dispatch(self.precision, self.intra_threads, &self.cache_dir))?
            .commit_from_memory(bytes)
    }

    /// Runs a network of one node, because the runtime reports providers as available that then fail to load.
    fn probe(&self, provider: Provider) -> Result<(), RuntimeError> {
        let session = self.session_on(provider, provider::PROBE);
        session.map(|_| ()).map_err(|error| RuntimeError::Provider {
            name: provider,
            reason: one_line(&error),
            remedy: provider.remedy(&self.library),
        })
    }

    fn best_provider(&self) -> Provider {
        let accelerated = [Provider::TensorRt, Provider::Cuda, Provider::OpenVino];
        for provider in accelerated {
            match self.probe(provider) {
                Ok(()) => return provider,
                Err(error) => tracing::debug!("{error}"),
            }
        }
        Provider::Cpu
    }
}

/// The essential part of a runtime error: the first line, without the position in the source, the number and the name
/// of the error.
pub fn one_line(error: &ort::Error) -> String {
    without_source(&error.to_string())
}

/// The first line of an error of the runtime, without its number and, for CUDA and cuDNN, without the C++ function and
/// the place in the runtime's source.
fn without_source(text: &str) -> String {
    if let Some(start) =
        ["CUDA failure", "CUDNN failure", "CUDNN_FE failure"].iter().find_map(|cause| text.find(cause))
    {
        return text[start..].split(" ; GPU=").next().unwrap_or_default().trim().to_owned();
    }
    let line = text.lines().next().unwrap_or_default().trim().trim_end_matches('.');
    let said = line.split_once("[ONNXRuntimeError] : ").and_then(|(_, rest)| rest.splitn(3, " : ").nth(2));
    said.unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as ONNX Runtime 1.31 gave them on a machine with a GPU.
    #[test]
    fn a_runtime_error_is_its_cause() {
        let no_device = "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:146 std::conditional_t<THRW, void> \
                         onnxruntime::CudaCall(ERRTYPE) [with ERRTYPE = cudaError] CUDA failure 100: no CUDA-capable device \
                         is detected ; GPU=-1 ; hostname=vm ; file=cuda_execution_provider.cc ; line=355 ; expr=cudaSetDevice();";
        assert_eq!(without_source(no_device), "CUDA failure 100: no CUDA-capable device is detected");
        let node = "Non-zero status code returned while running Conv node. Name:'Conv_67' Status Message: CUDNN_FE failure \
                    11: CUDNN_BACKEND_API_FAILED ; GPU=0 ; hostname=vm ; file=conv.cc ; line=484";
        assert_eq!(without_source(node), "CUDNN_FE failure 11: CUDNN_BACKEND_API_FAILED");
        let other = "[ONNXRuntimeError] : 3 : NO_SUCHFILE : Load model failed.\nmore";
        assert_eq!(without_source(other), "Load model failed");
    }
}
