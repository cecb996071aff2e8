//! The offline trainer: data in, an ONNX model and a report out.
//!
//! A [`recipe`] says all that decides a run; a [`dataset`] becomes [`examples`], and those become the batches of a
//! [`loader`].
pub mod augment;
pub mod calibration;
pub mod cli;
pub mod dataset;
pub mod evaluate;
pub mod examples;
#[cfg(test)]
mod fixtures;
pub mod history;
pub mod labels;
pub mod loader;
pub mod metrics;
pub mod plots;
pub mod random;
pub mod recipe;
pub mod survey;
pub mod tensorboard;
