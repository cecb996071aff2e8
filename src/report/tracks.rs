//! The faces of a source: those in view, and of the others those that stayed longest.

use super::bins::{Bins, Cell};
use std::collections::HashMap;

/// Maximum number of lanes; the faces that stayed shorter are counted, but not drawn.
pub const MAX_LANES: usize = 30;
/// Maximum number of faces in view. If there are more, end events are missing, and the faces with the oldest events are
/// closed.
const MAX_OPEN: usize = 1024;
/// Cells of a lane.
const LANE_CELLS: usize = 512;

/// The emotion shown for most of a lane's cell, by the majority vote algorithm of Boyer and Moore.
#[derive(Clone, Copy, Default)]
pub struct ShownEmotion {
    /// Index of the label.
    pub label: u8,
    lead_s: f32,
}

impl ShownEmotion {
    fn add(&mut self, label: u8, seconds: f32) {
        if self.label == label {
            self.lead_s += seconds;
        } else if self.lead_s >= seconds {
            self.lead_s -= seconds;
        } else {
            *self = Self { label, lead_s: seconds - self.lead_s };
        }
    }

    /// Whether the face was in view.
    pub fn is_there(&self) -> bool {
        self.lead_s > 0.0
    }
}

impl Cell for ShownEmotion {
    fn merge(&mut self, later: &Self) {
        self.add(later.label, later.lead_s);
    }
}

/// A face from its first to its last detection.
#[derive(Clone)]
pub struct TrackLane {
    /// Track number in the events.
    pub track: u64,
    /// First detection.
    pub from: f64,
    /// Last detection.
    pub to: f64,
    /// The emotions shown.
    pub shown: Bins<ShownEmotion>,
}

/// A face in view.
pub struct Open {
    lane: TrackLane,
    /// Whether its `new` event is known.
    whole: bool,
    /// The current emotion.
    label: usize,
    /// Start of the current emotion.
    since: f64,
}

/// A period in which a face showed an emotion.
#[derive(Clone, Copy)]
pub struct Segment {
    pub from: f64,
    pub to: f64,
    pub label: usize,
    /// Total duration of the emotion, if it ends here.
    pub ended_s: Option<f64>,
}

impl Open {
    fn new(track: u64, at: f64, label: usize, whole: bool) -> Self {
        let lane = TrackLane { track, from: at, to: at, shown: Bins::new(LANE_CELLS) };
        Self { lane, whole, label, since: at }
    }

    /// Extends the current emotion to `to`, after which the face shows `next`, or is gone.
    fn advance(&mut self, to: f64, next: Option<usize>) -> Segment {
        let (from, label) = (self.lane.to, self.label);
        let to = to.max(from);
        self.lane.shown.add(from, to, |cell, seconds| cell.add(label as u8, seconds as f32));
        self.lane.to = to;
        let ended_s = (next != Some(label)).then_some(to - self.since);
        if let (Some(next), Some(_)) = (next, ended_s) {
            (self.label, self.since) = (next, to);
        }
        Segment { from, to, label, ended_s }
    }
}

/// All faces of a source.
#[derive(Default)]
pub struct Tracks {
    open: HashMap<u64, Open>,
    longest: Vec<TrackLane>,
    /// Number of faces.
    pub seen: u64,
    /// Number of faces that were closed without an end event.
    pub let_go: u64,
}

impl Tracks {
    /// Adds an event of a face. Returns the period since its previous event.
    pub fn show(&mut self, track: u64, at: f64, label: usize, is_new: bool) -> Option<Segment> {
        if let Some(open) = self.open.get_mut(&track) {
            return Some(open.advance(at, Some(label)));
        }
        self.seen += 1;
        self.open.insert(track, Open::new(track, at, label, is_new));
        None
    }

    /// If there are too many faces: the face with the oldest latest event, and the time of that event.
    pub fn stalest(&mut self) -> Option<(u64, f64)> {
        if self.open.len() <= MAX_OPEN {
            return None;
        }
        self.let_go += 1;
        let stalest = self.open.values().min_by(|a, b| a.lane.to.total_cmp(&b.lane.to))?;
        Some((stalest.lane.track, stalest.lane.to))
    }

    /// Ends a face, `duration_s` after its first detection if that is known, otherwise at `at`. Returns the last period
    /// of its last emotion, and how long the face stayed.
    pub fn end(&mut self, track: u64, at: f64, duration_s: Option<f64>) -> Option<(Segment, f64)> {
        let mut open = self.open.remove(&track)?;
        let last_sight =
            duration_s.filter(|_| open.whole).map_or(at, |length_s| (open.lane.from + length_s).min(at));
        let segment = open.advance(last_sight, None);
        let stay_s = open.lane.to - open.lane.from;
        self.keep(open.lane);
        Some((segment, stay_s))
    }

    /// The track numbers of the faces in view, sorted.
    pub fn in_view(&self) -> Vec<u64> {
        let mut tracks: Vec<u64> = self.open.keys().copied().collect();
        tracks.sort_unstable();
        tracks
    }

    /// The time of a face's latest event.
    pub fn last_heard(&self, track: u64) -> Option<f64> {
        self.open.get(&track).map(|open| open.lane.to)
    }

    /// The kept lanes, sorted by first detection.
    pub fn lanes(&self) -> &[TrackLane] {
        &self.longest
    }

    /// The longest `count` lanes, sorted by first detection.
    pub fn longest(&self, count: usize) -> Vec<TrackLane> {
        let mut lanes = self.longest.clone();
        lanes.sort_by(|a, b| (b.to - b.from).total_cmp(&(a.to - a.from)));
        lanes.truncate(count);
        lanes.sort_by(|a, b| a.from.total_cmp(&b.from));
        lanes
    }

    fn keep(&mut self, lane: TrackLane) {
        let length = |lane: &TrackLane| lane.to - lane.from;
        if length(&lane) <= 0.0 {
            return;
        }
        let place = self.longest.partition_point(|kept| kept.from <= lane.from);
        self.longest.insert(place, lane);
        if self.longest.len() > MAX_LANES {
            let shortest = (0..self.longest.len())
                .min_by(|&a, &b| length(&self.longest[a]).total_cmp(&length(&self.longest[b])));
            shortest.map(|index| self.longest.remove(index));
        }
    }
}
