//! The configuration as a whole: each table stands where it is used, those of what is built on all of them stand here.
//! Every key has a default; `config/emotiond.toml` documents them.

mod limits;
mod log;
mod overlay;

pub use limits::LimitsConfig;
pub use log::LogConfig;
pub use overlay::OverlayMode;

use crate::{
    audience::AudienceConfig, detect::DetectorConfig, emit::EmitPolicy, pose::PoseConfig,
    smooth::SmoothingConfig, source::SourceConfig, track::TrackerConfig,
};
use emotiond_core::{
    classify::ModelConfig,
    config::{self, ConfigError},
    runtime::RuntimeConfig,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The documented default configuration.
pub const DEFAULT_TOML: &str = include_str!("../../config/emotiond.toml");

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
        let mut config: Self = config::read(path)?;
        config.check_names()?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
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
        self.detector.file = self.detector.file.take().map(|file| base.join(file));
        self.model.resolve_paths(base);
        self.runtime.resolve_paths(base);
        for source in &mut self.sources {
            source.uri.resolve(base);
        }
    }
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
