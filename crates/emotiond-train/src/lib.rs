//! The offline trainer: trains a network on a data set and writes an ONNX model and a report.
//!
//! A [`recipe`] contains all settings of a run. The rows of a [`dataset`] become [`examples`], and a [`loader`] makes
//! batches of them.
pub mod arch;
pub mod augment;
pub mod average;
pub mod batch;
pub mod calibration;
pub mod checkpoint;
pub mod cli;
pub mod dataset;
pub mod device;
pub mod distill;
pub mod distributions;
pub mod evaluate;
pub mod examples;
pub mod export;
pub mod field;
pub mod fit;
#[cfg(test)]
mod fixtures;
pub mod from_onnx;
pub mod frozen;
pub mod history;
pub mod hparams;
pub mod labels;
pub mod loader;
pub mod loss;
pub mod memory;
pub mod metrics;
pub mod onnx;
pub mod ops;
pub mod optimizer;
mod parzen;
pub mod plots;
pub mod pretrained;
pub mod random;
pub mod recipe;
pub mod schedule;
pub mod search;
pub mod summary;
pub mod survey;
pub mod tensorboard;
pub mod threads;
pub mod trainer;
pub mod vote_model;
