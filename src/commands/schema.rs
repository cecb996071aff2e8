//! `emotiond schema`.

use super::print;
use crate::{event::schema, exit::Failure};

/// Prints the JSON Schema of the events.
///
/// # Errors
/// When stdout cannot be written.
pub fn run() -> Result<(), Failure> {
    print(&format!("{:#}\n", schema()))
}
