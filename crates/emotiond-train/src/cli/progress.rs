//! Progress output on stderr: a progress bar on a terminal, plain lines elsewhere.

use crate::{
    fit::Watch,
    history::EpochRecord,
    trainer::{Totals, Trainer},
};
use emotiond_core::stderr::say;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, stderr};

/// A progress bar if stderr is a terminal, plain lines otherwise.
pub(super) fn for_this_terminal(epochs: usize) -> Box<dyn Watch> {
    if !stderr().is_terminal() {
        return lines(String::new(), epochs);
    }
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} {per_sec} {msg} {eta}")
        .expect("the template is valid");
    Box::new(Bar { bar: ProgressBar::new(0).with_style(style), epochs })
}

/// Plain lines that start with `prefix`, for several simultaneous runs.
pub(super) fn lines(prefix: String, epochs: usize) -> Box<dyn Watch> {
    Box::new(Lines { prefix, epochs })
}

struct Lines {
    prefix: String,
    epochs: usize,
}

impl Watch for Lines {
    fn step(&mut self, _: usize, _: usize, _: usize, _: &Totals) {}

    fn epoch(&mut self, record: &EpochRecord, _: &Trainer, best: bool) {
        say(format_args!("{}{}", self.prefix, line(record, self.epochs, best)));
    }

    fn note(&mut self, text: &str) {
        say(format_args!("{}{text}", self.prefix));
    }
}

struct Bar {
    bar: ProgressBar,
    epochs: usize,
}

impl Watch for Bar {
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals) {
        if done == 1 {
            self.bar.reset();
            self.bar.set_length(steps as u64);
            self.bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
        }
        self.bar.set_position(done as u64);
        self.bar.set_message(format!(
            "loss {:.4} accuracy {:.1} %",
            totals.loss(),
            totals.accuracy() * 100.0
        ));
    }

    fn epoch(&mut self, record: &EpochRecord, _: &Trainer, best: bool) {
        self.bar.println(line(record, self.epochs, best));
    }

    fn note(&mut self, text: &str) {
        self.bar.println(text);
    }
}

fn line(record: &EpochRecord, epochs: usize, best: bool) -> String {
    format!(
        "epoch {}/{epochs}: train loss {:.4} accuracy {:.2} %, validation loss {:.4} accuracy {:.2} % precision {:.2} % recall {:.2} %, learning rate {:.2e}, {:.1} s{}",
        record.epoch,
        record.train_loss,
        record.train_accuracy * 100.0,
        record.validation_loss,
        record.validation_accuracy * 100.0,
        record.validation_precision * 100.0,
        record.validation_recall * 100.0,
        record.learning_rate,
        record.seconds,
        if best { ", best so far" } else { "" }
    )
}
