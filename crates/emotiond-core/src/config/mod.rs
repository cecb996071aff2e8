//! Reading a configuration file: TOML, strict, with the line of what is wrong. The tables stand where they are used.

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
        /// What the system says.
        error: io::Error,
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
    let shown = text.lines().nth(line - 1).unwrap_or_default().trim();
    let snippet = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
    ConfigError::Invalid { path: path.to_owned(), line, message: error.message().replace('\n', " "), snippet }
}
