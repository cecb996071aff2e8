//! The standard library's locks, for what vision threads wait for (`pipeline/in_turn.rs`, `pipeline/full_searches.rs`):
//! `tests/interleavings.rs` compiles these modules with a scheduler's locks.

pub use std::sync::{Condvar, Mutex, MutexGuard};
