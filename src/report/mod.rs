//! The story of a recording: event lines in, one page, picture or table out.
//!
//! `read` makes typed events of lines, `recording` hands each to its `source`, where `clock` places it on an
//! axis, `bins` and `tracks` hold it, `spans` and `gaps` sum it up. `chart` draws bands and lanes once, for
//! `page` (HTML) and `picture` (PNG); `table` writes the bins as CSV.
mod axis;
mod bins;
mod chart;
mod clock;
mod gaps;
mod labels;
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

pub use recording::Recording;

use std::path::Path;
use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The ending of the file to write is unknown.
    #[error("{0} ends in none of .html, .png and .csv: the ending says what is written")]
    Ending(String),
    /// Nothing of the input is an event.
    #[error("there is no event in it ({reason}); give the lines that `emotiond run` writes to stdout")]
    NoEvents {
        /// What is wrong with it.
        reason: String,
    },
    /// A picture could not be drawn.
    #[error("the picture cannot be drawn: {0}")]
    Draw(String),
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page that needs nothing but itself.
    Html,
    /// A picture.
    Png,
    /// The bins as a table.
    Csv,
}

impl Format {
    /// The format that a file's ending asks for.
    ///
    /// # Errors
    /// When it asks for none.
    pub fn of(path: &Path) -> Result<Self, ReportError> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("html" | "htm") => Ok(Self::Html),
            Some("png") => Ok(Self::Png),
            Some("csv") => Ok(Self::Csv),
            _ => Err(ReportError::Ending(path.display().to_string())),
        }
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// When a picture cannot be drawn.
    pub fn write(self, recording: &Recording) -> Result<Vec<u8>, ReportError> {
        match self {
            Self::Html => Ok(page::page(recording).into_bytes()),
            Self::Png => picture::png(recording),
            Self::Csv => Ok(table::csv(recording)),
        }
    }
}
