//! The report of a run, `report.json`, which `emotiond-train report` and the plots read.

use super::{
    metrics::Metrics,
    recipe::{Monitor, Recipe},
};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    files,
};
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// The report's name in a run's folder.
pub const REPORT_FILE: &str = "report.json";
/// The longest report, in bytes: that of a hundred thousand epochs.
const MOST_BYTES: u64 = 64 << 20;

/// One epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EpochRecord {
    /// Number of the epoch, from 1.
    pub epoch: usize,
    /// Learning rate of its first step.
    pub learning_rate: f64,
    /// Mean training loss per picture.
    pub train_loss: f64,
    /// Training accuracy, 0 to 1, under augmentation and dropout.
    pub train_accuracy: f64,
    /// Mean precision over the classes in training, 0 to 1.
    pub train_precision: f64,
    /// Mean recall over the classes in training, 0 to 1.
    pub train_recall: f64,
    /// Mean validation loss per picture.
    pub validation_loss: f64,
    /// Validation accuracy, 0 to 1, of the weights that would be exported.
    pub validation_accuracy: f64,
    /// Mean precision over the classes in validation, 0 to 1.
    pub validation_precision: f64,
    /// Mean recall over the classes in validation, 0 to 1.
    pub validation_recall: f64,
    /// Training pictures per second, without validation.
    pub images_per_s: f64,
    /// Wall time of training and validation, in seconds.
    pub seconds: f64,
}

impl EpochRecord {
    /// The figure that `monitor` names, with its sign changed for a loss: the higher, the better.
    pub fn score(&self, monitor: Monitor) -> f64 {
        match monitor {
            Monitor::ValidationAccuracy => self.validation_accuracy,
            Monitor::ValidationLoss => -self.validation_loss,
            Monitor::TrainingAccuracy => self.train_accuracy,
            Monitor::TrainingLoss => -self.train_loss,
        }
    }
}

/// The exported model on one split, through ONNX Runtime and the daemon's own preprocessing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitReport {
    /// The split's name, or `fraction 0.1 of Training`.
    pub split: String,
    /// Metrics over all rows.
    pub all: Metrics,
    /// Metrics without the rows that repeat a training picture; absent if there are no such rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_repeats: Option<Metrics>,
    /// Number of rows that repeat a training picture.
    pub repeats: usize,
    /// Metrics over the rows where more than half of FER+'s taggers agree; absent if the ground truth is not FER+.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_majority: Option<Metrics>,
}

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The recipe's name.
    pub name: String,
    /// The recipe with all overrides and defaults.
    pub recipe: Recipe,
    /// Number of trained parameters of the network.
    pub parameters: usize,
    /// Number of training rows.
    pub training_rows: usize,
    /// Number of validation rows.
    pub validation_rows: usize,
    /// The notes about the data that were printed, one line each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The epochs in order.
    pub epochs: Vec<EpochRecord>,
    /// The epoch whose weights were exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_epoch: Option<usize>,
    /// The temperature in the exported softmax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The exported model on the validation rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<SplitReport>,
    /// The exported model on the test rows; absent without a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<SplitReport>,
}

/// Why a report cannot be read or written.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}: give the folder of a run (the --out of `fit`)", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not a report.
    #[error("{path} is not a run's report: {source}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's error.
        source: serde_json::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ExitsWith for ReportError {
    fn exit(&self) -> Exit {
        match self {
            Self::Read { source, .. } if files::is_refused(source) => Exit::Data,
            Self::Read { .. } => Exit::NoInput,
            Self::Parse { .. } => Exit::Data,
            Self::Write { .. } => Exit::Output,
        }
    }
}

impl RunReport {
    /// Reads the report in the run's folder `run`.
    ///
    /// # Errors
    /// When the file is missing or is not a report.
    pub fn load(run: &Path) -> Result<Self, ReportError> {
        let path = run.join(REPORT_FILE);
        let text = files::read_text(&path, MOST_BYTES)
            .map_err(|source| ReportError::Read { path: path.clone(), source })?;
        serde_json::from_str(&text).map_err(|source| ReportError::Parse { path, source })
    }

    /// Writes the report into the run's folder `run`, replacing an older report atomically.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, run: &Path) -> Result<(), ReportError> {
        let path = run.join(REPORT_FILE);
        let text = serde_json::to_string_pretty(self).expect("a report holds nothing that JSON cannot say");
        files::replace_synced(&path, text.as_bytes()).map_err(|source| ReportError::Write { path, source })
    }

    /// The record of the epoch whose weights were exported.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.epochs.iter().find(|record| Some(record.epoch) == self.best_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use std::fs;

    #[test]
    fn a_report_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let record = EpochRecord { epoch: 1, validation_accuracy: 0.6, ..EpochRecord::default() };
        let report = RunReport {
            name: "small".to_owned(),
            recipe: fixtures::recipe(&["data.validation=0.2"]),
            parameters: 58_423,
            training_rows: 80,
            validation_rows: 20,
            notes: vec!["a note".to_owned()],
            epochs: vec![record],
            best_epoch: Some(1),
            temperature: Some(1.25),
            evaluation: None,
            test: None,
        };
        report.save(folder.path()).unwrap();
        let read = RunReport::load(folder.path()).unwrap();
        assert_eq!(read, report);
        assert_eq!(read.best().unwrap().epoch, 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the report is left");
    }

    #[test]
    fn a_folder_without_a_report_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunReport::load(folder.path()).unwrap_err();
        assert!(error.exit() == Exit::NoInput && error.to_string().contains("report.json"), "{error}");
        fs::write(folder.path().join(REPORT_FILE), "{").unwrap();
        assert_eq!(RunReport::load(folder.path()).unwrap_err().exit(), Exit::Data);
    }
}
