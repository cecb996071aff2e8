//! The offline trainer: data in, an ONNX model and a report out.
//!
//! A [`recipe`] says all that decides a run.
pub mod labels;
pub mod recipe;
