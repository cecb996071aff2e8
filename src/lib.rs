//! emotiond: frames in, emotion events out.
//!
//! Read the modules in the order in which a frame travels: [`source`] captures it, [`decode`] makes pixels of it,
//! [`detect`] finds faces, [`track`] tells whose they are, [`pose`] which way they look, [`face`] cuts them out, [`classify`] reads their emotion,
//! [`smooth`] steadies it, [`audience`] sums it up, [`event`] writes it down; [`pipeline`] moves it from thread to thread.
//! [`report`] sums up what was written.
pub mod analysed;
pub mod annotate;
pub mod audience;
pub mod catch_panic;
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
pub mod landmarks;
pub mod overlay;
pub mod palette;
pub mod pipeline;
pub mod pose;
pub mod readability;
pub mod report;
pub mod service;
pub mod sink;
pub mod smooth;
pub mod source;
pub mod stop;
pub mod track;
