//! Glances: detection on a downscaled picture while all faces in view are large. Detection is the most expensive stage,
//! and its cost is proportional to the number of pixels.
//!
//! The faces in view are taken from a fixed number of frames earlier, not from the latest result available, so that a
//! file gives the same results on every run and on every machine, with any number of threads.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
};

/// Minimum length of a face's longer side in a downscaled picture, in pixels. Detectors find faces of half that
/// reliably.
pub(super) const LEAST_FACE_PX: f32 = 32.0;
/// Longest side of the smallest downscaled picture, in pixels. Smaller ones would save little time.
const LEAST_SIDE_PX: u32 = 320;

/// How many frames earlier the faces in view are looked up; also the most frames of a source in the pipeline, so that the
/// frame is certainly done.
pub(super) const LAG: usize = 16;

/// What was in view in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct InSight {
    /// Number of faces.
    pub count: u32,
    /// Longer side of the smallest face, in pixels of the frame; infinite without faces.
    pub smallest_px: f32,
    /// Whether another search of the same picture would change nothing: no face is about to be announced or lost.
    pub is_settled: bool,
    /// Whether the picture had changed recently.
    pub is_busy: bool,
}

impl InSight {
    const SETTLED: u64 = 1 << 62;
    const BUSY: u64 = 1 << 61;
    const MOST: u32 = 0xFFFF;

    fn pack(self) -> u64 {
        let flag = |is_set: bool, flag: u64| if is_set { flag } else { 0 };
        let flags = flag(self.is_settled, Self::SETTLED) | flag(self.is_busy, Self::BUSY);
        flags | u64::from(self.count.min(Self::MOST)) << 32 | u64::from(self.smallest_px.to_bits())
    }

    fn unpack(packed: u64) -> Self {
        Self {
            count: (packed >> 32) as u32 & Self::MOST,
            smallest_px: f32::from_bits(packed as u32),
            is_settled: packed & Self::SETTLED != 0,
            is_busy: packed & Self::BUSY != 0,
        }
    }
}

/// How a glance at a frame is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Glance {
    /// Longest side of the downscaled picture, in pixels.
    pub side_px: u32,
    /// The divisor of each side for the decoder.
    pub shrink: u32,
    /// Faces that were in view.
    pub count: u32,
}

/// What was in view in each of a source's latest frames.
pub(super) struct Memory {
    seen: [AtomicU64; LAG],
    /// Side of a crop in pixels.
    crop_px: f32,
}

impl Memory {
    const NOTHING: u64 = u64::MAX;

    /// For a source whose faces are classified in crops of `crop_px` pixels.
    pub fn new(crop_px: f32) -> Self {
        Self { seen: array::from_fn(|_| AtomicU64::new(Self::NOTHING)), crop_px }
    }

    /// Takes over what was in view in the frames of the previous pipeline.
    pub fn continue_from(&self, before: &Self) {
        for (place, old) in self.seen.iter().zip(&before.seen) {
            place.store(old.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// How to glance at a picture whose longest side is `longest_px` and would otherwise be downscaled to `full_px`, if
    /// `seen` was in view earlier; `None` if a face would become too small.
    pub fn glance(&self, seen: InSight, longest_px: u32, full_px: u32) -> Option<Glance> {
        let InSight { count, smallest_px, .. } = seen;
        let side_px = side(longest_px, full_px, smallest_px)?;
        // With a safety factor of two, because the face may have moved away since.
        let is_enough =
            |parts: &u32| longest_px / parts >= side_px && smallest_px / *parts as f32 >= 2.0 * self.crop_px;
        Some(Glance { side_px, shrink: [4, 2].into_iter().find(is_enough).unwrap_or(1), count })
    }

    /// Whether a face of `side_px` pixels still fills a crop if the picture's sides are divided by `shrink`.
    pub fn fills_crop(&self, side_px: f32, shrink: u32) -> bool {
        side_px / shrink as f32 >= self.crop_px
    }

    /// Stores what is in view in the frame with this entry number.
    pub fn keep(&self, entry: u64, seen: InSight) {
        self.place(entry).store(seen.pack(), Ordering::Relaxed);
    }

    /// What was in view `LAG` frames before the frame with this entry number; `None` if there was no such frame.
    pub fn before(&self, entry: u64) -> Option<InSight> {
        let packed = self.place(entry).load(Ordering::Relaxed);
        (packed != Self::NOTHING).then(|| InSight::unpack(packed))
    }

    fn place(&self, entry: u64) -> &AtomicU64 {
        &self.seen[(entry % LAG as u64) as usize]
    }
}

/// The longest side of the downscaled picture, so that faces of `smallest_px` and more are found. The picture's longest
/// side is `longest_px` and would otherwise be downscaled to `full_px`; the result is a quarter, a third, a half or two
/// thirds of that; `None` if a face would become too small.
fn side(longest_px: u32, full_px: u32, smallest_px: f32) -> Option<u32> {
    let full_px = full_px.min(longest_px);
    let is_enough = |side: &u32| {
        *side >= LEAST_SIDE_PX && smallest_px * *side as f32 / longest_px as f32 >= LEAST_FACE_PX
    };
    [full_px / 4, full_px / 3, full_px / 2, full_px * 2 / 3].into_iter().find(is_enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(count: u32, smallest_px: f32) -> InSight {
        InSight { count, smallest_px, is_settled: count.is_multiple_of(2), is_busy: count.is_multiple_of(3) }
    }

    #[test]
    fn a_frame_is_told_of_the_one_that_was_surely_done() {
        let memory = Memory::new(48.0);
        let lag = LAG as u64;
        assert_eq!(memory.before(0), None);
        for entry in 0..lag {
            memory.keep(entry, seen(entry as u32, 50.0));
        }
        assert_eq!(memory.before(lag), Some(seen(0, 50.0)));
        assert_eq!(memory.before(lag + 5), Some(seen(5, 50.0)));
        let empty = seen(0, f32::INFINITY);
        memory.keep(lag, empty);
        assert_eq!(memory.before(2 * lag), Some(empty));
        memory.keep(0, seen(1_000_000, 50.0));
        assert_eq!(memory.before(lag).map(|seen| seen.count), Some(0xFFFF));
    }

    #[test]
    fn what_holds_large_faces_alone_is_decoded_small() {
        let glance = |smallest_px| {
            let glance = Memory::new(48.0).glance(seen(1, smallest_px), 1280, 960);
            glance.map(|glance| (glance.side_px, glance.shrink))
        };
        assert_eq!(glance(384.0), Some((320, 4)));
        assert_eq!(glance(383.0), Some((320, 2)));
        assert_eq!(glance(191.0), Some((320, 1)));
        assert_eq!(glance(f32::INFINITY), Some((320, 4)));
        assert_eq!(glance(30.0), None);
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
