//! The behaviour of the trainer from outside, and of what it writes.
//!
//! Tests that need the developers' data are ignored; `scripts/test` runs them where that data is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod data;
mod eval;
mod export;
mod fit;
mod pretrained;
mod report;
mod search;
mod tensorboard;
mod training;
