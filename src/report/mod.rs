//! Summarises recorded event lines as a page, picture or table.
//!
//! `read` parses lines to typed events; `recording` passes each to its `source`, where `clock` maps it to a time axis,
//! `bins` and `tracks` store it, and `spans` and `gaps` summarise it. `chart` draws bands and lanes for both `page`
//! (HTML) and `picture` (PNG); `table` writes the bins as CSV. `compare` puts two recordings on one axis, and `compared`
//! tells their differences.
mod axis;
mod bins;
mod chart;
mod clock;
mod compare;
mod compared;
mod gaps;
mod labels;
mod markers;
mod page;
mod picture;
mod read;
mod recording;
mod source;
mod spans;
mod summary;
mod table;
mod tracks;
mod words;

pub use compare::Comparison;
pub use labels::Labels;
pub use recording::Recording;

use std::path::Path;
use thiserror::Error;

/// Why a report cannot be created.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The extension of the output file is unknown.
    #[error("{0} ends in none of .html, .png and .csv: the extension selects the format")]
    Ending(String),
    /// The input contains no event.
    #[error("the input contains no event ({reason}); give the lines that `emotiond run` writes to stdout")]
    NoEvents {
        /// The reason.
        reason: String,
    },
    /// A recording has no such marker.
    #[error("{recording} has no marker {wanted:?} to align it at; its markers: {markers}")]
    NoMarker {
        /// The recording.
        recording: String,
        /// The kind or label that was asked for.
        wanted: String,
        /// Its markers.
        markers: String,
    },
    /// The picture cannot be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Draw(String),
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A self-contained page.
    Html,
    /// A picture.
    Png,
    /// A table of the bins.
    Csv,
}

impl Format {
    /// The format for a file's extension.
    ///
    /// # Errors
    /// When the extension is unknown.
    pub fn of(path: &Path) -> Result<Self, ReportError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("png") => Ok(Self::Png),
            Some("csv") => Ok(Self::Csv),
            _ => Err(ReportError::Ending(path.display().to_string())),
        }
    }

    /// Creates the contents of the file.
    ///
    /// # Errors
    /// When the picture cannot be drawn.
    pub fn write(self, recording: &Recording) -> Result<Vec<u8>, ReportError> {
        match self {
            Self::Html => Ok(page::page(recording).into_bytes()),
            Self::Png => picture::png(recording),
            Self::Csv => Ok(table::csv(recording)),
        }
    }

    /// Creates the contents of a file that compares two recordings.
    ///
    /// # Errors
    /// When the picture cannot be drawn.
    pub fn compare(self, comparison: &Comparison) -> Result<Vec<u8>, ReportError> {
        match self {
            Self::Html => Ok(page::comparison(comparison).into_bytes()),
            Self::Png => picture::comparison(comparison),
            Self::Csv => Ok(table::comparison(comparison)),
        }
    }
}
