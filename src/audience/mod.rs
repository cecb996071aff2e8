//! Statistics of all faces of a source over a sliding window: their number and how long they showed each emotion.

mod window;

use emotiond_core::{classify::argmax, config::values};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use window::{Counts, Window};

/// `[audience]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudienceConfig {
    /// Length of the sliding window in seconds.
    #[serde(deserialize_with = "values::window")]
    pub window_s: f32,
    /// Interval between `audience` events in seconds; 0 turns them off.
    #[serde(deserialize_with = "values::seconds")]
    pub every_s: f32,
}

impl Default for AudienceConfig {
    fn default() -> Self {
        Self { window_s: 10.0, every_s: 10.0 }
    }
}

/// The figures of an `audience` event.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Length of the window in seconds; less than configured at the start of the source.
    pub window_s: f32,
    /// Faces in the latest frame.
    pub now: u32,
    /// Mean number of faces, weighted by time.
    pub mean: f32,
    /// Maximum number of faces in one frame.
    pub max: u32,
    /// Number of different tracks.
    pub distinct: u32,
    /// Each emotion's share of the total time of all faces, in the order of the labels; all 0 without faces.
    pub shares: Vec<f32>,
    /// Index of the emotion with the largest share; `None` without faces.
    pub dominant: Option<usize>,
    /// The share of the total time of all faces with a known pose in which they looked towards the camera; `None` if
    /// there were none.
    pub facing: Option<f32>,
}

/// The state of a face in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shows {
    /// Track number.
    pub track: u64,
    /// Index of the displayed emotion.
    pub emotion: usize,
    /// Whether it looks towards the camera; `None` if unknown.
    pub facing: Option<bool>,
}

/// The sliding window of a source. The state of a frame applies until the next frame.
pub struct Audience {
    config: AudienceConfig,
    window: Window,
    /// When each track was last seen.
    seen_s: HashMap<u64, f64>,
    /// The faces of the latest frame.
    counts: Counts,
    /// Time of the latest frame.
    time_s: f64,
    /// Time of the first frame; `None` before it.
    since_s: Option<f64>,
    told_s: f64,
    /// Whether time passes; false while the source is unavailable.
    running: bool,
    /// Whether somebody asks for its figures between the events.
    is_watched: bool,
}

impl Audience {
    /// An empty audience; `labels` is the number of emotions.
    pub fn new(config: &AudienceConfig, labels: usize) -> Self {
        Self {
            config: *config,
            window: Window::new(config.window_s, labels),
            seen_s: HashMap::new(),
            counts: Counts::new(labels),
            time_s: 0.0,
            since_s: None,
            told_s: 0.0,
            running: false,
            is_watched: false,
        }
    }

    /// Applies settings. If they have changed, the statistics start again.
    pub fn configure(&mut self, config: &AudienceConfig) {
        if *config != self.config {
            let is_watched = self.is_watched;
            *self = Self { is_watched, ..Self::new(config, self.counts.shown.len()) };
        }
    }

    /// Collects figures also if no events are wanted.
    pub fn watch(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
    }

    /// The figures of the window, if there was a frame and they are collected.
    pub fn figures(&mut self) -> Option<Summary> {
        (self.since_s.is_some() && (self.is_watched || self.config.every_s > 0.0)).then(|| self.summarise())
    }

    /// Adds the faces of the frame at `time_s`. Returns a summary when one is due.
    pub fn see(&mut self, time_s: f64, faces: impl IntoIterator<Item = Shows>) -> Option<Summary> {
        let tells = self.config.every_s > 0.0;
        if !tells && !self.is_watched {
            return None;
        }
        if self.running {
            self.window.slot(self.time_s).add(time_s - self.time_s, &self.counts);
        }
        if self.since_s.is_none() {
            (self.since_s, self.told_s) = (Some(time_s), time_s);
        }
        (self.running, self.time_s) = (true, time_s);
        self.counts.clear();
        for face in faces {
            self.counts.add(&face);
            self.seen_s.insert(face.track, time_s);
        }
        let now = self.counts.faces();
        let slot = self.window.slot(time_s);
        slot.most = slot.most.max(now);
        (tells && time_s - self.told_s >= f64::from(self.config.every_s)).then(|| self.tell())
    }

