//! Where a hidden face may reappear.
//!
//! Before an occluder hides a face, it covers the face from one side: the detected box shrinks and slides, and the
//! Kalman filter takes that for motion. So a track also remembers its state from before, and a hidden face is expected
//! at several places. Observation-centric SORT (Cao et al., "Observation-Centric SORT", 2023) likewise trusts
//! observations from before the occlusion more than the filter's latest estimate.

use super::{
    kalman::{BoxFilter, slowing_s},
    look::Look,
};
use emotiond_core::geometry::BoundingBox;

/// A state is remembered every so many seconds. An occluder takes about as long to cover half of a face.
const REMEMBERED_EVERY_S: f64 = 0.5;
/// Part by which the sides of a box vary although nothing covers the face.
const BOX_VARIES: f32 = 0.1;

/// The remembered states of a face: `newer` is up to `REMEMBERED_EVERY_S` older than the last detection, `older` up to
/// twice as much. Two, because the newer one may already be affected by the occluder, and the older one is less exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recall {
    older: State,
    newer: State,
}

/// Position, size, motion and look of a face at a time.
#[derive(Clone, Copy, Debug)]
struct State {
    look: Option<Look>,
    bounds: BoundingBox,
    speed: (f32, f32),
    time_s: f64,
}

impl Recall {
    /// The memory of a new face.
    pub fn new(filter: &BoxFilter, look: Option<Look>, time_s: f64) -> Self {
        let now = State::of(filter, look, time_s);
        Self { older: now, newer: now }
    }

    /// Adds the state after a detection, if it is time to.
    pub fn keep(&mut self, filter: &BoxFilter, look: impl FnOnce() -> Option<Look>, time_s: f64) {
        if time_s - self.newer.time_s >= REMEMBERED_EVERY_S {
            *self = Self { older: self.newer, newer: State::of(filter, look(), time_s) };
        }
    }

    /// Adds the state of a face that is known not to have changed.
    pub fn stay(&mut self, filter: &BoxFilter, time_s: f64) {
        let look = self.newer.look;
        self.keep(filter, || look, time_s);
    }

    /// Where the face is at `time_s` if, since the remembered states, it came to rest, or if it moved on.
    pub fn places(&self, time_s: f64) -> [BoundingBox; 4] {
        let [(a, b), (c, d)] = [self.older, self.newer].map(|state| {
            let elapsed_s = (time_s - state.time_s) as f32;
            (state.moved(slowing_s(elapsed_s)), state.moved(elapsed_s))
        });
        [a, b, c, d]
    }

    /// Whether a face with this look and these bounds is certainly of a different person.
    pub fn excludes(&self, look: &Look, bounds: &BoundingBox) -> bool {
        let differs = |state: &State| Some(state.look?.differs(look, state.covered(bounds)));
        let mut told = [&self.older, &self.newer].into_iter().filter_map(differs).peekable();
        told.peek().is_some() && told.all(|differs| differs)
    }
}

impl State {
    fn of(filter: &BoxFilter, look: Option<Look>, time_s: f64) -> Self {
        Self { look, bounds: filter.bounds(), speed: filter.speed(), time_s }
    }

    /// Which part of the face is covered, 0 to 1, if its box is now `seen`.
    fn covered(&self, seen: &BoundingBox) -> f32 {
        (1.0 - BOX_VARIES - (seen.w / self.bounds.w).min(seen.h / self.bounds.h)).max(0.0)
    }

    /// The box after moving at the state's speed for `seconds`.
    fn moved(&self, seconds: f32) -> BoundingBox {
        let (x, y) = self.speed;
        BoundingBox { x: self.bounds.x + x * seconds, y: self.bounds.y + y * seconds, ..self.bounds }
    }
}
