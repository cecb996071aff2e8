//! Identities over time: which face of this frame is which of the frame before.

use crate::{config::TrackerConfig, detect::Detection, geometry::BoundingBox};

/// A face with an identity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Its identity, never given twice.
    pub track: u64,
    /// Where the detector saw it.
    pub bounds: BoundingBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

/// Hands out identities that are never used again, across all sources.
#[derive(Default)]
pub struct TrackIds(u64);

impl TrackIds {
    /// The next identity, from 1 on.
    pub fn issue(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// Follows the faces of one source by the overlap of their boxes.
pub struct Tracker {
    config: TrackerConfig,
    tracks: Vec<Track>,
    pairs: Vec<(f32, usize, usize)>,
}

struct Track {
    id: u64,
    bounds: BoundingBox,
    seen_s: f64,
    matched: bool,
}

impl Tracker {
    /// A tracker that knows no face yet.
    pub fn new(config: TrackerConfig) -> Self {
        Self { config, tracks: Vec::new(), pairs: Vec::new() }
    }

    /// Takes the detections of the frame at `time_s`, pushes each with its identity to `faces`, and the identities of
    /// faces that are lost to `lost`.
    pub fn update(
        &mut self,
        detections: &[Detection],
        time_s: f64,
        ids: &mut TrackIds,
        faces: &mut Vec<Face>,
        lost: &mut Vec<u64>,
    ) {
        let first = faces.len();
        faces.extend(detections.iter().map(|found| Face {
            track: 0,
            bounds: found.bounds,
            score: found.score,
        }));
        self.match_by_overlap(&mut faces[first..], time_s);
        for face in &mut faces[first..] {
            if face.track == 0 {
                face.track = ids.issue();
                self.tracks.push(Track {
                    id: face.track,
                    bounds: face.bounds,
                    seen_s: time_s,
                    matched: true,
                });
            }
        }
        let lost_after_s = f64::from(self.config.lost_after_s);
        self.tracks.retain_mut(|track| {
            track.matched = false;
            let keep = time_s - track.seen_s <= lost_after_s;
            if !keep {
                lost.push(track.id);
            }
            keep
        });
    }

    /// Loses all faces: the source has ended.
    pub fn finish(&mut self, lost: &mut Vec<u64>) {
        lost.extend(self.tracks.drain(..).map(|track| track.id));
    }

    /// The pair that overlaps most comes first; each track and each face is used once.
    fn match_by_overlap(&mut self, faces: &mut [Face], time_s: f64) {
        self.pairs.clear();
        for (t, track) in self.tracks.iter().enumerate() {
            let overlaps = faces.iter().enumerate().map(|(f, face)| (track.bounds.iou(&face.bounds), t, f));
            self.pairs.extend(overlaps.filter(|(iou, ..)| *iou > 0.0 && *iou >= self.config.min_iou));
        }
        self.pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        for &(_, t, f) in &self.pairs {
            let (track, face) = (&mut self.tracks[t], &mut faces[f]);
            if !track.matched && face.track == 0 {
                face.track = track.id;
                *track = Track { id: track.id, bounds: face.bounds, seen_s: time_s, matched: true };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Detection {
        Detection { bounds: BoundingBox::new(x, 0.0, 100.0, 100.0), score: 0.9 }
    }

    fn tracks(
        tracker: &mut Tracker,
        ids: &mut TrackIds,
        time_s: f64,
        found: &[Detection],
    ) -> (Vec<u64>, Vec<u64>) {
        let (mut faces, mut lost) = (Vec::new(), Vec::new());
        tracker.update(found, time_s, ids, &mut faces, &mut lost);
        (faces.iter().map(|face| face.track).collect(), lost)
    }

    #[test]
    fn faces_keep_their_identity_while_they_move_and_lose_it_for_good() {
        let (mut tracker, mut ids) = (Tracker::new(TrackerConfig::default()), TrackIds::default());
        assert_eq!(tracks(&mut tracker, &mut ids, 0.0, &[at(0.0), at(300.0)]), (vec![1, 2], vec![]));
        assert_eq!(tracks(&mut tracker, &mut ids, 0.1, &[at(310.0), at(20.0)]), (vec![2, 1], vec![]));
        assert_eq!(tracks(&mut tracker, &mut ids, 0.9, &[at(25.0)]), (vec![1], vec![]));
        assert_eq!(tracks(&mut tracker, &mut ids, 1.5, &[at(25.0)]), (vec![1], vec![2]));
        assert_eq!(tracks(&mut tracker, &mut ids, 1.6, &[at(310.0), at(25.0)]), (vec![3, 1], vec![]));
        let mut lost = Vec::new();
        tracker.finish(&mut lost);
        assert_eq!(lost, [1, 3]);
    }

    #[test]
    fn the_nearer_of_two_takes_the_identity() {
        let (mut tracker, mut ids) = (Tracker::new(TrackerConfig::default()), TrackIds::default());
        tracks(&mut tracker, &mut ids, 0.0, &[at(0.0)]);
        assert_eq!(tracks(&mut tracker, &mut ids, 0.1, &[at(40.0), at(5.0)]).0, [2, 1]);
    }
}
