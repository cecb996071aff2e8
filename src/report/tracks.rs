//! The faces of a source: those in view, and the longest of those that have gone.

use super::bins::{Bins, Cell};
use std::collections::HashMap;

/// So many faces keep a lane of their own; the shorter ones count, but are not drawn.
pub const MAX_LANES: usize = 30;
/// More faces in view at once than this come from lines that never end a face: the stalest are let go.
const MAX_OPEN: usize = 1024;
/// Parts of a lane.
const LANE_CELLS: usize = 512;

/// The emotion that a face shows for most of a lane's part, by the majority vote of Boyer and Moore: what it leads by.
#[derive(Clone, Copy, Default)]
pub struct Shown {
    /// Place of the label.
    pub label: u8,
    lead_s: f32,
}

impl Shown {
    fn add(&mut self, label: u8, seconds: f32) {
        if self.label == label {
            self.lead_s += seconds;
        } else if self.lead_s >= seconds {
            self.lead_s -= seconds;
        } else {
            *self = Self { label, lead_s: seconds - self.lead_s };
        }
    }

    /// Whether the face was there.
    pub fn is_there(&self) -> bool {
        self.lead_s > 0.0
    }
}

impl Cell for Shown {
    fn merge(&mut self, later: &Self) {
        self.add(later.label, later.lead_s);
    }
}

/// A face from its first sight to its last.
#[derive(Clone)]
pub struct Lane {
    /// Its number in the events.
    pub track: u64,
    /// The first sight.
    pub from: f64,
    /// The last one.
    pub to: f64,
    /// What it showed.
    pub shown: Bins<Shown>,
}

/// A face in view.
pub struct Open {
    lane: Lane,
    /// Whether its beginning is known.
    whole: bool,
    /// What it shows.
    label: usize,
    /// Since when.
    since: f64,
}

/// A time for which a face showed an emotion.
#[derive(Clone, Copy)]
pub struct Segment {
    pub from: f64,
    pub to: f64,
    pub label: usize,
    /// How long the emotion has lasted in all, where it ends here.
    pub ended_s: Option<f64>,
}

impl Open {
    fn new(track: u64, at: f64, label: usize, whole: bool) -> Self {
        let lane = Lane { track, from: at, to: at, shown: Bins::new(LANE_CELLS) };
        Self { lane, whole, label, since: at }
    }

    /// It has shown its emotion until now, and from now on shows `next`, if anything.
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
    longest: Vec<Lane>,
    /// Different faces.
    pub seen: u64,
    /// Faces that were let go since they never ended.
    pub let_go: u64,
}

impl Tracks {
    /// A face shows an emotion. Returns for how long it has shown the one before.
    pub fn show(&mut self, track: u64, at: f64, label: usize, is_new: bool) -> Option<Segment> {
        if let Some(open) = self.open.get_mut(&track) {
            return Some(open.advance(at, Some(label)));
        }
        self.seen += 1;
        self.open.insert(track, Open::new(track, at, label, is_new));
        None
    }

    /// The face that was not heard of for longest, and when it was, where there are too many.
    pub fn stalest(&mut self) -> Option<(u64, f64)> {
        if self.open.len() <= MAX_OPEN {
            return None;
        }
        self.let_go += 1;
        let stalest = self.open.values().min_by(|a, b| a.lane.to.total_cmp(&b.lane.to))?;
        Some((stalest.lane.track, stalest.lane.to))
    }

    /// A face has gone: `duration_s` after its first sight where that is known, else at `at`. Returns for how long it
    /// showed its last emotion, and for how long it was there.
    pub fn end(&mut self, track: u64, at: f64, duration_s: Option<f64>) -> Option<(Segment, f64)> {
        let mut open = self.open.remove(&track)?;
        let last_sight =
            duration_s.filter(|_| open.whole).map_or(at, |length_s| (open.lane.from + length_s).min(at));
        let segment = open.advance(last_sight, None);
        let stay_s = open.lane.to - open.lane.from;
        self.keep(open.lane);
        Some((segment, stay_s))
    }

    /// The faces in view, by number.
    pub fn in_view(&self) -> Vec<u64> {
        let mut tracks: Vec<u64> = self.open.keys().copied().collect();
        tracks.sort_unstable();
        tracks
    }

    /// When a face was last heard of.
    pub fn last_heard(&self, track: u64) -> Option<f64> {
        self.open.get(&track).map(|open| open.lane.to)
    }

    /// The lanes that are kept, by their first sight.
    pub fn lanes(&self) -> &[Lane] {
        &self.longest
    }

    /// The longest `count` of them, by their first sight.
    pub fn longest(&self, count: usize) -> Vec<Lane> {
        let mut lanes = self.longest.clone();
        lanes.sort_by(|a, b| (b.to - b.from).total_cmp(&(a.to - a.from)));
        lanes.truncate(count);
        lanes.sort_by(|a, b| a.from.total_cmp(&b.from));
        lanes
    }

    fn keep(&mut self, lane: Lane) {
        let length = |lane: &Lane| lane.to - lane.from;
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
