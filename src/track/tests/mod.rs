mod occlusion;

use super::*;
use proptest::prelude::*;

/// A tracker with its inputs; returns track numbers.
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
        let findings = Findings { blind_below_px, ..findings(detections) };
        self.tracker.search(&findings, time_s, &self.ids, faces, lost);
    }
}

fn findings(detections: &[Detection]) -> Findings<'_> {
    let blind_below_px = 0.0;
    Findings { detections, min_score: 0.6, blind_below_px, only_known: false, picture: None, shrink: 1 }
}

fn scored(x: f32, score: f32) -> Detection {
    Detection { bounds: BoundingBox::new(x, 0.0, 100.0, 100.0), score, landmarks: None, pose: None }
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
fn a_search_for_known_faces_begins_nothing() {
    let mut rig = Rig::new();
    assert_eq!(rig.search(0.0, &[at(0.0)]).0, [1]);
    let found = [at(10.0), at(400.0)];
    let (mut faces, mut lost) = (Vec::new(), Vec::new());
    let known = Findings { only_known: true, ..findings(&found) };
    rig.tracker.search(&known, 0.1, &rig.ids, &mut faces, &mut lost);
    assert_eq!(faces.iter().map(|face| (face.track, face.bounds.x)).collect::<Vec<_>>(), [(1, 10.0)]);
    assert_eq!(rig.search(0.2, &found).0, [1, 2]);
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
        // While one face hides the other, a detector finds only one.
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
    let large = Detection {
        bounds: BoundingBox::new(300.0, 0.0, 200.0, 200.0),
        score: 0.95,
        landmarks: None,
        pose: None,
    };
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
            Detection { bounds: BoundingBox::new(x, y, 40.0, 40.0), score: 0.9, landmarks: None, pose: None }
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
                .map(|&(x, y, side, score)| Detection { bounds: BoundingBox::new(x, y, side, side), score, landmarks: None, pose: None })
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

#[test]
fn in_a_picture_that_does_not_change_faces_stay_and_none_is_announced() {
    let mut rig = Rig::new();
    rig.search(0.0, &[at(0.0), scored(400.0, 0.7)]);
    assert!(!rig.tracker.is_settled(), "a face is about to be announced");
    rig.search(0.1, &[at(20.0), scored(400.0, 0.7)]);
    let (mut faces, mut lost) = (Vec::new(), Vec::new());
    for frame in 2..600 {
        faces.clear();
        rig.tracker.hold(f64::from(frame) / 10.0, &mut faces, &mut lost);
        let told: Vec<_> = faces.iter().map(|face| (face.track, face.bounds.x, face.predicted)).collect();
        assert_eq!((told, lost.len()), (vec![(1, 20.0, false)], 0));
    }
    assert_eq!(rig.search(60.0, &[at(20.0), scored(400.0, 0.7)]), (vec![1, 2], vec![]));
    assert!(rig.tracker.is_settled());
    rig.search(60.1, &[at(20.0)]);
    assert!(!rig.tracker.is_settled(), "a face is about to be lost");
    rig.tracker.hold(61.0, &mut faces, &mut lost);
    assert_eq!(lost.len(), 0);
    rig.tracker.hold(62.5, &mut faces, &mut lost);
    assert_eq!(lost, [2]);
}
