//! `emotiond schema`.

use crate::event::schema;
use emotiond_core::{exit::Failure, stdout::print};

/// Prints the JSON Schema of the events.
///
/// # Errors
/// When writing to stdout fails.
pub fn run() -> Result<(), Failure> {
    print(&format!("{:#}\n", schema()))
}
