//! Identities over time: which face of this frame is which of the frames before.
//!
//! A tracker of the SORT family with ByteTrack's second round (Zhang et al., "ByteTrack: Multi-object tracking by
//! associating every detection box", 2022): sure detections are paired first, then those with a low score continue
//! faces that are known already, as when a head turns away. A last round pairs what is left by enlarged boxes (Yang et
//! al., "Hard to track objects with irregular motions and similar appearances?", 2023), for fast faces at low rates.
mod assign;
mod kalman;

use crate::{config::TrackerConfig, detect::Detection, geometry::BoundingBox};
use assign::Assignment;
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
            let Track { id, bounds, score, predicted, .. } = *track;
            Some(Face { track: id?, bounds, score, predicted })
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
        }
    }

    fn see(&mut self, found: &Detection, time_s: f64, search: u64) {
        self.filter.correct(&found.bounds);
        (self.bounds, self.score) = (found.bounds, found.score);
        (self.seen_s, self.seen_in, self.predicted) = (time_s, search, false);
    }

    fn longer_side(&self) -> f32 {
        self.bounds.w.max(self.bounds.h)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A tracker with what it needs, and its answers as identities.
    struct Rig {
        tracker: Tracker,
        ids: TrackIds,
    }

    impl Rig {
        fn new() -> Self {
            Self { tracker: Tracker::new(TrackerConfig::default()), ids: TrackIds::default() }
        }

        fn search(&mut self, time_s: f64, found: &[Detection]) -> (Vec<u64>, Vec<u64>) {
            let (mut faces, mut lost) = (Vec::new(), Vec::new());
            self.glance(time_s, found, 0.0, &mut faces, &mut lost);
            (faces.iter().map(|face| face.track).collect(), lost)
        }

        fn glance(
            &mut self,
            time_s: f64,
            detections: &[Detection],
            blind_below_px: f32,
            faces: &mut Vec<Face>,
            lost: &mut Vec<u64>,
        ) {
            let findings = Findings { detections, min_score: 0.6, blind_below_px };
            self.tracker.search(&findings, time_s, &self.ids, faces, lost);
        }
    }

    fn scored(x: f32, score: f32) -> Detection {
        Detection { bounds: BoundingBox::new(x, 0.0, 100.0, 100.0), score }
    }

    fn at(x: f32) -> Detection {
        scored(x, 0.95)
    }

    #[test]
    fn faces_keep_their_identity_while_they_move_and_lose_it_for_good() {
        let mut rig = Rig::new();
        assert_eq!(rig.search(0.0, &[at(0.0), at(300.0)]), (vec![1, 2], vec![]));
        assert_eq!(rig.search(0.1, &[at(310.0), at(20.0)]), (vec![1, 2], vec![]));
        assert_eq!(rig.search(0.9, &[at(25.0)]), (vec![1], vec![]));
        assert_eq!(rig.search(2.5, &[at(25.0)]), (vec![1], vec![2]));
        assert_eq!(rig.search(2.6, &[at(310.0), at(25.0)]), (vec![1, 3], vec![]));
        assert_eq!(rig.search(60.0, &[at(25.0)]), (vec![4], vec![1, 3]));
        let mut lost = Vec::new();
        rig.tracker.finish(&mut lost);
        assert_eq!(lost, [4]);
    }

    #[test]
    fn a_second_of_occlusion_in_motion_is_survived() {
        let mut rig = Rig::new();
        let x = |frame: i32| 3.0 * frame as f32;
        for frame in 0..90 {
            let hidden = (30..60).contains(&frame);
            let found = if hidden { vec![] } else { vec![at(x(frame))] };
            let expected = if hidden { vec![] } else { vec![1] };
            assert_eq!(rig.search(f64::from(frame) / 30.0, &found), (expected, vec![]), "frame {frame}");
        }
    }

    #[test]
    fn a_turned_head_is_followed_by_its_low_scores_but_a_low_score_begins_nothing() {
        let mut rig = Rig::new();
        assert_eq!(rig.search(0.0, &[at(0.0), scored(400.0, 0.4)]).0, [1]);
        for frame in 1..100 {
            let found = [scored(frame as f32, 0.4), scored(400.0, 0.4)];
            assert_eq!(rig.search(f64::from(frame) / 30.0, &found).0, [1]);
        }
    }

    #[test]
    fn a_doubtful_face_is_announced_when_it_stays_and_never_when_it_flashes() {
        let mut rig = Rig::new();
        let hits: Vec<usize> =
            (0..5).map(|frame| rig.search(f64::from(frame) / 30.0, &[scored(0.0, 0.65)]).0.len()).collect();
        assert_eq!(hits, [0, 0, 1, 1, 1]);
        for flash in 0..20 {
            let found = if flash % 2 == 0 { vec![scored(300.0, 0.65)] } else { vec![] };
            let (faces, lost) = rig.search(0.2 + f64::from(flash) / 30.0, &found);
            assert!(faces.is_empty() && lost.is_empty());
        }
    }

    #[test]
    fn crossing_faces_are_not_swapped() {
        let mut rig = Rig::new();
        for frame in 0..=60 {
            let x = 10.0 * frame as f32;
            let (right, left) = (x, 600.0 - x);
            let mut found = vec![at(right), at(left)];
            // While one hides the other, a detector sees one.
            if (right - left).abs() < 60.0 {
                found.pop();
            }
            rig.search(f64::from(frame) / 30.0, &found);
        }
        let mut faces = Vec::new();
        rig.tracker.foresee(2.0, &mut faces, &mut Vec::new());
        faces.sort_by_key(|face| face.track);
        assert_eq!(faces.len(), 2);
        assert!(faces[0].bounds.x > 500.0 && faces[1].bounds.x < 100.0, "{faces:?}");
    }

    #[test]
    fn between_searches_a_moving_face_is_foreseen() {
        let mut rig = Rig::new();
        let mut furthest = 0f32;
        for frame in 0..60 {
            let (time_s, x) = (f64::from(frame) / 30.0, 4.0 * frame as f32);
            if frame % 5 == 0 {
                assert_eq!(rig.search(time_s, &[at(x)]), (vec![1], vec![]));
                continue;
            }
            let (mut faces, mut lost) = (Vec::new(), Vec::new());
            rig.tracker.foresee(time_s, &mut faces, &mut lost);
            assert!(faces.len() == 1 && faces[0].track == 1 && lost.is_empty());
            if frame > 30 {
                furthest = furthest.max((faces[0].bounds.x - x).abs());
            }
        }
        assert!(furthest < 5.0, "{furthest} pixels off");
    }

    #[test]
    fn a_small_face_outlives_glances_that_cannot_see_it_but_no_search() {
        let mut rig = Rig::new();
        let large = Detection { bounds: BoundingBox::new(300.0, 0.0, 200.0, 200.0), score: 0.95 };
        assert_eq!(rig.search(0.0, &[at(0.0), large]).0, [1, 2]);
        assert_eq!(rig.tracker.in_sight(), (2, 100.0));
        let (mut faces, mut lost) = (Vec::new(), Vec::new());
        rig.glance(0.03, &[large], 150.0, &mut faces, &mut lost);
        let predicted: Vec<_> = faces.iter().map(|face| (face.track, face.predicted)).collect();
        assert_eq!((predicted, lost), (vec![(1, true), (2, false)], vec![]));
        assert_eq!(rig.tracker.in_sight().0, 2);
        assert_eq!(rig.search(0.06, &[large]), (vec![2], vec![]));
        assert_eq!(rig.tracker.in_sight(), (1, 200.0));
    }

    #[test]
    fn two_hundred_faces_that_stir_keep_their_identities() {
        let mut rig = Rig::new();
        let crowd = |frame: u32| -> Vec<Detection> {
            let place = |n: u32| {
                let stir = ((n * 7 + frame * 13) % 10) as f32;
                let (x, y) = ((n % 20 * 60) as f32 + stir, (n / 20 * 60) as f32 - stir);
                Detection { bounds: BoundingBox::new(x, y, 40.0, 40.0), score: 0.9 }
            };
            (0..200).map(place).collect()
        };
        for frame in 0..10 {
            let (mut faces, lost) = rig.search(f64::from(frame) / 30.0, &crowd(frame));
            faces.sort_unstable();
            assert_eq!((faces, lost), ((1..=200).collect(), vec![]));
        }
    }

    proptest! {
        #[test]
        fn identities_are_unique_end_once_and_never_return(
            frames in prop::collection::vec(
                (0f64..1.5, prop::collection::vec((0f32..600.0, 0f32..400.0, 5f32..200.0, 0f32..1.0), 0..8)),
                1..60,
            ),
        ) {
            let mut rig = Rig::new();
            let mut time_s = 0.0;
            let (mut alive, mut ended) = (Vec::<u64>::new(), Vec::<u64>::new());
            for (step_s, boxes) in frames {
                time_s += step_s;
                let found: Vec<Detection> = boxes
                    .iter()
                    .map(|&(x, y, side, score)| Detection { bounds: BoundingBox::new(x, y, side, side), score })
                    .collect();
                let (faces, lost) = rig.search(time_s, &found);
                for (i, track) in faces.iter().enumerate() {
                    prop_assert!(!faces[..i].contains(track) && !ended.contains(track));
                    if !alive.contains(track) {
                        alive.push(*track);
                    }
                }
                for track in lost {
                    prop_assert!(alive.contains(&track) && !ended.contains(&track) && !faces.contains(&track));
                    ended.push(track);
                }
            }
        }
    }
}
