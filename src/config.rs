//! The configuration: TOML, strict, every key with a default. `config/emotiond.toml` documents them.

use crate::{detect::DetectorChoice, emit::EmitPolicy, runtime::ProviderChoice, source::SourceUri};
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::{
    fs, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

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
    /// What is told of all faces together.
    pub audience: AudienceConfig,
    /// What is refused or held back.
    pub limits: LimitsConfig,
    /// Where frames come from.
    #[serde(rename = "source")]
    pub sources: Vec<SourceConfig>,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// error, warn, info, debug, trace, or a filter such as `info,emotiond::source=debug`.
    #[serde(deserialize_with = "log_level")]
    pub level: String,
    /// JSON lines in place of text.
    pub json: bool,
}

/// `[detector]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// Which one.
    pub name: DetectorChoice,
    /// Its ONNX file, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Least score, 0 to 1; without it, the detector's own.
    #[serde(deserialize_with = "ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Least longer side of a face in pixels of the source's frame.
    #[serde(deserialize_with = "face_px")]
    pub min_face_px: f32,
    /// Longest side at which faces are searched, in pixels.
    #[serde(deserialize_with = "side_px")]
    pub max_side_px: u32,
    /// Overlap over which the weaker of two boxes goes.
    #[serde(deserialize_with = "ratio")]
    pub nms_iou: f32,
    /// Every so many frames are searched; between them, faces stand where they are foreseen.
    #[serde(deserialize_with = "count")]
    pub every: u32,
    /// Least seconds from one search of a source to the next.
    #[serde(deserialize_with = "interval")]
    pub interval_s: f32,
}

/// `[model]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// The ONNX file, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What is added to a detector's box, as a part of its longer side; without it, the detector's measured best.
    #[serde(deserialize_with = "margin_or_none", skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
    /// Emotions in the order of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// `gray` or `rgb`.
    #[serde(deserialize_with = "color_or_none", skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Side of the input in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Subtracted from pixels of 0 to 255, one number a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// Multiplied after that, one number a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Vec<f32>>,
}

/// `[runtime]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// Execution provider.
    pub ep: ProviderChoice,
    /// The library `libonnxruntime.so`, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Threads inside one network's run.
    #[serde(deserialize_with = "threads")]
    pub intra_threads: usize,
    /// Where TensorRT and OpenVINO keep what they build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
}

/// `[tracker]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerConfig {
    /// Overlap with the place where a face is foreseen from which it is taken for the same.
    #[serde(deserialize_with = "ratio")]
    pub min_iou: f32,
    /// Seconds after which a face that is not seen any more is lost.
    #[serde(deserialize_with = "seconds")]
    pub lost_after_s: f32,
    /// A face is announced once the detector has seen it in so many searches on end, ...
    #[serde(deserialize_with = "count")]
    pub announce_hits: u32,
    /// ... or at once with a score from here on.
    #[serde(deserialize_with = "ratio")]
    pub announce_score: f32,
}

/// `[smoothing]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothingConfig {
    /// Seconds in which an old value fades to 37 %; 0 turns smoothing off.
    #[serde(deserialize_with = "seconds")]
    pub time_constant_s: f32,
    /// Another emotion is shown once it is so many times as probable, ...
    #[serde(deserialize_with = "ratio_from_one")]
    pub lead: f32,
    /// ... or ahead for so many seconds.
    #[serde(deserialize_with = "seconds")]
    pub hold_s: f32,
}

/// `[audience]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudienceConfig {
    /// Seconds that an `audience` event looks back.
    #[serde(deserialize_with = "window")]
    pub window_s: f32,
    /// Seconds from one to the next; 0 turns them off.
    #[serde(deserialize_with = "seconds")]
    pub every_s: f32,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Larger pictures are refused, in millions of pixels.
    #[serde(deserialize_with = "megapixels")]
    pub max_megapixels: f64,
    /// Threads that decode and detect; 0 takes one a core.
    #[serde(deserialize_with = "threads_or_auto")]
    pub vision_threads: usize,
    /// A live source that gives no frame for so many seconds is told to be stalled.
    #[serde(deserialize_with = "patience")]
    pub stalled_after_s: f32,
}

