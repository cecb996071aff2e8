//! Glances: detection on a downscaled picture while all faces in view are large. Detection is the most expensive stage,
//! and its cost is proportional to the number of pixels.
//!
//! The faces in view are taken from a fixed number of frames earlier, not from the latest result available, so that a
//! file gives the same results on every run.

use std::sync::atomic::{AtomicU64, Ordering};

/// Minimum length of a face's longer side in a downscaled picture, in pixels. Detectors find faces of half that
/// reliably.
pub(super) const LEAST_FACE_PX: f32 = 32.0;
/// Longest side of the smallest downscaled picture, in pixels. Smaller ones would save little time.
const LEAST_SIDE_PX: u32 = 320;

/// The faces in view in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct InSight {
    pub count: u32,
    /// Longer side of the smallest face, in pixels of the frame; infinite without faces.
    pub smallest_px: f32,
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

/// The faces in view in each of a source's latest frames.
pub(super) struct Memory {
    seen: Box<[AtomicU64]>,
    /// Side of a crop in pixels; `None` if pictures are shown or recorded, and therefore decoded at full size.
    crop_px: Option<f32>,
}

impl Memory {
    const NOTHING: u64 = u64::MAX;

    /// For a source with at most `frames` frames in the pipeline, whose faces are classified in crops of `crop_px`
    /// pixels; `None` if pictures are shown or recorded, and therefore decoded at full size.
    pub fn new(frames: usize, crop_px: Option<f32>) -> Self {
        Self { seen: (0..frames).map(|_| AtomicU64::new(Self::NOTHING)).collect(), crop_px }
    }

    /// Takes over what was in view in the frames of the previous pipeline, if this one has as many.
    pub fn continue_from(&self, before: &Self) {
        if self.seen.len() == before.seen.len() {
            for (place, old) in self.seen.iter().zip(&before.seen) {
                place.store(old.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
    }

    /// How to glance at the frame with this entry number, whose longest side is `longest_px` and would otherwise be
    /// downscaled to `full_px`; `None` if a face would become too small.
    pub fn glance(&self, entry: u64, longest_px: u32, full_px: u32) -> Option<Glance> {
        let InSight { count, smallest_px } = self.before(entry)?;
        let side_px = side(longest_px, full_px, smallest_px)?;
        // With a safety factor of two, because the face may have moved away since.
        let is_enough = |parts: &u32| {
            longest_px / parts >= side_px
                && self.crop_px.is_some_and(|crop_px| smallest_px / *parts as f32 >= 2.0 * crop_px)
        };
        Some(Glance { side_px, shrink: [4, 2].into_iter().find(is_enough).unwrap_or(1), count })
    }

    /// Whether a face of `side_px` pixels still fills a crop if the picture's sides are divided by `shrink`.
    pub fn fills_crop(&self, side_px: f32, shrink: u32) -> bool {
        self.crop_px.is_some_and(|crop_px| side_px / shrink as f32 >= crop_px)
    }

    /// Stores the faces in view in the frame with this entry number.
    pub fn keep(&self, entry: u64, seen: InSight) {
        let packed = u64::from(seen.count) << 32 | u64::from(seen.smallest_px.to_bits());
        self.place(entry).store(packed, Ordering::Relaxed);
    }

    /// The faces in view in the latest frame that had certainly left the pipeline when the frame with this entry number
    /// entered it, which is as many frames earlier as fit into the pipeline.
    fn before(&self, entry: u64) -> Option<InSight> {
        let packed = self.place(entry).load(Ordering::Relaxed);
        (packed != Self::NOTHING)
            .then(|| InSight { count: (packed >> 32) as u32, smallest_px: f32::from_bits(packed as u32) })
    }

    fn place(&self, entry: u64) -> &AtomicU64 {
        &self.seen[(entry % self.seen.len() as u64) as usize]
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

    #[test]
    fn a_frame_is_told_of_the_one_that_was_surely_done() {
        let memory = Memory::new(3, None);
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
    fn what_holds_large_faces_alone_is_decoded_small() {
        let glance = |crop_px, smallest_px| {
            let memory = Memory::new(1, crop_px);
            memory.keep(0, InSight { count: 1, smallest_px });
            memory.glance(1, 1280, 960).map(|glance| (glance.side_px, glance.shrink))
        };
        assert_eq!(glance(Some(48.0), 384.0), Some((320, 4)));
        assert_eq!(glance(Some(48.0), 383.0), Some((320, 2)));
        assert_eq!(glance(Some(48.0), 191.0), Some((320, 1)));
        assert_eq!(glance(Some(48.0), f32::INFINITY), Some((320, 4)));
        assert_eq!(glance(None, 384.0), Some((320, 1)));
        assert_eq!(glance(Some(48.0), 30.0), None);
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
