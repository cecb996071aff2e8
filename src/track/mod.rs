//! Face tracking: assigns detections to tracks across frames.
//!
//! A tracker of the SORT family with ByteTrack's second round (Zhang et al., "ByteTrack: Multi-object tracking by
//! associating every detection box", 2022): detections with high scores are matched first, then those with low scores
//! are matched with existing tracks, for example when a head turns away. A last round matches the remaining ones by
//! enlarged boxes (Yang et al., "Hard to track objects with irregular motions and similar appearances?", 2023), for
//! fast faces at low frame rates. Tracks in view are matched before hidden ones, as in DeepSORT's matching cascade
//! (Wojke et al., "Simple online and realtime tracking with a deep association metric", 2017). `recall.rs` tells where
//! a hidden face may reappear, `look.rs` whether the face there is of a different person.
mod assign;
mod config;
mod kalman;
mod look;
mod recall;

pub use config::TrackerConfig;

use crate::{detect::Detection, pose::Pose};
use assign::Assignment;
use emotiond_core::{geometry::BoundingBox, picture::PictureView};
use kalman::BoxFilter;
use look::Look;
use recall::Recall;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Total enlargement of boxes in the last round, as a fraction of their sides.
const ENLARGED: f32 = 0.6;
/// Faces whose boxes, enlarged by this part of their sides, overlap may cover one another.
const NEAR: f32 = 0.6;
/// A face that was hidden for less than this many seconds is of the same person.
const REPLACED_AFTER_S: f64 = 0.2;

/// A tracked face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Track number, unique within a run.
    pub track: u64,
    /// The detected box, or the predicted one if the detector did not search for it.
    pub bounds: BoundingBox,
    /// The detector's confidence, 0 to 1; of the last detection if `predicted`.
    pub score: f32,
    /// Whether the detector did not search for it and `bounds` is predicted.
    pub predicted: bool,
    /// The pose at the last detection; `None` if the detector gives no landmarks.
    pub pose: Option<Pose>,
}

/// The result of a detector run.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Detected faces in any order.
    pub detections: &'a [Detection],
    /// Detections with a lower score only continue existing tracks.
    pub min_score: f32,
    /// Smaller faces, by their longer side in pixels, may have been missed, so their tracks stay in view.
    pub blind_below_px: f32,
    /// Whether only known faces were searched: what else was found starts no track.
    pub only_known: bool,
    /// The picture, for comparing the colours of faces; `None` if only boxes count.
    pub picture: Option<PictureView<'a>>,
    /// The divisor of the picture's sides; boxes are in pixels of the full-size picture.
    pub shrink: u32,
}

impl Findings<'_> {
    /// The look of a detected face; `None` if it has no colours or if a face nearby may cover it.
    fn look(&self, index: usize) -> Option<Look> {
        let bounds = &self.detections[index].bounds;
        let picture = self.picture.as_ref()?;
        let is_near = |other: &Detection| other.bounds.enlarged(NEAR).iou(&bounds.enlarged(NEAR)) > 0.0;
        let others = self.detections.iter().enumerate().filter(|(other, _)| *other != index);
        let is_free = !others.map(|(_, face)| face).any(is_near);
        is_free.then(|| Look::of(picture, &bounds.scaled(1.0 / self.shrink as f32)))?
    }
}

/// Assigns track numbers that are unique across all sources. Clones share one counter.
#[derive(Clone, Default)]
pub struct TrackIds(Arc<AtomicU64>);

impl TrackIds {
    /// The next track number, starting from 1.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Tracks the faces of one source.
pub struct Tracker {
    config: TrackerConfig,
    tracks: Vec<Track>,
    /// Number of detector runs.
    search: u64,
    /// Time of the last frame, with or without a detector run.
    time_s: f64,
    scratch: Scratch,
}

/// Reused memory of `search`.
#[derive(Default)]
struct Scratch {
    /// Whether each detection is still unmatched.
    free: Vec<bool>,
    /// Indices of the tracks and detections of one round.
    tracks: Vec<usize>,
    found: Vec<usize>,
    assignment: Assignment,
}

struct Track {
    /// `None` until the face is announced.
    id: Option<u64>,
    filter: BoxFilter,
    recall: Recall,
    /// Where it may also reappear, if it is hidden.
    places: [BoundingBox; 4],
    /// The detected box, or the predicted one since the last detection.
    bounds: BoundingBox,
    score: f32,
    seen_s: f64,
    /// The detector run that last detected it.
    seen_in: u64,
    /// Number of detections with a score high enough to start a track.
    hits: u32,
    /// Whether `bounds` is predicted.
    predicted: bool,
    /// The pose at the last detection.
    pose: Option<Pose>,
}

impl Tracker {
    /// A tracker without tracks.
    pub fn new(config: TrackerConfig) -> Self {
        Self { config, tracks: Vec::new(), search: 0, time_s: 0.0, scratch: Scratch::default() }
    }

