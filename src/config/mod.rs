//! The configuration. Each section is defined in the module that uses it; the sections that concern the whole program
//! are defined here. Every key has a default; `config/emotiond.toml` documents them.

mod limits;
mod log;
mod overlay;

pub use limits::LimitsConfig;
pub use log::LogConfig;
pub use overlay::OverlayMode;

use crate::{
    audience::AudienceConfig, detect::DetectorConfig, emit::EmitPolicy, pose::PoseConfig,
    privacy::PrivacyConfig, smooth::SmoothingConfig, source::SourceConfig, track::TrackerConfig,
};
use emotiond_core::{
    classify::ModelConfig,
    config::{self, ConfigError},
    runtime::RuntimeConfig,
};
use emotiond_send::settings::{DeviceConfig, HttpConfig, OutputConfig};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The documented default configuration.
pub const DEFAULT_TOML: &str = include_str!("../../config/emotiond.toml");

/// All settings.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// When face events are written.
    pub emit: EmitPolicy,
    /// Whether a window shows the analysed frames.
    pub overlay: OverlayMode,
    /// Logging to stderr.
    pub log: LogConfig,
    /// The face detector.
    pub detector: DetectorConfig,
    /// The emotion model.
    pub model: ModelConfig,
    /// ONNX Runtime.
    pub runtime: RuntimeConfig,
    /// Face tracking.
    pub tracker: TrackerConfig,
    /// Smoothing of probabilities over time.
    pub smoothing: SmoothingConfig,
    /// Head pose.
    pub pose: PoseConfig,
    /// `audience` events.
    pub audience: AudienceConfig,
    /// What may be told about people.
    pub privacy: PrivacyConfig,
    /// Limits and time-outs.
    pub limits: LimitsConfig,
    /// This device, in what is sent.
    pub device: DeviceConfig,
    /// Where events are sent.
    #[serde(rename = "output", skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputConfig>,
    /// The HTTP server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpConfig>,
    /// The sources of frames.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
    /// Whether pictures are streamed: only the command line (`--stream`) lets pictures leave the process.
    #[serde(skip)]
    pub stream: bool,
    /// Whether faces are made unrecognisable in all pictures that are shown, stored or streamed (`--blur`).
    #[serde(skip)]
    pub blur: bool,
}

impl Config {
    /// Reads a file. Relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or a key or value is invalid; the error names the line.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = config::read(path)?;
        config.check_names()?;
        config.resolve_paths(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Checks that the names of the sources are unique, because events identify sources by name.
    ///
    /// # Errors
    /// When two sources have the same name.
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
        for output in &mut self.outputs {
            output.resolve_paths(base);
        }
        if let Some(http) = &mut self.http {
            http.resolve_paths(base);
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