/// `[[source]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What events call it; without it, its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Camera, file, folder, address or `-`.
    pub uri: SourceUri,
    /// Wanted width of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Wanted height of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Wanted frames per second of a camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// Frames of a live source beyond so many a second are passed over.
    #[serde(default, deserialize_with = "rate_or_none", skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<f32>,
    /// Whether a camera or address that is not there at the start is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// In place of `min_score` under `[detector]`.
    #[serde(default, deserialize_with = "ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// In place of `min_face_px` under `[detector]`.
    #[serde(default, deserialize_with = "face_px_or_none", skip_serializing_if = "Option::is_none")]
    pub min_face_px: Option<f32>,
    /// In place of `max_side_px` under `[detector]`.
    #[serde(default, deserialize_with = "side_px_or_none", skip_serializing_if = "Option::is_none")]
    pub max_side_px: Option<u32>,
    /// In place of `every` under `[detector]`.
    #[serde(default, deserialize_with = "count_or_none", skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            name: DetectorChoice::Auto,
            file: None,
            min_score: None,
            min_face_px: 24.0,
            max_side_px: 1280,
            nms_iou: 0.3,
            every: 1,
            interval_s: 0.0,
        }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { ep: ProviderChoice::Auto, library: None, intra_threads: 1, cache_dir: None }
    }
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self { min_iou: 0.2, lost_after_s: 2.0, announce_hits: 3, announce_score: 0.8 }
    }
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self { time_constant_s: 0.25, lead: 1.5, hold_s: 0.5 }
    }
}

impl Default for AudienceConfig {
    fn default() -> Self {
        Self { window_s: 10.0, every_s: 10.0 }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_megapixels: 64.0, vision_threads: 0, stalled_after_s: 3.0 }
    }
}

impl SourceConfig {
    /// A source with nothing but its address.
    pub fn new(uri: SourceUri) -> Self {
        Self {
            name: None,
            uri,
            width: None,
            height: None,
            fps: None,
            max_fps: None,
            wait: false,
            min_score: None,
            min_face_px: None,
            max_side_px: None,
            every: None,
        }
    }

    /// What events call it.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uri.to_string())
    }
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
        let names: Vec<String> = config.sources.iter().map(SourceConfig::name).collect();
        match names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            Some((_, name)) => Err(ConfigError::DuplicateName(name.clone())),
            None => Ok(config),
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

fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let level = String::deserialize(deserializer)?;
    match EnvFilter::try_new(&level) {
        Ok(_) => Ok(level),
        Err(fault) => Err(D::Error::custom(format!(
            "`{level}` is no log level ({fault}): take error, warn, info, debug, trace or a filter of them"
        ))),
    }
}

fn color_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let color = String::deserialize(deserializer)?;
    if ["gray", "rgb"].contains(&color.as_str()) {
        return Ok(Some(color));
    }
    Err(D::Error::custom(format!("`{color}` is no colour that a model takes: write gray or rgb")))
}

fn within<'de, D: Deserializer<'de>>(deserializer: D, range: RangeInclusive<f64>) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    if range.contains(&value) {
        return Ok(value);
    }
    Err(D::Error::custom(format!("{value} is not from {} to {}", range.start(), range.end())))
}

fn whole_within<'de, D: Deserializer<'de>>(
    deserializer: D,
    range: RangeInclusive<f64>,
) -> Result<f64, D::Error> {
    let value = within(deserializer, range)?;
    if value.fract() == 0.0 {
        Ok(value)
    } else {
        Err(D::Error::custom(format!("{value} is no whole number")))
    }
}

fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=1.0).map(|value| value as f32)
}

fn ratio_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    ratio(deserializer).map(Some)
}

fn margin_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, -0.5..=2.0).map(|value| Some(value as f32))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=3600.0).map(|value| value as f32)
}

fn ratio_from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as f32)
}

fn patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=3600.0).map(|value| value as f32)
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.0..=60.0).map(|value| value as f32)
}

fn window<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 0.1..=86_400.0).map(|value| value as f32)
}

fn count_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    count(deserializer).map(Some)
}

fn face_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    face_px(deserializer).map(Some)
}

fn side_px_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    side_px(deserializer).map(Some)
}

fn rate_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    within(deserializer, 0.01..=1000.0).map(|value| Some(value as f32))
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    within(deserializer, 1.0..=1000.0).map(|value| value as u32)
}

fn face_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    within(deserializer, 1.0..=10_000.0).map(|value| value as f32)
}

fn side_px<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    whole_within(deserializer, 64.0..=16_384.0).map(|value| value as u32)
}

fn megapixels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.001..=1000.0)
}

fn threads<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 1.0..=256.0).map(|value| value as usize)
}

fn threads_or_auto<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    whole_within(deserializer, 0.0..=256.0).map(|value| value as usize)
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
