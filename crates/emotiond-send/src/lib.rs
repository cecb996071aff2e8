//! Sends emotiond's events to brokers and serves them over HTTP.
//!
//! This code runs as a process of its own, `emotiond send`, which never sees a picture: the daemon writes its event
//! lines and a status line a second into a pipe ([`wire`]). By hand, `emotiond send` reads event lines from stdin or from
//! a recording. [`hub`] hands each line to all outputs.
pub mod complaints;
pub mod event;
pub mod gauges;
pub mod home_assistant;
pub mod http;
pub mod hub;
mod input;
pub mod metrics;
pub mod mqtt;
mod own_status;
pub mod run;
pub mod settings;
pub mod spool;
pub mod wire;
