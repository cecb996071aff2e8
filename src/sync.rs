//! The locks of the pipeline: those of the standard library. `tests/interleavings.rs` puts a scheduler's locks in their place.

pub use std::sync::{Condvar, Mutex, MutexGuard};
