//! Reads a configuration file in TOML; errors name the line. The tables are defined in the modules that use them.

pub mod values;

use crate::{
    exit::{Exit, ExitsWith},
    files,
};
use serde::de::DeserializeOwned;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read, is too long or not UTF-8.
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

/// The longest configuration or recipe, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// Keys whose values are words that may be shown. The values of all others, and of misspelt ones, may be secrets or contain
/// some.
const SHOWN_KEYS: [&str; 16] = [
    "active",
    "color",
    "detector",
    "emit",
    "ep",
    "file",
    "level",
    "levels",
    "library",
    "mode",
    "model",
    "name",
    "on_end",
    "overlay",
    "precision",
    "transport",
];

/// Reads the tables of `T` from a file.
///
/// # Errors
/// When the file cannot be read, or a key or value is wrong; the error names the line.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = files::read_text(path, MOST_BYTES)
        .map_err(|error| ConfigError::Read { path: path.to_owned(), error })?;
    toml::from_str(&text).map_err(|error| invalid(&text, path, &error))
}

fn invalid(text: &str, path: &Path, error: &toml::de::Error) -> ConfigError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text[..at].matches('\n').count() + 1;
    let written = text.lines().nth(line - 1).unwrap_or_default().trim();
    let shown = without_value(written);
    let snippet = if shown.is_empty() { String::new() } else { format!(" in `{shown}`") };
    let message = error.message().replace('\n', " ");
    let message = if shown == written { message } else { without_quoted(&without_strings(&message)) };
    ConfigError::Invalid { path: path.to_owned(), line, message, snippet }
}

/// A line without what may be a secret: only numbers, and words of keys that take no secrets, are shown.
fn without_value(line: &str) -> String {
    let is_table =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte));
    if line.is_empty() || line.starts_with('[') && line.ends_with(']') && is_table(line) {
        return line.to_owned();
    }
    let is_key = |key: &str| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let parts = line.split_once('=').map(|(key, value)| (key.trim(), value));
    let Some((key, value)) = parts.filter(|(key, _)| is_key(key)) else { return "...".to_owned() };
    let is_number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b"+-._eE,[] ".contains(&byte));
    let value = value.trim();
    let is_shown = is_word(value) && SHOWN_KEYS.contains(&key);
    if is_shown || is_number(value) || ["true", "false"].contains(&value) {
        line.to_owned()
    } else {
        format!("{key} = ...")
    }
}

/// Whether a value contains nothing that an address or a command line with a secret contains.
fn is_word(value: &str) -> bool {
    !["://", "exec:", "@", "{"].iter().any(|part| value.contains(part))
}

/// A message without what it quotes between backticks, except for words.
fn without_quoted(message: &str) -> String {
    let shown = |(index, part)| if index % 2 == 1 && !is_word(part) { "..." } else { part };
    message.split('`').enumerate().map(shown).collect::<Vec<_>>().join("`")
}

/// A message without the strings that it quotes from the file.
fn without_strings(message: &str) -> String {
    let mut shown = String::new();
    let mut rest = message;
    while let Some(start) = rest.find("string \"").map(|at| at + "string \"".len()) {
        // The text may contain quotation marks itself.
        let end = rest.rfind('"').filter(|end| *end >= start).unwrap_or(rest.len());
        shown = shown + &rest[..start] + "...";
        rest = &rest[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_no_value_that_may_be_a_secret() {
        for (line, shown) in [
            ("uri = \"rtsp://user:it's@host/\" # door", "uri = ..."),
            ("uri = \"exec:curl --user me:secret", "uri = ..."),
            ("pasword = hunter2", "pasword = ..."),
            ("hunter2\"\"\"", "..."),
            ("[[source \"exec:curl me:hunter2 http://a = 1", "..."),
            ("name = \"exec:curl me:hunter2\"", "name = ..."),
            ("file = \"http://me:secret@host\"", "file = ..."),
            ("min_face_px = 80", "min_face_px = 80"),
            ("emit = \"sometimes\"", "emit = \"sometimes\""),
            ("[[source]]", "[[source]]"),
            ("[\"secret\"]", "..."),
        ] {
            assert_eq!(without_value(line), shown);
        }
        let typed = "invalid type: string \"it's \"secret\"\", expected a sequence";
        assert_eq!(without_strings(typed), "invalid type: string \"...\", expected a sequence");
        for (message, shown) in [
            ("unknown field `pasword`, expected `password`", "unknown field `pasword`, expected `password`"),
            ("`a:hunter2@b/` is not a policy", "`...` is not a policy"),
            ("`camera:front` is not a camera", "`camera:front` is not a camera"),
            ("unknown variant `http://a:hunter2`, expected `cpu`", "unknown variant `...`, expected `cpu`"),
        ] {
            assert_eq!(without_quoted(message), shown);
        }
    }
}
