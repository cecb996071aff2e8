//! Tests the trainer from outside, and the files that it writes.
//!
//! Tests that need the developers' data are ignored; `scripts/test` runs them if that data exists.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod data;
mod eval;
mod export;
mod fit;
mod pretrained;
mod report;
mod scripts;
mod search;
mod tensorboard;
mod training;
