//! The offline trainer: data in, an ONNX model and a report out.
//!
//! A [`recipe`] says all that decides a run.
pub mod arch;
pub mod average;
pub mod labels;
pub mod loss;
pub mod ops;
pub mod optimizer;
pub mod recipe;
pub mod schedule;
