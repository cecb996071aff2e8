//! Integration tests of the daemon: the real program with real pictures, videos, cameras and displays.
//!
//! Tests that need the developers' data are ignored by default; `scripts/test` runs them if the data is available.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the window's tests use the rest of it")]
mod common;

mod annotate;
mod areas;
mod bad_input;
mod bad_setup;
mod bench_command;
mod bounds;
mod broken_stderr;
mod cameras;
mod clock_jumps;
mod damaged_jpeg;
mod detection;
mod drawing;
mod endings;
mod events;
mod geometry;
mod glances;
mod live;
mod lsl;
mod manual;
mod memory;
mod models;
mod mqtt;
mod mqtt_faults;
mod mqtt_home_assistant;
mod network;
mod network_secrets;
mod odd_cameras;
mod osc;
mod outputs;
mod pictures;
mod pose;
mod programs;
mod readings;
mod reloads;
mod report;
mod report_input;
mod report_markers;
mod sources;
mod sparing;
mod spool;
mod stopping;
mod stream;
mod telemetry;
mod tiles;
mod tracking;
mod turned;
mod unit_on_systemd;
mod videos;
