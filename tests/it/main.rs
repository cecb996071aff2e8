//! The behaviour of the daemon from outside: the real program on real pictures, videos, cameras and displays.
//!
//! Tests that need the developers' data are ignored; `scripts/test` runs them where that data is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

mod annotate;
mod bad_input;
mod bad_setup;
mod bench_command;
mod broken_stderr;
mod cameras;
mod damaged_jpeg;
mod detection;
mod drawing;
mod endings;
mod events;
mod geometry;
mod glances;
mod live;
mod models;
mod overlay;
mod pose;
mod report;
mod sources;
mod telemetry;
mod unit_on_systemd;
