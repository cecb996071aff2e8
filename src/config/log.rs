//! The `[log]` section.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use tracing_subscriber::EnvFilter;

/// `[log]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// error, warn, info, debug, trace, or a filter such as `info,emotiond::source=debug`.
    #[serde(deserialize_with = "log_level")]
    pub level: String,
    /// Log as JSON lines instead of text.
    pub json: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let level = String::deserialize(deserializer)?;
    match EnvFilter::try_new(&level) {
        Ok(_) => Ok(level),
        Err(error) => Err(D::Error::custom(format!(
            "`{level}` is not a log level ({error}): use error, warn, info, debug, trace or a filter such as \
             \"info,emotiond::source=debug\""
        ))),
    }
}
