//! emotiond: detects faces in frames, classifies their emotions and writes events.
//!
//! The modules in the order in which a frame passes through them: [`source`] captures it, [`decode`] decodes it,
//! [`detect`] detects faces, [`track`] tracks them, [`pose`] estimates their head pose, `emotiond_core` crops and
//! classifies them, [`smooth`] smooths their emotions, [`audience`] computes statistics, [`event`] defines the events.
//! [`pipeline`] runs these stages in threads. [`report`] summarises recorded events.
pub mod abort;
pub mod analysed;
pub mod annotate;
pub mod areas;
pub mod audience;
pub mod catch_panic;
pub mod cgroup;
pub mod child;
pub mod cli;
pub mod commands;
pub mod config;
pub mod decode;
pub mod detect;
pub mod draw;
pub mod emit;
pub mod event;
pub mod frame;
pub mod hours;
pub mod landmarks;
pub mod memory;
pub mod message;
pub mod outputs;
pub mod overlay;
pub mod pipeline;
pub mod pose;
pub mod privacy;
pub mod readability;
pub mod report;
pub mod service;
pub mod sink;
pub mod smooth;
pub mod source;
pub mod stop;
pub mod stream;
mod sync;
pub mod system;
pub mod tap;
pub mod track;
pub mod turn;
pub mod zones;
