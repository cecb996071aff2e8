//! What the daemon `emotiond` and the trainer `emotiond-train` share: how a face becomes the input of a network, how a
//! network says what it needs and is run, and how a program ends.
//!
//! [`picture`] and [`geometry`] come first; [`levels`] takes brightness and contrast out of a crop; [`face`] makes the crop
//! that a network's description ([`classify::description`]) asks for; [`runtime`] loads ONNX Runtime and [`classify`] runs
//! a network on it.
pub mod classify;
pub mod config;
pub mod exit;
pub mod face;
pub mod files;
pub mod geometry;
pub mod levels;
pub mod paths;
pub mod picture;
pub mod runtime;
pub mod stderr;
pub mod stdout;
