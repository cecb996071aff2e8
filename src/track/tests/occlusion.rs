//! People who hide one another, with boxes as YuNet gives them in recorded clips, and people who replace one another.

use super::*;
use emotiond_core::picture::Color;
use std::collections::BTreeSet;

const WIDTH: f32 = 640.0;

/// A person, who covers those before in the list.
struct Person {
    /// Left edge of the face at a time; `None` while away.
    way: Box<dyn Fn(f32) -> Option<f32>>,
    top: f32,
    side: f32,
    /// Whether the face is visible; otherwise it is something else that passes.
    has_face: bool,
}

impl Person {
    fn new(side: f32, way: impl Fn(f32) -> f32 + 'static) -> Self {
        Self { way: Box::new(move |t| Some(way(t))), top: 100.0, side, has_face: true }
    }

    fn standing() -> Self {
        Self::new(90.0, |_| 270.0)
    }

    /// Crosses the picture in `seconds`, from `start_s` on.
    fn passing(side: f32, start_s: f32, seconds: f32, to_left: bool) -> Self {
        Self::new(side, move |t| {
            let way = (t - start_s) / seconds;
            let way = if to_left { 1.0 - way } else { way };
            -1.5 * side + (WIDTH + 2.0 * side) * way
        })
    }

    fn bounds(&self, time_s: f32) -> Option<BoundingBox> {
        let x = (self.way)(time_s)?;
        let inside = x > 0.0 && x + self.side < WIDTH;
        inside.then(|| BoundingBox::new(x, self.top, self.side, self.side * 1.25))
    }
}

/// What a detector finds of a face. The box of a face that is covered from one side shrinks, and slides to the other
/// side by more than what it covers; its score decreases until it is not found.
fn detect(people: &[Person], index: usize, time_s: f32) -> Option<Detection> {
    let mut bounds = people[index].bounds(time_s).filter(|_| people[index].has_face)?;
    let (left, right) = (bounds.x, bounds.x + bounds.w);
    let (mut from_left, mut from_right) = (0f32, 0f32);
    for other in people[index + 1..].iter().filter_map(|person| person.bounds(time_s)) {
        // Hair and shoulders cover as well.
        let cover = other.enlarged(0.5);
        if cover.x <= left {
            from_left = from_left.max((cover.x + cover.w - left) / bounds.w);
        } else {
            from_right = from_right.max((right - cover.x) / bounds.w);
        }
    }
    let covered = from_left + from_right;
    if covered > 0.65 {
        return None;
    }
    let slid = 0.15 * (from_left - from_right) * bounds.w;
    bounds.x += 0.5 * from_left * bounds.w + slid;
    bounds.w *= 1.0 - 0.5 * covered;
    let score = if covered > 0.55 { 0.45 } else { 0.93 - 0.2 * covered };
    Some(Detection { bounds, score, landmarks: None, pose: None })
}

/// The track numbers that each person gets within `seconds` at `rate` frames per second, of which every `every`-th is
/// searched.
fn identities(people: &[Person], seconds: f32, rate: u16, every: u16) -> Vec<BTreeSet<u64>> {
    let mut rig = Rig::new();
    let mut identities = vec![BTreeSet::new(); people.len()];
    for frame in 0..(seconds * f32::from(rate)) as u16 {
        let time_s = f32::from(frame) / f32::from(rate);
        let (mut faces, mut lost) = (Vec::new(), Vec::new());
        if frame % every > 0 {
            rig.tracker.foresee(time_s.into(), &mut faces, &mut lost);
            continue;
        }
        let found: Vec<_> = (0..people.len()).filter_map(|p| Some((p, detect(people, p, time_s)?))).collect();
        let detections: Vec<_> = found.iter().map(|(_, detection)| *detection).collect();
        rig.glance(time_s.into(), &detections, 0.0, &mut faces, &mut lost);
        for (person, detection) in &found {
            let face = faces.iter().find(|face| face.bounds == detection.bounds);
            identities[*person].extend(face.map(|face| face.track));
        }
    }
    identities
}

/// Fails if one of the people has several identities or shares one.
fn each_keeps_its_own(what: &str, seconds: f32, people: impl Fn() -> Vec<Person>) {
    for (rate, every) in [(30, 1), (25, 1), (15, 1), (10, 1), (30, 2), (30, 3), (25, 2), (15, 2)] {
        let people = people();
        let told = identities(&people, seconds, rate, every);
        let faces = people.iter().filter(|person| person.has_face).count();
        let all: BTreeSet<_> = told.iter().flatten().collect();
        let singles = told.iter().filter(|own| own.len() == 1).count();
        assert!(singles == faces && all.len() == faces, "{what}, {rate} a second, every {every}: {told:?}");
    }
}

#[test]
fn who_stands_keeps_the_identity_when_another_one_walks_by() {
    for to_left in [false, true] {
        for (seconds, side) in [(1.5, 90.0), (2.5, 70.0), (2.5, 90.0), (4.0, 90.0), (3.0, 130.0)] {
            for top in [100.0, 70.0, 130.0] {
                each_keeps_its_own(&format!("{seconds} s, {side}, {to_left}, {top}"), seconds + 1.5, || {
                    let passing = Person::passing(side, 0.5, seconds, to_left);
                    vec![Person::standing(), Person { top, ..passing }]
                });
            }
        }
    }
}

