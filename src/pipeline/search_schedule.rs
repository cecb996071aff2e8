//! Which frames of a source are taken at all, and how each is searched for faces.

use super::settings::{Look, Shared, SourceSettings};
use crate::frame::{Content, Frame, Search};
use std::{sync::Arc, time::Instant};

/// One source's schedule. It counts the frames that go through the pipeline, so that a file gives the same every time.
pub(super) struct SearchSchedule {
    source: usize,
    look: Look,
    started: Instant,
    /// Frames since the last search; `None` before the first.
    since_search: Option<u32>,
    searched_s: f64,
    /// Searches since the last one at full size.
    since_full: u32,
    /// When the next frame of a source with `max_fps` is due.
    due_s: f64,
}

impl SearchSchedule {
    pub fn new(source: usize, settings: &Shared) -> Self {
        Self {
            source,
            look: Look::new(Arc::clone(settings)),
            started: Instant::now(),
            since_search: None,
            searched_s: 0.0,
            since_full: 0,
            due_s: 0.0,
        }
    }

    /// How this frame is to be searched; the next one is then asked with this one counted.
    pub fn search(&mut self, frame: &Frame) -> Search {
        if frame.content != Content::Picture {
            return Search::Skip;
        }
        // Pictures of a folder have nothing to do with each other.
        if frame.file.is_some() {
            return Search::Full;
        }
        let is_first = self.since_search.is_none();
        if !self.is_search_due(frame) {
            return Search::Skip;
        }
        let full_every = self.look.load().sources[self.source].full_every;
        self.since_full += 1;
        if is_first || self.since_full >= full_every {
            self.since_full = 0;
            return Search::Full;
        }
        Search::Glance
    }

    fn is_search_due(&mut self, frame: &Frame) -> bool {
        let time_s = super::follow::seconds(frame, self.started);
        let SourceSettings { every, interval_s, .. } = self.look.load().sources[self.source];
        let due = match self.since_search {
            None => true,
            // Half a millisecond for times that are rounded to one.
            Some(frames) => frames + 1 >= every && (time_s - self.searched_s).abs() >= interval_s - 0.000_5,
        };
        if due {
            (self.since_search, self.searched_s) = (Some(0), time_s);
        } else {
            self.since_search = self.since_search.map(|frames| frames + 1);
        }
        due
    }

    /// Whether a frame of a live source comes sooner than its `max_fps` allows.
    pub fn is_too_soon(&mut self, frame: &Frame) -> bool {
        let least_gap_s = self.look.load().sources[self.source].least_gap_s;
        let time_s = frame.captured.saturating_duration_since(self.started).as_secs_f64();
        // A frame that comes a little early by the camera's jitter is taken: on average the rate is kept.
        if time_s < self.due_s - least_gap_s * 0.25 {
            return true;
        }
        self.due_s = (self.due_s + least_gap_s).max(time_s);
        false
    }
}
