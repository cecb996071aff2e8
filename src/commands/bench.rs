//! `emotiond bench`.
use crate::{cli::BenchArgs, exit::Failure};

/// Measures this machine.
///
/// # Errors
/// When the runtime, the detector or the model is unusable.
pub fn run(_arguments: &BenchArgs) -> Result<(), Failure> {
    Ok(())
}
