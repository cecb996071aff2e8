//! The commands of `emotiond-train`.

mod compare;
pub mod data;
pub mod eval;
mod events;
pub mod fit;
mod progress;
pub mod report;
pub mod search;
mod search_plot;
pub mod summary;
mod table;

use emotiond_core::stdout::print;