    /// Changes the settings.
    pub fn configure(&mut self, config: &TrackerConfig) {
        self.config = *config;
    }

    /// Adds the detections of the frame at `time_s`. Appends each announced face in view to `faces`, and the numbers of
    /// lost tracks to `lost`.
    pub fn search(
        &mut self,
        findings: &Findings,
        time_s: f64,
        ids: &TrackIds,
        faces: &mut Vec<Face>,
        lost: &mut Vec<u64>,
    ) {
        let Findings { detections, min_score, blind_below_px, only_known, .. } = *findings;
        self.advance(time_s, lost);
        self.search += 1;
        let last = self.search - 1;
        self.scratch.free.clear();
        self.scratch.free.resize(detections.len(), true);
        let sure = |found: &Detection| found.score >= min_score;
        // A hidden track must not take the face of its occluder.
        self.pair(findings, sure, |track| track.seen_in == last, 0.0);
        self.pair(findings, sure, |track| track.seen_in < last, 0.0);
        // Low-score detections continue only tracks that were in view.
        self.pair(findings, |found| !sure(found), |track| track.seen_in == last, 0.0);
        self.pair(findings, sure, |_| true, ENLARGED);
        for (index, found) in detections.iter().enumerate() {
            if !only_known && self.scratch.free[index] && sure(found) {
                self.tracks.push(Track::new(found, findings.look(index), time_s, self.search));
            }
        }
        for track in self.tracks.iter_mut().filter(|track| track.seen_in == self.search) {
            track.hits += u32::from(track.score >= min_score);
            if track.hits >= self.config.announce_hits || track.score >= self.config.announce_score {
                track.id.get_or_insert_with(|| ids.next());
            }
        }
        for track in self.tracks.iter_mut().filter(|track| track.seen_in == last) {
            if track.longer_side() < blind_below_px {
                track.seen_in = self.search;
            }
        }
        self.drop_lost(lost);
        self.push_visible(faces);
    }

    /// Number of faces in view, and the longer side of the smallest one in pixels (infinite if there is none).
    pub fn in_sight(&self) -> (usize, f32) {
        let visible = self.tracks.iter().filter(|track| track.seen_in == self.search);
        visible.fold((0, f32::INFINITY), |(count, smallest), track| {
            (count + 1, smallest.min(track.longer_side()))
        })
    }

    /// Advances to a frame without a detector run: faces in view are placed at their predicted positions.
    pub fn foresee(&mut self, time_s: f64, faces: &mut Vec<Face>, lost: &mut Vec<u64>) {
        self.advance(time_s, lost);
        self.push_visible(faces);
    }

    /// Advances to a frame whose picture has not changed since the latest detector run: faces in view stay where they are.
    pub fn hold(&mut self, time_s: f64, faces: &mut Vec<Face>, lost: &mut Vec<u64>) {
        let Some(elapsed_s) = self.elapse(time_s, lost) else { return };
        for track in &mut self.tracks {
            if track.seen_in == self.search {
                track.stay(elapsed_s, time_s);
            } else {
                track.predict(elapsed_s, time_s);
            }
        }
        self.drop_lost(lost);
        self.push_visible(faces);
    }

    /// Whether another detector run on the same picture would change nothing: all faces are in view and announced.
    pub fn is_settled(&self) -> bool {
        self.tracks.iter().all(|track| track.seen_in == self.search && track.id.is_some())
    }

    /// Ends all tracks, when the source has ended.
    pub fn finish(&mut self, lost: &mut Vec<u64>) {
        lost.extend(self.tracks.drain(..).filter_map(|track| track.id));
    }

    /// Predicts all tracks to `time_s`. After a gap longer than `lost_after_s`, ends them instead.
    fn advance(&mut self, time_s: f64, lost: &mut Vec<u64>) {
        let Some(elapsed_s) = self.elapse(time_s, lost) else { return };
        for track in &mut self.tracks {
            track.predict(elapsed_s, time_s);
        }
    }

    /// Seconds since the last frame; `None` after a gap longer than `lost_after_s`, which ends all tracks.
    fn elapse(&mut self, time_s: f64, lost: &mut Vec<u64>) -> Option<f32> {
        let elapsed_s = (time_s - self.time_s).max(0.0);
        self.time_s = time_s;
        if elapsed_s > f64::from(self.config.lost_after_s) {
            self.finish(lost);
            return None;
        }
        Some(elapsed_s as f32)
    }

