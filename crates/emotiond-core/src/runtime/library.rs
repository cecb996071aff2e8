//! Finds and loads the ONNX Runtime library.

use super::{Provider, ProviderChoice, RuntimeError};
use super::{RuntimeConfig, arena};
use crate::paths;
use ort::{LoadDynamicError, MINOR_VERSION, environment::Environment};
use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// ONNX Runtime allows only one environment per process.
static LOADED: Mutex<Option<(Environment, PathBuf)>> = Mutex::new(None);

pub(super) fn load(config: &RuntimeConfig) -> Result<(Environment, PathBuf), RuntimeError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((environment, library)) = &*loaded {
        return Ok((environment.clone(), library.clone()));
    }
    let library = choose(config)?;
    let environment = open(&library)?;
    *loaded = Some((environment.clone(), library.clone()));
    Ok((environment, library))
}

/// The library given by the configuration or the environment, else the best installed library for the provider.
fn choose(config: &RuntimeConfig) -> Result<PathBuf, RuntimeError> {
    let named = config.library.clone().or_else(|| env::var_os("ORT_DYLIB_PATH").map(PathBuf::from));
    if let Some(path) = named {
        return Ok(path);
    }
    let kinds: &[&str] = match config.ep {
        ProviderChoice::Auto => &["cuda", "openvino", "cpu"],
        ProviderChoice::Named(Provider::Cpu) => &["cpu", "openvino", "cuda"],
        ProviderChoice::Named(Provider::Cuda | Provider::TensorRt) => &["cuda", "cpu", "openvino"],
        ProviderChoice::Named(Provider::OpenVino) => &["openvino", "cpu", "cuda"],
    };
    let installed = kinds.iter().flat_map(|kind| paths::find_runtimes(kind)).next();
    installed.or_else(system_library).ok_or_else(|| {
        let dirs: Vec<String> =
            paths::data_dirs().iter().map(|dir| dir.join("runtime").display().to_string()).collect();
        RuntimeError::NoLibrary(dirs.join(", "))
    })
}

fn system_library() -> Option<PathBuf> {
    let names: [&str; 5] = [
        "/usr/local/lib/libonnxruntime.so",
        "/usr/lib/x86_64-linux-gnu/libonnxruntime.so",
        "/usr/lib/aarch64-linux-gnu/libonnxruntime.so",
        "/usr/lib/libonnxruntime.so",
        "/opt/homebrew/lib/libonnxruntime.dylib",
    ];
    names.iter().map(PathBuf::from).find(|path| path.exists())
}

fn open(library: &Path) -> Result<Environment, RuntimeError> {
    let unusable = |reason: String| RuntimeError::Library { path: library.to_owned(), reason };
    let installer = paths::runtime_installer();
    if !library.exists() {
        return Err(unusable(format!("there is no such file; run `{installer}`, or correct the path")));
    }
    let builder = ort::init_from(library)
        .map_err(|error| unusable(format!("{}; run `{installer}`, or set another file", why(&error))))?;
    let environment = builder
        .with_name("emotiond")
        .with_telemetry(false)
        .build()
        .map_err(|error| unusable(error.to_string()))?;
    if let Err(error) = arena::register(&environment) {
        tracing::warn!("the networks take more memory than they need: {error}");
    }
    Ok(environment)
}

/// What is wrong with a library, without its path.
fn why(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { error, .. } => error.to_string(),
        LoadDynamicError::MissingApi { .. } => "it is another library".to_owned(),
        LoadDynamicError::InvalidVersionString => "its version cannot be read".to_owned(),
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!("it is version {version_str}, and version 1.{MINOR_VERSION} or later is needed")
        }
    }
}
