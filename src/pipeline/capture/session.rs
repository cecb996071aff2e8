//! A source that is open or being opened, with the thread that reads it.

use crate::{
    frame::Frame,
    message::Clock,
    pipeline::{
        READ_AHEAD,
        reader::{News, Reader},
        source_info::SourceInfo,
    },
    source::{Sought, SourceError, SourceUri},
    stop::Stop,
};
use std::{sync::Arc, time::Instant};

/// A source that is open or being opened.
pub(super) struct Session {
    pub reader: Reader,
    /// Ends the reader without the others.
    pub stop: StopOnDrop,
    pub is_open: bool,
    /// Frames that the reader has.
    pub lent: usize,
    /// A message of the reader that was not handled yet.
    pub pending: Option<News>,
    pub heard: Instant,
    pub first_frame: Option<Instant>,
}

/// Ends the reader of a session that is over.
pub(super) struct StopOnDrop(Stop);

impl StopOnDrop {
    pub fn set(&self) {
        self.0.set();
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Session {
    /// Starts to open a source. `stop` ends its reader.
    pub fn begin(
        index: usize,
        info: &SourceInfo,
        sought: Option<Sought>,
        clock: Clock,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let opener = Arc::clone(&info.opener);
        let (max_megapixels, stop) = (info.max_megapixels, stop.part());
        let its_stop = stop.clone();
        let open = move || opener.open(sought.as_ref(), max_megapixels, &its_stop);
        let reader = Reader::start(format!("read-{index}"), clock, open).map_err(SourceError::Thread)?;
        let (stop, heard) = (StopOnDrop(stop), Instant::now());
        Ok(Self { reader, stop, is_open: false, lent: 0, pending: None, heard, first_frame: None })
    }

    pub fn want(&mut self, frame: Box<Frame>) {
        self.lent += 1;
        self.reader.want(frame);
    }
}

/// How many frames are requested from a reader at a time.
pub(super) fn ahead(uri: &SourceUri) -> usize {
    if uri.is_live() { 1 } else { READ_AHEAD }
}
