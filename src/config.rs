//! The configuration: TOML, strict, every key with a default. `config/emotiond.toml` documents them.

mod sections;
mod values;

pub use sections::{
    AudienceConfig, DetectorConfig, LimitsConfig, LogConfig, ModelConfig, PoseConfig, RuntimeConfig,
    SmoothingConfig, SourceConfig, TrackerConfig,
};

use crate::{emit::EmitPolicy, overlay::OverlayMode};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The documented default configuration.
pub const DEFAULT_TOML: &str = include_str!("../config/emotiond.toml");

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the config {path} cannot be read: {fault}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
    /// Something in the file is wrong.
    #[error("{path}:{line}: {message}{snippet}; `emotiond config` prints every key with its default")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1 on.
        line: usize,
        /// What is wrong.
        message: String,
        /// The line's text.
        snippet: String,
    },
    /// Two sources with one name.
    #[error("two sources are called {0:?}: give each [[source]] a `name` of its own")]
    DuplicateName(String),
}

/// All settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// When events are written.
    pub emit: EmitPolicy,
    /// Whether a window shows what is seen.
    pub overlay: OverlayMode,
    /// Logs on stderr.
    pub log: LogConfig,
    /// The face detector.
    pub detector: DetectorConfig,
    /// The emotion model.
    pub model: ModelConfig,
    /// ONNX Runtime.
    pub runtime: RuntimeConfig,
    /// Identities over time.
    pub tracker: TrackerConfig,
    /// Probabilities over time.
    pub smoothing: SmoothingConfig,
    /// Which way faces look.
    pub pose: PoseConfig,
    /// What is told of all faces together.
    pub audience: AudienceConfig,
    /// What is refused or held back.
    pub limits: LimitsConfig,
    /// Where frames come from.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
}

impl Config {
    /// Reads a file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or a key or value is wrong; the error names the line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text =
            fs::read_to_string(path).map_err(|fault| ConfigError::Read { path: path.to_owned(), fault })?;
        let mut config = Self::parse(&text, path)?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|fault| invalid(text, path, &fault))?;
        config.check_names()?;
        Ok(config)
    }

    /// Events tell sources apart by their names alone.
    ///
    /// # Errors
    /// When two sources have the same.
    pub fn check_names(&self) -> Result<(), ConfigError> {
        let names: Vec<String> = self.sources.iter().map(SourceConfig::name).collect();
        match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            Some((_, name)) => Err(ConfigError::DuplicateName(name.clone())),
            None => Ok(()),
        }
    }

    fn resolve_paths(&mut self, base: &Path) {
        let optional = [
            &mut self.detector.file,
            &mut self.model.file,
            &mut self.runtime.library,
            &mut self.runtime.cache_dir,
        ];
        for path in optional.into_iter().flatten() {
            *path = base.join(&path);
        }
        for source in &mut self.sources {
            source.uri.resolve(base);
        }
    }
}

fn invalid(text: &str, path: &Path, fault: &toml::de::Error) -> ConfigError {
    let at = fault.span().map_or(0, |span| span.start).min(text.len());
    let line = text[..at].matches('\n').count() + 1;
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    let snippet = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
    ConfigError::Invalid { path: path.to_owned(), line, message: fault.message().replace('\n', " "), snippet }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_file_holds_the_defaults() {
        let documented: Config = toml::from_str(DEFAULT_TOML).unwrap();
        assert_eq!(toml::to_string(&documented).unwrap(), toml::to_string(&Config::default()).unwrap());
    }

    #[test]
    fn an_effective_configuration_reads_back() {
        let text = toml::to_string(&Config::default()).unwrap();
        let again: Config = toml::from_str(&text).unwrap();
        assert_eq!(toml::to_string(&again).unwrap(), text);
    }
}
