//! Reads a configuration file in TOML; errors name the line. The tables are defined in the modules that use them.

pub mod values;

use crate::exit::{Exit, ExitsWith};
use serde::de::DeserializeOwned;
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("the config {path} cannot be read: {error}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Something in the file is wrong.
    #[error("{path}:{line}: {message}{snippet}; `emotiond config` prints every key with its default")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// The line's text.
        snippet: String,
    },
    /// Two sources have the same name.
    #[error("two sources have the name {0:?}: give each [[source]] a different `name`")]
    DuplicateName(String),
}

impl ExitsWith for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Config
    }
}

/// Reads the tables of `T` from a file.
///
/// # Errors
/// When the file cannot be read, or a key or value is wrong; the error names the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text =
        fs::read_to_string(path).map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
    toml::from_str(&text).map_err(|error| invalid(&text, path, &error))
}

fn invalid(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text[..at].matches('\n').count() + 1;
    let shown = without_secrets(text.lines().nth(line - 1).unwrap_or_default().trim());
    let snippet = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
    let message = without_secrets(&error.message().replace('\n', " "));
    ConfigError::Invalid { path: path.to_owned(), line, message, snippet }
}

/// A text in which the address of a source may stand, with all that follows its scheme up to the last quotation mark
/// left out: it may contain a password, and the password any character.
fn without_secrets(text: &str) -> String {
    let Some(at) = text.find("://").filter(|_| text.contains(['"', '\''])) else { return text.to_owned() };
    let start = at + "://".len();
    let end = text.rfind(['"', '\'']).filter(|end| *end >= start).unwrap_or(text.len());
    format!("{}...{}", &text[..start], &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_address() {
        for (text, shown) in [
            ("uri = \"rtsp://user:it's@host/\" # door", "uri = \"rtsp://...\" # door"),
            ("url = 'http://host/?pwd=secret'", "url = 'http://...'"),
            ("uri = \"http://user:secret@host", "uri = \"http://..."),
            ("min_face_px = 80", "min_face_px = 80"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }
}
