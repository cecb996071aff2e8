//! Decides which frames of a source are analysed, and how the detector runs on each.

use super::settings::{Look, Shared, SourceSettings};
use crate::{
    frame::{Frame, Search},
    message::{Moment, time_s},
};
use std::sync::Arc;

/// The schedule of a source. It counts the frames in the pipeline, so that a file gives the same results on every run.
pub(super) struct SearchSchedule {
    source: usize,
    look: Look,
    /// Frames since the last detector run; `None` before the first.
    since_search: Option<u32>,
    searched_s: f64,
    /// Detector runs since the last one at full size.
    since_full: u32,
    /// When the next frame is due, if `max_fps` is set.
    due_s: f64,
}

impl SearchSchedule {
    pub fn new(source: usize, settings: &Shared) -> Self {
        Self {
            source,
            look: Look::new(Arc::clone(settings)),
            since_search: None,
            searched_s: 0.0,
            since_full: 0,
            due_s: 0.0,
        }
    }

    /// The same schedule in another pipeline, where the source may have another index.
    #[must_use]
    pub fn moved(self, source: usize, settings: &Shared) -> Self {
        Self { source, look: Look::new(Arc::clone(settings)), ..self }
    }

    /// How the detector runs on this frame, captured at `moment`. Must be called once per frame, because it counts the
    /// frames.
    pub fn search(&mut self, frame: &Frame, moment: &Moment) -> Search {
        // Pictures of a folder are independent.
        if frame.file.is_some() {
            return Search::Full;
        }
        let is_first = self.since_search.is_none();
        if !self.is_search_due(time_s(frame, moment)) {
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

    fn is_search_due(&mut self, time_s: f64) -> bool {
        let SourceSettings { every, interval_s, .. } = self.look.load().sources[self.source];
        let due = match self.since_search {
            None => true,
            // Times are rounded to milliseconds; half a millisecond compensates for that.
            Some(frames) => frames + 1 >= every && (time_s - self.searched_s).abs() >= interval_s - 0.000_5,
        };
        if due {
            (self.since_search, self.searched_s) = (Some(0), time_s);
        } else {
            self.since_search = self.since_search.map(|frames| frames + 1);
        }
        due
    }

    /// Whether a frame of a live source, captured at `moment`, arrives sooner than `max_fps` allows.
    pub fn is_too_soon(&mut self, moment: &Moment) -> bool {
        let least_gap_s = self.look.load().sources[self.source].least_gap_s;
        let time_s = moment.since_start_s;
        // A frame that is slightly early because of jitter is accepted; the average rate stays within the limit.
        if time_s < self.due_s - least_gap_s * 0.25 {
            return true;
        }
        self.due_s = (self.due_s + least_gap_s).max(time_s);
        false
    }
}
