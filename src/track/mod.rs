//! Identities over time: which face of this frame is which of the frames before.
//!
//! A tracker of the SORT family with ByteTrack's second round (Zhang et al., "ByteTrack: Multi-object tracking by
//! associating every detection box", 2022): sure detections are paired first, then those with a low score continue
//! faces that are known already, as when a head turns away. A last round pairs what is left by enlarged boxes (Yang et
//! al., "Hard to track objects with irregular motions and similar appearances?", 2023), for fast faces at low rates.
mod assign;
mod config;
mod kalman;

pub use config::TrackerConfig;

use crate::{detect::Detection, pose::Pose};
use assign::Assignment;
use emotiond_core::geometry::BoundingBox;
use kalman::BoxFilter;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How much boxes grow for the last round, in all, as a part of their sides.
const ENLARGED: f32 = 0.6;

/// A face with an identity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Its identity, never given twice.
    pub track: u64,
    /// Where the detector saw it, or where it is foreseen in a frame that was not searched.
    pub bounds: BoundingBox,
    /// How sure the detector is, 0 to 1; in a frame that was not searched, how sure it was last.
    pub score: f32,
    /// Whether it was not searched for and stands where it is foreseen.
    pub predicted: bool,
    /// Which way it looks, or looked last; `None` where the detector does not tell.
    pub pose: Option<Pose>,
}

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Faces, in any order.
    pub detections: &'a [Detection],
    /// Detections under this score only continue known faces.
    pub min_score: f32,
    /// Smaller faces, by their longer side in pixels, may have been missed: those in sight stay in sight.
    pub blind_below_px: f32,
}

/// Hands out identities that are never used again, across all sources. Clones share one count.
#[derive(Clone, Default)]
pub struct TrackIds(Arc<AtomicU64>);

impl TrackIds {
    /// The next identity, from 1 on.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Follows the faces of one source.
pub struct Tracker {
    config: TrackerConfig,
    tracks: Vec<Track>,
    /// Count of searches.
    search: u64,
    /// Time of the last frame, searched or not.
    time_s: f64,
    scratch: Scratch,
}

/// Memory of one search that the next one uses again.
#[derive(Default)]
struct Scratch {
    /// Whether each detection has no track yet.
    free: Vec<bool>,
    /// Indices of the tracks and detections of one round.
    tracks: Vec<usize>,
    found: Vec<usize>,
    assignment: Assignment,
}

struct Track {
    /// `None` until it is sure that there is a face.
    id: Option<u64>,
    filter: BoxFilter,
    /// As the detector saw it, or as foreseen since.
    bounds: BoundingBox,
    score: f32,
    seen_s: f64,
    /// The search that saw it last.
    seen_in: u64,
    /// Sights with a score high enough to begin a track.
    hits: u32,
    /// Whether `bounds` are foreseen.
    predicted: bool,
    /// As the detector saw it last.
    pose: Option<Pose>,
}

impl Tracker {
    /// A tracker that knows no face yet.
    pub fn new(config: TrackerConfig) -> Self {
        Self { config, tracks: Vec::new(), search: 0, time_s: 0.0, scratch: Scratch::default() }
    }

    /// Goes on with other settings.
    pub fn configure(&mut self, config: &TrackerConfig) {
        self.config = *config;
    }

