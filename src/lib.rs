//! emotiond: frames in, emotion events out.
//!
//! Read the modules in the order in which a frame travels.
pub mod classify;
pub mod face;
pub mod geometry;
pub mod picture;
#[cfg(feature = "train")]
pub mod train;
