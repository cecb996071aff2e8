//! Sends emotiond's events to brokers, stages (OSC) and laboratories (LSL), and serves them over HTTP.
//!
//! This code runs as a process of its own, `emotiond send`, which sees no picture unless `--stream` asks for that: the
//! daemon writes its event lines and a status line a second into a pipe ([`wire`]). By hand, `emotiond send` reads event lines from stdin or from
//! a recording. [`hub`] hands each line to all outputs.
pub mod address;
pub mod complaints;
pub mod event;
pub mod gauges;
pub mod home_assistant;
pub mod http;
pub mod hub;
mod input;
mod lines;
mod lsl;
pub mod metrics;
pub mod mqtt;
mod osc;
mod own_status;
pub mod pictures;
pub mod run;
pub mod settings;
mod slugs;
pub mod spool;
mod task;
mod visible;
pub mod wire;
