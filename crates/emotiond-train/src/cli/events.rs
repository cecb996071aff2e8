//! Writes the progress of a run as TensorBoard events.

use crate::{
    distributions,
    fit::Watch,
    history::EpochRecord,
    tensorboard::{EventError, EventWriter},
    trainer::{Totals, Trainer},
};
use std::path::Path;

/// Writes each epoch's figures and histograms, and forwards every call to another watcher.
pub(super) struct WithEvents {
    shown: Box<dyn Watch>,
    writer: Option<EventWriter>,
}

impl WithEvents {
    /// Writes into the folder `events` of the run's folder `out`.
    ///
    /// # Errors
    /// If no event file can be created there.
    pub(super) fn new(shown: Box<dyn Watch>, out: &Path) -> Result<Self, EventError> {
        Ok(Self { shown, writer: Some(EventWriter::create(&out.join("events"))?) })
    }
}

impl Watch for WithEvents {
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals) {
        self.shown.step(epoch, done, steps, totals);
    }

    fn epoch(&mut self, record: &EpochRecord, trainer: &Trainer, best: bool) {
        self.shown.epoch(record, trainer, best);
        // Training is more important than its event files, so the run continues without them.
        if let Some(Err(error)) = self.writer.as_mut().map(|writer| write(writer, record, trainer)) {
            self.shown.note(&format!("{error}: no more events are written"));
            self.writer = None;
        }
    }

    fn note(&mut self, text: &str) {
        self.shown.note(text);
    }
}

fn write(writer: &mut EventWriter, record: &EpochRecord, trainer: &Trainer) -> Result<(), EventError> {
    let scalars = [
        ("loss/train", record.train_loss),
        ("loss/validation", record.validation_loss),
        ("accuracy/train", record.train_accuracy),
        ("accuracy/validation", record.validation_accuracy),
        ("precision/train", record.train_precision),
        ("precision/validation", record.validation_precision),
        ("recall/train", record.train_recall),
        ("recall/validation", record.validation_recall),
        ("learning_rate", record.learning_rate),
        ("images_per_s", record.images_per_s),
    ];
    for (tag, value) in scalars {
        writer.scalar(record.epoch, tag, value)?;
    }
    for (name, values) in distributions::weights(&trainer.network) {
        writer.histogram(record.epoch, &format!("weights/{name}"), &values)?;
    }
    for (name, values) in trainer.last_gradients() {
        writer.histogram(record.epoch, &format!("gradients/{name}"), values)?;
    }
    writer.flush()
}
