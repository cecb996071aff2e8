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
    let shown = without_address(text.lines().nth(line - 1).unwrap_or_default().trim(), true);
    let snippet = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
    let message = without_address(&error.message().replace('\n', " "), false);
    ConfigError::Invalid { path: path.to_owned(), line, message, snippet }
}

/// Leaves out what follows the scheme of an address up to the last quotation mark, because it may contain a password
/// with any character. Without a mark, all of it if `to_end` is set, otherwise nothing.
fn without_address(text: &str, to_end: bool) -> String {
    let Some(start) = text.find("://").map(|at| at + "://".len()) else { return text.to_owned() };
    let mark = text[start..].rfind(['"', '\'', '`']).map(|length| start + length);
    match mark.or(to_end.then_some(text.len())) {
        Some(end) => format!("{}...{}", &text[..start], &text[end..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_address() {
        for (line, shown) in [
            ("uri = \"rtsp://user:it's@host/\" # door", "uri = \"rtsp://...\" # door"),
            ("url = 'http://host/?pwd=secret'", "url = 'http://...'"),
            ("uri = http://user:secret@host", "uri = http://..."),
            ("min_face_px = 80", "min_face_px = 80"),
        ] {
            assert_eq!(without_address(line, true), shown);
        }
        let typed = "invalid type: string \"rtsp://u:secret@host\", expected a sequence";
        assert_eq!(without_address(typed, false), "invalid type: string \"rtsp://...\", expected a sequence");
        assert_eq!(without_address("write rtsp://, http://", false), "write rtsp://, http://");
    }
}