#[test]
fn what_passes_need_not_be_a_face() {
    for to_left in [false, true] {
        for seconds in [1.5, 2.5, 3.5] {
            each_keeps_its_own(&format!("{seconds} s, {to_left}"), seconds + 1.5, || {
                let passing = Person::passing(90.0, 0.5, seconds, to_left);
                vec![Person::standing(), Person { has_face: false, ..passing }]
            });
        }
    }
}

#[test]
fn two_who_pass_one_after_another_and_one_who_stops_in_front_change_no_identity() {
    for to_left in [false, true] {
        // Who comes back after `lost_after_s` comes from the other side.
        for (pause_s, back) in [(1.2, false), (2.0, false), (4.5, true)] {
            each_keeps_its_own(&format!("two, {pause_s} s, {to_left}"), 3.0 + pause_s, || {
                let second = Person::passing(90.0, 0.5 + pause_s, 2.0, to_left != back);
                vec![Person::standing(), Person::passing(110.0, 0.5, 2.0, to_left), second]
            });
        }
    }
    each_keeps_its_own("stops", 4.5, || {
        let stops = |t: f32| if t < 1.5 { 180.0 * t } else { 270.0 + 180.0 * (t - 2.0).max(0.0) };
        vec![Person::standing(), Person::new(90.0, stops)]
    });
}

#[test]
fn two_in_motion_cross_overtake_and_turn_back_with_their_identities() {
    for speed in [90.0, 150.0, 220.0] {
        each_keeps_its_own(&format!("cross at {speed}"), 460.0 / speed, || {
            vec![Person::new(90.0, move |t| 500.0 - speed * t), Person::new(90.0, move |t| 40.0 + speed * t)]
        });
    }
    for own in [50.0, -50.0, 100.0] {
        each_keeps_its_own(&format!("overtaken at {own}"), 3.5, || {
            let behind = Person::new(90.0, move |t| 270.0 + own * (t - 1.75));
            vec![behind, Person::passing(90.0, 0.5, 2.5, false)]
        });
    }
    for meeting in [60.0, 110.0, 180.0] {
        each_keeps_its_own(&format!("turn back at {meeting}"), 4.0, || {
            let way = move |t: f32| 150.0 * (2.0 - (t - 2.0).abs()) - 300.0;
            let (left, right) = (320.0 - meeting, 320.0);
            vec![
                Person::new(90.0, move |t| right - 0.5 * meeting + 0.7 * -way(t)),
                Person::new(90.0, move |t| left + 0.7 * way(t) + 0.5 * meeting),
            ]
        });
    }
}

/// A picture with a face of each colour at each place.
fn picture(faces: &[(f32, [u8; 3])]) -> Vec<u8> {
    let mut pixels = [110, 120, 115].repeat(640 * 200);
    for &(left, color) in faces {
        for y in 0..160 {
            for x in (left as usize)..(left as usize + 120) {
                pixels[(y * 640 + x) * 3..][..3].copy_from_slice(&color);
            }
        }
    }
    pixels
}

/// The track numbers of a face at `before` and, a second after it has vanished, of a face at `after`, with another face
/// at `beside`.
fn replaced(before: (f32, [u8; 3]), after: (f32, [u8; 3]), beside: Option<f32>) -> (u64, u64) {
    let mut rig = Rig::new();
    let mut track = |frame: u32, shown: &[(f32, [u8; 3])]| {
        let pixels = picture(shown);
        let found = |&(left, _): &(f32, [u8; 3])| Detection {
            bounds: BoundingBox::new(left + 20.0, 20.0, 80.0, 110.0),
            ..at(0.0)
        };
        let detections: Vec<_> = shown.iter().map(found).collect();
        let view = PictureView::new(640, 200, Color::Rgb, &pixels);
        let findings = Findings {
            detections: &detections,
            min_score: 0.6,
            blind_below_px: 0.0,
            only_known: false,
            picture: Some(view),
            shrink: 1,
        };
        let (mut faces, mut lost) = (Vec::new(), Vec::new());
        rig.tracker.search(&findings, f64::from(frame) / 15.0, &rig.ids, &mut faces, &mut lost);
        faces.first().map_or(0, |face| face.track)
    };
    let first = (0..15).map(|frame| track(frame, &[before])).last();
    (15..30).for_each(|frame| assert_eq!(track(frame, &[]), 0));
    let beside = beside.map(|left| (left, [90, 60, 40]));
    let then: Vec<_> = [after].into_iter().chain(beside).collect();
    (first.unwrap_or(0), track(30, &then))
}

#[test]
fn who_appears_at_the_place_of_another_is_new_if_the_colours_differ() {
    let (fair, dark, blue) = ([220, 170, 140], [120, 80, 50], [90, 100, 170]);
    for (one, other) in [(fair, dark), (dark, fair), (fair, blue)] {
        let (before, after) = replaced((200.0, one), (205.0, other), None);
        assert_ne!(before, after, "{one:?} {other:?}");
    }
    for (before, after) in [
        replaced((200.0, fair), (205.0, fair), None),
        // In less light.
        replaced((200.0, fair), (205.0, fair.map(|channel| channel / 2)), None),
        // While another one may cover a part of the face.
        replaced((200.0, fair), (205.0, dark), Some(320.0)),
    ] {
        assert_eq!(before, after);
    }
}