    /// One round: matches the unmatched detections and tracks that satisfy the given conditions.
    fn pair(
        &mut self,
        findings: &Findings,
        detection_passes: impl Fn(&Detection) -> bool,
        track_passes: impl Fn(&Track) -> bool,
        enlarged: f32,
    ) {
        let detections = findings.detections;
        let Self { config, tracks, search, time_s, scratch } = self;
        let Scratch { free, tracks: chosen, found, assignment } = scratch;
        chosen.clear();
        chosen.extend((0..tracks.len()).filter(|&t| tracks[t].seen_in < *search && track_passes(&tracks[t])));
        found.clear();
        found.extend((0..detections.len()).filter(|&f| free[f] && detection_passes(&detections[f])));
        let overlap = |t: usize, f: usize| {
            let (track, face) = (&tracks[chosen[t]], detections[found[f]].bounds.enlarged(enlarged));
            let overlap = |place: &BoundingBox| place.enlarged(enlarged).iou(&face);
            if track.seen_in + 1 == *search {
                return overlap(&track.bounds);
            }
            let most = track.places.iter().map(overlap).fold(overlap(&track.bounds), f32::max);
            let may_match = most > 0.0 && most >= config.min_iou;
            let may_be_other = may_match && *time_s - track.seen_s >= REPLACED_AFTER_S;
            if may_be_other && track.is_other(findings, found[f]) { 0.0 } else { most }
        };
        for &(t, f) in assignment.solve(chosen.len(), found.len(), config.min_iou, overlap) {
            free[found[f]] = false;
            tracks[chosen[t]].see(findings, found[f], *time_s, *search);
        }
    }

    /// Ends tracks that have been out of view for too long. A track that has not been announced ends at its first miss.
    fn drop_lost(&mut self, lost: &mut Vec<u64>) {
        let lost_after_s = f64::from(self.config.lost_after_s);
        self.tracks.retain(|track| {
            let in_sight = track.seen_in == self.search;
            let keep = in_sight || (track.id.is_some() && self.time_s - track.seen_s <= lost_after_s);
            if !keep {
                lost.extend(track.id);
            }
            keep
        });
    }

    /// Faces in the last detector run.
    fn push_visible(&self, faces: &mut Vec<Face>) {
        let visible = self.tracks.iter().filter(|track| track.seen_in == self.search);
        faces.extend(visible.filter_map(|track| {
            let Track { id, bounds, score, predicted, pose, .. } = *track;
            Some(Face { track: id?, bounds, score, predicted, pose })
        }));
    }
}

impl Track {
    fn new(found: &Detection, look: Option<Look>, time_s: f64, search: u64) -> Self {
        let filter = BoxFilter::new(&found.bounds);
        Self {
            id: None,
            recall: Recall::new(&filter, look, time_s),
            places: [found.bounds; 4],
            filter,
            bounds: found.bounds,
            score: found.score,
            seen_s: time_s,
            seen_in: search,
            hits: 0,
            predicted: false,
            pose: found.pose,
        }
    }

    /// Moves on to where the face is predicted at `time_s`.
    fn predict(&mut self, elapsed_s: f32, time_s: f64) {
        self.filter.predict(elapsed_s);
        self.bounds = self.filter.bounds();
        self.places = self.recall.places(time_s);
        self.predicted = true;
    }

    /// The face is still there at `time_s`, because the picture has not changed.
    fn stay(&mut self, elapsed_s: f32, time_s: f64) {
        self.filter.predict(elapsed_s);
        self.filter.correct(&self.bounds);
        self.recall.stay(&self.filter, time_s);
        (self.seen_s, self.predicted) = (time_s, false);
    }

    fn see(&mut self, findings: &Findings, index: usize, time_s: f64, search: u64) {
        let found = &findings.detections[index];
        self.filter.correct(&found.bounds);
        self.recall.keep(&self.filter, || findings.look(index), time_s);
        (self.bounds, self.score, self.pose) = (found.bounds, found.score, found.pose);
        (self.seen_s, self.seen_in, self.predicted) = (time_s, search, false);
    }

    /// Whether the face at `index` looks like a different person.
    fn is_other(&self, findings: &Findings, index: usize) -> bool {
        let bounds = &findings.detections[index].bounds;
        findings.look(index).is_some_and(|look| self.recall.excludes(&look, bounds))
    }

    fn longer_side(&self) -> f32 {
        self.bounds.w.max(self.bounds.h)
    }
}

#[cfg(test)]
mod tests;
