//! Code shared by the daemon `emotiond` and the trainer `emotiond-train`: preprocessing of faces, description and
//! execution of networks, exit codes.
//!
//! [`picture`] and [`geometry`] are the basic types. [`face`] makes the crop that a network's description
//! ([`classify::description`]) specifies, [`levels`] normalises its brightness and contrast. [`runtime`] loads ONNX
//! Runtime, and [`classify`] runs a network with it.
pub mod backoff;
pub mod classify;
pub mod config;
pub mod exit;
pub mod face;
pub mod files;
pub mod geometry;
pub mod labels;
pub mod levels;
pub mod lines;
pub mod manual;
pub mod palette;
pub mod paths;
pub mod picture;
pub mod process;
pub mod runtime;
pub mod stderr;
pub mod stdout;
