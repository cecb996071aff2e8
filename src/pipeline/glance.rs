//! Glances: searches of a picture made small, for as long as all faces in sight are large. The detector is most of a
//! frame's cost, and that grows with the pixels it searches.
//!
//! A glance relies on what was in sight a fixed number of frames before, not on what happens to be known by now: so a
//! file gives the same every time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Least longer side of a face in a picture made small, in pixels: detectors find faces of half that surely.
pub(super) const LEAST_FACE_PX: f32 = 32.0;
/// Longest side of the smallest picture that is searched: less would save little.
const LEAST_SIDE_PX: u32 = 320;

/// The faces in sight in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct InSight {
    pub count: u32,
    /// Longer side of the smallest, in pixels of the frame; infinite without a face.
    pub smallest_px: f32,
}

/// What was in sight in each of a source's latest frames.
pub(super) struct Memory(Box<[AtomicU64]>);

impl Memory {
    const NOTHING: u64 = u64::MAX;

    /// For a source with so many `frames` under way at most.
    pub fn new(frames: usize) -> Self {
        Self((0..frames).map(|_| AtomicU64::new(Self::NOTHING)).collect())
    }

    /// Keeps what was in sight in the frame with this ticket.
    pub fn keep(&self, ticket: u64, seen: InSight) {
        let packed = u64::from(seen.count) << 32 | u64::from(seen.smallest_px.to_bits());
        self.place(ticket).store(packed, Ordering::Relaxed);
    }

    /// What was in sight in the last frame that was surely done when the one with this ticket began: as many frames
    /// before it as can be under way.
    pub fn before(&self, ticket: u64) -> Option<InSight> {
        let packed = self.place(ticket).load(Ordering::Relaxed);
        (packed != Self::NOTHING)
            .then(|| InSight { count: (packed >> 32) as u32, smallest_px: f32::from_bits(packed as u32) })
    }

    fn place(&self, ticket: u64) -> &AtomicU64 {
        &self.0[(ticket % self.0.len() as u64) as usize]
    }
}

/// The longest side at which faces of `smallest_px` and more are found in a picture whose longest side is `longest_px`
/// and would be searched at `full_px`: a quarter of that, a third, a half or two thirds; `None` where a face would become
/// too small.
pub(super) fn side(longest_px: u32, full_px: u32, smallest_px: f32) -> Option<u32> {
    let full_px = full_px.min(longest_px);
    let is_enough = |side: &u32| {
        *side >= LEAST_SIDE_PX && smallest_px * *side as f32 / longest_px as f32 >= LEAST_FACE_PX
    };
    [full_px / 4, full_px / 3, full_px / 2, full_px * 2 / 3].into_iter().find(is_enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_told_of_the_one_that_was_surely_done() {
        let memory = Memory::new(3);
        let seen = |count| InSight { count, smallest_px: 50.0 + count as f32 };
        assert_eq!(memory.before(0), None);
        for ticket in 0..3 {
            memory.keep(ticket, seen(ticket as u32));
        }
        assert_eq!((memory.before(3), memory.before(5)), (Some(seen(0)), Some(seen(2))));
        let empty = InSight { count: 0, smallest_px: f32::INFINITY };
        memory.keep(3, empty);
        assert_eq!(memory.before(6), Some(empty));
    }

    #[test]
    fn large_faces_are_searched_in_small_pictures() {
        assert_eq!(side(640, 1280, 100.0), Some(320));
        assert_eq!(side(640, 1280, 63.0), Some(426));
        assert_eq!(side(640, 1280, 48.0), None);
        assert_eq!(side(1280, 1280, 128.0), Some(320));
        assert_eq!(side(1280, 1280, 127.0), Some(426));
        assert_eq!(side(1280, 960, 128.0), Some(320));
        assert_eq!(side(1280, 960, 127.0), Some(480));
        assert_eq!(side(3840, 1280, 384.0), Some(320));
        assert_eq!(side(3840, 1280, 191.0), Some(853));
        assert_eq!(side(3840, 1280, 143.0), None);
        assert_eq!(side(320, 1280, f32::INFINITY), None);
        assert_eq!(side(1280, 1280, f32::INFINITY), Some(320));
    }
}
