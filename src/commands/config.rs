//! `emotiond config`.

use super::read_config;
use crate::{cli::ConfigArgs, config::DEFAULT_TOML};
use emotiond_core::{
    exit::{Exit, Failure},
    stdout::print,
};
use emotiond_send::address::without_password;

/// Prints the effective configuration without passwords; without a file, the default one with its comments.
///
/// # Errors
/// When the file cannot be read or is invalid.
pub fn run(arguments: &ConfigArgs) -> Result<(), Failure> {
    if arguments.config.is_none() {
        return print(DEFAULT_TOML);
    }
    let mut config = read_config(arguments.config.as_deref())?;
    config.outputs.iter_mut().for_each(|output| output.uri = without_password(&output.uri));
    let text = toml::to_string(&config).map_err(|error| Failure::new(Exit::Software, error))?;
    print(&text)
}