    /// Takes the detections of the frame at `time_s`. Pushes each face that is sure with its identity to `faces`, and
    /// the identities of faces that are lost to `lost`.
    pub fn search(
        &mut self,
        findings: &Findings,
        time_s: f64,
        ids: &TrackIds,
        faces: &mut Vec<Face>,
        lost: &mut Vec<u64>,
    ) {
        let Findings { detections, min_score, blind_below_px } = *findings;
        self.advance(time_s, lost);
        self.search += 1;
        let last = self.search - 1;
        self.scratch.free.clear();
        self.scratch.free.resize(detections.len(), true);
        let sure = |found: &Detection| found.score >= min_score;
        self.pair(detections, sure, |_| true, 0.0);
        // Only a face that was in sight is continued by a guess.
        self.pair(detections, |found| !sure(found), |track| track.seen_in == last, 0.0);
        self.pair(detections, sure, |_| true, ENLARGED);
        for (found, _) in
            detections.iter().zip(&self.scratch.free).filter(|(found, free)| **free && sure(found))
        {
            self.tracks.push(Track::new(found, time_s, self.search));
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

    /// How many faces are in sight, and the longer side of the smallest one in pixels (infinite without any).
    pub fn in_sight(&self) -> (usize, f32) {
        let visible = self.tracks.iter().filter(|track| track.seen_in == self.search);
        visible.fold((0, f32::INFINITY), |(count, smallest), track| {
            (count + 1, smallest.min(track.longer_side()))
        })
    }

    /// Goes on to a frame that was not searched: faces that were in sight stand where they are foreseen.
    pub fn foresee(&mut self, time_s: f64, faces: &mut Vec<Face>, lost: &mut Vec<u64>) {
        self.advance(time_s, lost);
        self.push_visible(faces);
    }

    /// Loses all faces: the source has ended.
    pub fn finish(&mut self, lost: &mut Vec<u64>) {
        lost.extend(self.tracks.drain(..).filter_map(|track| track.id));
    }

    /// Moves all faces on to `time_s`. After a long gap nobody can say who is who.
    fn advance(&mut self, time_s: f64, lost: &mut Vec<u64>) {
        let elapsed_s = (time_s - self.time_s).max(0.0);
        self.time_s = time_s;
        if elapsed_s > f64::from(self.config.lost_after_s) {
            return self.finish(lost);
        }
        for track in &mut self.tracks {
            track.filter.predict(elapsed_s as f32);
            track.bounds = track.filter.bounds();
            track.predicted = true;
        }
    }

    /// One round: pairs the detections and tracks that are still free and that pass.
    fn pair(
        &mut self,
        detections: &[Detection],
        detection_passes: impl Fn(&Detection) -> bool,
        track_passes: impl Fn(&Track) -> bool,
        enlarged: f32,
    ) {
        let Self { config, tracks, search, time_s, scratch } = self;
        let Scratch { free, tracks: chosen, found, assignment } = scratch;
        chosen.clear();
        chosen.extend((0..tracks.len()).filter(|&t| tracks[t].seen_in < *search && track_passes(&tracks[t])));
        found.clear();
        found.extend((0..detections.len()).filter(|&f| free[f] && detection_passes(&detections[f])));
        let overlap = |t: usize, f: usize| {
            let (track, face) = (&tracks[chosen[t]].bounds, &detections[found[f]].bounds);
            track.enlarged(enlarged).iou(&face.enlarged(enlarged))
        };
        for &(t, f) in assignment.solve(chosen.len(), found.len(), config.min_iou, overlap) {
            free[found[f]] = false;
            tracks[chosen[t]].see(&detections[found[f]], *time_s, *search);
        }
    }

    /// Faces that have been out of sight for too long are lost; what never became sure goes at its first miss.
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

    /// Faces that the last search saw.
    fn push_visible(&self, faces: &mut Vec<Face>) {
        let visible = self.tracks.iter().filter(|track| track.seen_in == self.search);
        faces.extend(visible.filter_map(|track| {
            let Track { id, bounds, score, predicted, pose, .. } = *track;
            Some(Face { track: id?, bounds, score, predicted, pose })
        }));
    }
}

impl Track {
    fn new(found: &Detection, time_s: f64, search: u64) -> Self {
        Self {
            id: None,
            filter: BoxFilter::new(&found.bounds),
            bounds: found.bounds,
            score: found.score,
            seen_s: time_s,
            seen_in: search,
            hits: 0,
            predicted: false,
            pose: found.pose,
        }
    }

    fn see(&mut self, found: &Detection, time_s: f64, search: u64) {
        self.filter.correct(&found.bounds);
        (self.bounds, self.score, self.pose) = (found.bounds, found.score, found.pose);
        (self.seen_s, self.seen_in, self.predicted) = (time_s, search, false);
    }

    fn longer_side(&self) -> f32 {
        self.bounds.w.max(self.bounds.h)
    }
}

#[cfg(test)]
mod tests;
