//! A run for TensorBoard: the figures of each epoch, and the distributions of weights and gradients.

use crate::train::distributions::weights;
use crate::train::fit::Watch;
use crate::train::history::EpochRecord;
use crate::train::tensorboard::{EventError, EventWriter};
use crate::train::trainer::{Totals, Trainer};
use std::path::Path;

/// Writes events and passes on what another watch shows.
pub(super) struct Events {
    /// None after the first failure: a run is worth more than its pictures.
    writer: Option<EventWriter>,
    shown: Box<dyn Watch>,
}

impl Events {
    /// Events in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn new(folder: &Path, shown: Box<dyn Watch>) -> Result<Self, EventError> {
        Ok(Self { writer: Some(EventWriter::create(folder)?), shown })
    }
}

impl Watch for Events {
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals) {
        self.shown.step(epoch, done, steps, totals);
    }

    fn epoch(&mut self, record: &EpochRecord, trainer: &Trainer, best: bool) {
        self.shown.epoch(record, trainer, best);
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = write(writer, record, trainer) {
            self.shown.note(&format!("{error}: the run goes on without them"));
            self.writer = None;
        }
    }

    fn note(&mut self, text: &str) {
        self.shown.note(text);
    }
}

fn write(writer: &mut EventWriter, record: &EpochRecord, trainer: &Trainer) -> Result<(), EventError> {
    let figures = [
        ("accuracy/training", record.train_accuracy),
        ("accuracy/validation", record.validation_accuracy),
        ("loss/training", record.train_loss),
        ("loss/validation", record.validation_loss),
        ("speed/images_per_s", record.images_per_s),
        ("learning_rate", record.learning_rate),
    ];
    for (tag, figure) in figures {
        writer.scalar(record.epoch, tag, figure)?;
    }
    for (path, values) in weights(&trainer.network) {
        writer.histogram(record.epoch, &format!("weights/{path}"), &values)?;
    }
    for (path, values) in &trainer.gradients {
        writer.histogram(record.epoch, &format!("gradients/{path}"), values)?;
    }
    writer.flush()
}
