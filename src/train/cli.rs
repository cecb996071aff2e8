//! The commands of `emotiond-train`: arguments in, exit codes out.

mod compare;
pub mod data;
pub mod eval;
mod events;
pub mod fit;
mod progress;
pub mod report;
pub mod search;
mod search_plot;
mod table;

use crate::exit::{Exit, Failure};
use std::io::{self, ErrorKind, Write};

/// Failures from errors that know their exit code.
macro_rules! fails {
    ($($error:path),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error.exit(), error)
            }
        })+
    };
}

fails!(
    super::dataset::DatasetError,
    super::distill::DistillError,
    super::evaluate::EvaluateError,
    super::fit::FitError,
    super::history::ReportError,
    super::plots::PlotError,
    super::recipe::RecipeError
);

/// Prints to stdout; a reader that has gone is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Output, anyhow::anyhow!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}
