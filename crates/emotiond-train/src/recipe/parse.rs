//! Parses and checks a recipe; every error names the line.

use super::{
    Recipe,
    check::{check, check_foreign},
};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    files,
};
use serde::Deserialize;
use std::{io, path::PathBuf};
use thiserror::Error;
use toml::{
    Spanned, Table, Value,
    de::{DeTable, DeValue},
};

/// Why a recipe cannot be used. Each message is one line.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// The file cannot be read, is too long or not UTF-8.
    #[error("cannot read the recipe {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The text is not a recipe, or a value is out of range.
    #[error("{name}:{line}: {message}")]
    Invalid {
        /// The recipe's file.
        name: String,
        /// Its line, from 1.
        line: usize,
        /// The key and what to do about it.
        message: String,
    },
    /// An override has the wrong syntax.
    #[error("--set {0}: write it as key.path=value")]
    Argument(String),
    /// An override cannot be applied.
    #[error("--set {argument}: {message}")]
    Override {
        /// The argument.
        argument: String,
        /// What is wrong with it.
        message: String,
    },
}

impl ExitsWith for RecipeError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if files::is_refused(source) => Exit::Config,
            Self::Read { .. } => Exit::NoInput,
            Self::Argument(_) => Exit::Usage,
            Self::Invalid { .. } | Self::Override { .. } => Exit::Config,
        }
    }
}

pub(super) fn parse(text: &str, name: &str, overrides: &[String]) -> Result<Recipe, RecipeError> {
    let (_, recipe) = with_overrides(text, name, overrides)?;
    complete(recipe, text, name, overrides)
}

/// The same without the keys that belong to another optimizer or schedule than the chosen one; returns these keys too.
pub(super) fn parse_trial(
    text: &str,
    name: &str,
    overrides: &[String],
) -> Result<(Recipe, Vec<&'static str>), RecipeError> {
    let (mut table, mut recipe) = with_overrides(text, name, overrides)?;
    let mut left_out = Vec::new();
    while let Err((key, _)) = check_foreign(&recipe) {
        let (section, last) = key.split_once('.').expect("a key of a section");
        table.get_mut(section).and_then(Value::as_table_mut).and_then(|section| section.remove(last));
        recipe = Recipe::deserialize(table.clone()).expect("a recipe without an optional key is a recipe");
        left_out.push(key);
    }
    Ok((complete(recipe, text, name, overrides)?, left_out))
}

fn with_overrides(text: &str, name: &str, overrides: &[String]) -> Result<(Table, Recipe), RecipeError> {
    let invalid = |line, message| RecipeError::Invalid { name: name.to_owned(), line, message };
    let mut recipe: Recipe = toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        invalid(line_of(text, offset), describe(text, offset, error.message()))
    })?;
    let mut table: Table = toml::from_str(text).map_err(|e| invalid(1, one_line(e.message())))?;
    // An override may need a later one, as the keys of a section that the file does not have do.
    let mut incomplete = None;
    for argument in overrides {
        set(&mut table, argument)?;
        match Recipe::deserialize(table.clone()) {
            Ok(now) => (recipe, incomplete) = (now, None),
            Err(error) => _ = incomplete.get_or_insert(wrong(argument, one_line(error.message()))),
        }
    }
    match incomplete {
        Some(error) => Err(error),
        None => Ok((table, recipe)),
    }
}

fn complete(mut recipe: Recipe, text: &str, name: &str, overrides: &[String]) -> Result<Recipe, RecipeError> {
    recipe.network.complete();
    check(&recipe).map_err(|(key, message)| error_at(text, name, overrides, key, &message))?;
    Ok(recipe)
}

/// Sets one `key.path=value` in `table`.
fn set(table: &mut Table, argument: &str) -> Result<(), RecipeError> {
    let (path, value) = argument.split_once('=').ok_or_else(|| RecipeError::Argument(argument.to_owned()))?;
    let mut keys: Vec<&str> = path.trim().split('.').collect();
    let last = keys.pop().unwrap_or_default();
    let mut place = &mut *table;
    for key in keys {
        let inner = place.entry(key).or_insert_with(|| Value::Table(Table::new()));
        place = inner.as_table_mut().ok_or_else(|| wrong(argument, format!("`{key}` is not a section")))?;
    }
    place.insert(last.to_owned(), parse_value(value.trim()));
    Ok(())
}

fn wrong(argument: &str, message: String) -> RecipeError {
    RecipeError::Override { argument: argument.to_owned(), message }
}

/// A TOML value, or the text itself if it is not valid TOML: `--set optimizer.name=sgd` needs no quotes.
fn parse_value(text: &str) -> Value {
    text.parse().unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// An error for a key, located where the key was set: in the file or by an override.
fn error_at(text: &str, name: &str, overrides: &[String], key: &str, message: &str) -> RecipeError {
    let sets_key = |argument: &&String| argument.split('=').next().is_some_and(|path| path.trim() == key);
    if let Some(argument) = overrides.iter().rev().find(sets_key) {
        return wrong(argument, format!("`{key}` {message}"));
    }
    let line = offset_of(text, key).map_or(1, |offset| line_of(text, offset));
    RecipeError::Invalid { name: name.to_owned(), line, message: format!("`{key}` {message}") }
}

/// Serde's message, preceded by the path of the key at `offset` if there is one.
fn describe(text: &str, offset: usize, message: &str) -> String {
    let message = one_line(message);
    let path = DeTable::parse(text).ok().and_then(|table| path_at(table.get_ref(), offset));
    match path {
        Some(path) => format!("`{path}`: {message}"),
        None => message,
    }
}

/// The path of the key or value at `offset`.
fn path_at(table: &DeTable, offset: usize) -> Option<String> {
    for (key, value) in table {
        let name = key.get_ref();
        if let DeValue::Table(inner) = value.get_ref()
            && let Some(path) = path_at(inner, offset)
        {
            return Some(format!("{name}.{path}"));
        }
        if key.span().contains(&offset) || value.span().contains(&offset) {
            return Some(name.to_string());
        }
    }
    None
}

/// The offset of the key at `path`, or of the innermost section of the path that exists.
fn offset_of(text: &str, path: &str) -> Option<usize> {
    let root = DeTable::parse(text).ok()?;
    let mut table = root.get_ref();
    let mut offset = None;
    for part in path.split('.') {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == part) else { break };
        offset = Some(Spanned::span(key).start);
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    offset
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}
