//! The offline trainer: data in, an ONNX model and a report out.
//!
//! A [`recipe`] says all that decides a run.
pub mod arch;
pub mod augment;
pub mod average;
pub mod checkpoint;
pub mod cli;
pub mod dataset;
pub mod device;
pub mod examples;
pub mod export;
pub mod fit;
pub mod history;
pub mod labels;
pub mod loader;
pub mod loss;
pub mod ops;
pub mod optimizer;
pub mod random;
pub mod recipe;
pub mod schedule;
pub mod trainer;