    /// The source is unavailable: no time passes until its next frame.
    pub fn pause(&mut self) {
        self.running = false;
    }

    /// The source has ended. Returns a last summary if there was a frame since the previous one.
    pub fn finish(&mut self) -> Option<Summary> {
        let is_news = self.since_s.is_some_and(|since_s| self.told_s == since_s || self.time_s > self.told_s);
        (is_news && self.config.every_s > 0.0).then(|| self.tell())
    }

    /// The summary for an event.
    fn tell(&mut self) -> Summary {
        self.told_s = self.time_s;
        self.summarise()
    }

    fn summarise(&mut self) -> Summary {
        let from_s = self.time_s - f64::from(self.config.window_s);
        self.seen_s.retain(|_, seen_s| *seen_s > from_s);
        let mut total = self.window.total(from_s);
        if total.covered_s <= 0.0 {
            // With a single frame, no time has passed; it gets an arbitrary weight.
            total.add(1.0, &self.counts);
        }
        let faces_s: f64 = total.shown_s.iter().sum();
        let share = |shown_s: &f64| if faces_s > 0.0 { (shown_s / faces_s) as f32 } else { 0.0 };
        let shares: Vec<f32> = total.shown_s.iter().map(share).collect();
        Summary {
            window_s: (self.time_s - self.since_s.unwrap_or(self.time_s).max(from_s)) as f32,
            now: self.counts.faces(),
            mean: (faces_s / total.covered_s) as f32,
            max: total.most,
            distinct: self.seen_s.len() as u32,
            dominant: (faces_s > 0.0).then(|| argmax(&shares)),
            shares,
            facing: (total.posed_s > 0.0).then(|| (total.facing_s / total.posed_s) as f32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn audience(window_s: f32, every_s: f32) -> Audience {
        Audience::new(&AudienceConfig { window_s, every_s }, 3)
    }

    /// Faces with unknown pose: track and emotion.
    fn shows(faces: &[(u64, usize)]) -> Vec<Shows> {
        faces.iter().map(|&(track, emotion)| Shows { track, emotion, facing: None }).collect()
    }

    #[test]
    fn nobody_is_told_as_nobody() {
        let mut audience = audience(10.0, 10.0);
        let told: Vec<Summary> =
            (0..=100).filter_map(|frame| audience.see(f64::from(frame) / 10.0, [])).collect();
        let nobody = Summary {
            window_s: 10.0,
            now: 0,
            mean: 0.0,
            max: 0,
            distinct: 0,
            shares: vec![0.0; 3],
            dominant: None,
            facing: None,
        };
        assert_eq!(told, [nobody]);
        assert_eq!(audience.finish(), None);
    }

    #[test]
    fn two_hundred_faces_are_shared_out() {
        let mut audience = audience(10.0, 5.0);
        let crowd = || {
            (0..200).map(|track| Shows {
                track,
                emotion: usize::from(track % 4 == 0),
                facing: (track >= 100).then_some(track >= 175),
            })
        };
        let told: Vec<Summary> =
            (0..=150).filter_map(|frame| audience.see(f64::from(frame) / 30.0, crowd())).collect();
        assert_eq!(told.len(), 1);
        let Summary { now, mean, max, distinct, shares, dominant, facing, .. } = &told[0];
        assert_eq!((*now, *max, *distinct, *dominant), (200, 200, 200, Some(0)));
        assert!((mean - 200.0).abs() < 0.01 && (shares[0] - 0.75).abs() < 1e-4, "{mean} {shares:?}");
        assert_eq!(facing.map(|share| (share * 100.0).round()), Some(25.0), "of those whose pose is known");
    }

    #[test]
    fn time_weighs_and_not_frames() {
        let mut audience = audience(10.0, 4.0);
        // Three seconds of one emotion in four frames, then one second of another in a hundred.
        for second in 0..3 {
            assert_eq!(audience.see(f64::from(second), shows(&[(1, 2)])), None);
        }
        for frame in 0..100 {
            assert_eq!(audience.see(3.0 + f64::from(frame) / 100.0, shows(&[(1, 0), (2, 0)])), None);
        }
        let told = audience.see(4.0, []).unwrap();
        assert!((told.shares[2] - 0.6).abs() < 1e-4 && (told.shares[0] - 0.4).abs() < 1e-4, "{told:?}");
        assert!((told.mean - 1.25).abs() < 1e-4);
        assert_eq!((told.now, told.max, told.distinct, told.dominant), (0, 2, 2, Some(2)));
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut audience = audience(1.0, 5.0);
        let mut told = None;
        for frame in 0..=50 {
            let faces = if frame < 30 { vec![(1, 0), (2, 0)] } else { vec![(3, 1)] };
            told = told.or(audience.see(f64::from(frame) / 10.0, shows(&faces)));
        }
        let told = told.unwrap();
        assert_eq!((told.max, told.distinct, told.dominant), (1, 1, Some(1)));
        assert!((told.window_s - 1.0).abs() < 1e-4 && audience.window.slots.len() <= 102);
    }

    #[test]
    fn a_source_that_is_away_is_not_watched() {
        let mut audience = audience(60.0, 60.0);
        audience.see(0.0, shows(&[(1, 0)]));
        audience.see(1.0, shows(&[(1, 0)]));
        audience.pause();
        audience.see(31.0, shows(&[(2, 1)]));
        audience.see(32.0, shows(&[(2, 1)]));
        let told = audience.finish().unwrap();
        assert!((told.shares[0] - 0.5).abs() < 1e-4 && (told.mean - 1.0).abs() < 1e-4, "{told:?}");
    }

    #[test]
    fn figures_between_events_change_no_event() {
        let mut watched = audience(10.0, 10.0);
        let (mut silent, mut plain) = (audience(10.0, 0.0), audience(10.0, 10.0));
        watched.watch(true);
        silent.watch(true);
        for second in 0..25 {
            let faces = shows(&[(second / 4, (second % 3) as usize)]);
            let events =
                [&mut watched, &mut plain, &mut silent].map(|each| each.see(second as f64, faces.clone()));
            assert_eq!(events[0], events[1]);
            assert_eq!(events[2], None);
            assert_eq!(watched.figures(), silent.figures());
        }
        assert_eq!(watched.figures().unwrap().distinct, 4);
        assert_eq!((watched.finish(), silent.finish().is_none()), (plain.finish(), true));
        assert_eq!(audience(10.0, 0.0).figures(), None);
    }

    #[test]
    fn a_single_frame_stands_for_itself() {
        let mut audience = audience(10.0, 10.0);
        assert_eq!(audience.see(0.0, shows(&[(1, 1), (2, 1), (3, 0)])), None);
        let told = audience.finish().unwrap();
        assert_eq!((told.mean, told.dominant, told.window_s), (3.0, Some(1), 0.0));
        assert!((told.shares[1] - 2.0 / 3.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn shares_sum_to_one_and_counts_fit(
            frames in prop::collection::vec((0f64..2.0, prop::collection::vec((0u64..9, 0usize..3), 0..6)), 1..80),
            window_s in 0.5f32..20.0,
        ) {
            let mut audience = audience(window_s, 0.5);
            let mut time_s = 0.0;
            for (step_s, faces) in frames {
                time_s += step_s;
                let Some(told) = audience.see(time_s, shows(&faces)) else { continue };
                let sum: f32 = told.shares.iter().sum();
                prop_assert!(told.dominant.is_none() && sum == 0.0 || (sum - 1.0).abs() < 1e-4);
                prop_assert!(told.now == faces.len() as u32 && told.now <= told.max);
                prop_assert!(told.mean <= told.max as f32 + 1e-3 && told.window_s <= window_s + 1e-3);
            }
        }
    }
}
