//! Plots of runs and models as PNG: curves, confusion matrix, worst mistakes. The font is built in.

mod ablations;
mod augmented;
mod canvas;
mod confusion;
mod curves;
mod gallery;
mod mistakes;
mod parallel;
mod samples;

pub use ablations::{Ablation, save_ablations};
pub use augmented::save_augmented;
pub use canvas::PlotError;
pub use curves::{save_curves, save_runs, save_trials};
pub use parallel::{Axis, save_parallel};
pub use samples::save_samples;

use super::evaluate::Evaluation;
use std::{fs, path::Path};

/// Writes `confusion.png`, `gallery.png` and `mistakes.png` into `folder`, which is created if it does not
/// exist.
///
/// # Errors
/// When a file cannot be written.
pub fn save_evaluation(folder: &Path, evaluation: &Evaluation) -> Result<(), PlotError> {
    fs::create_dir_all(folder).map_err(|error| PlotError::new(folder, error))?;
    let title = &evaluation.report.split;
    confusion::save(&folder.join("confusion.png"), title, &evaluation.report.all)?;
    gallery::save(&folder.join("gallery.png"), title, evaluation)?;
    mistakes::save(&folder.join("mistakes.png"), title, evaluation)
}

#[cfg(test)]
mod tests;
