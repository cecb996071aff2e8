//! Pixelates faces to make them unrecognisable.

use super::{Rect, tiles::scaled};
use crate::{analysed::Analysed, frame::Picture};
use emotiond_core::geometry::BoundingBox;
use std::collections::{BTreeMap, VecDeque};

/// Number of blocks along a face's longer side.
const BLOCKS: i32 = 7;
/// Total enlargement of a face's box as a fraction of its sides, to include hair, chin and motion.
const MARGIN: f32 = 0.4;
/// Pictures for which the place of a face stays hidden, because a detector misses a face now and then.
const REMEMBERED: usize = 10;

/// Hides faces, also for a few pictures in which they are not found.
#[derive(Default)]
pub(super) struct Veil {
    /// The boxes in the latest pictures of each source, in parts of the picture's width and height.
    recent: BTreeMap<usize, VecDeque<Vec<BoundingBox>>>,
}

impl Veil {
    /// Replaces each face by coarse blocks of their mean colours.
    pub fn hide(&mut self, picture: &mut Picture, shown: &Analysed) {
        let (width, height) = (picture.width.max(1) as f32, picture.height.max(1) as f32);
        let recent = self.recent.entry(shown.source).or_default();
        // Pictures of a folder are independent.
        let kept = if shown.file.is_some() { 0 } else { REMEMBERED };
        recent.truncate(kept);
        let boxes = shown.faces.iter().map(|face| scaled(&face.bounds, 1.0 / width, 1.0 / height));
        recent.push_front(boxes.collect());
        for bounds in recent.iter().rev().flatten() {
            pixelate(picture, &scaled(bounds, width, height));
        }
    }
}

fn pixelate(picture: &mut Picture, bounds: &BoundingBox) {
    let area = bounds.enlarged(MARGIN);
    let side = (area.w.max(area.h) as i32 / BLOCKS).max(8);
    let Some(seen) = area.clip(picture.width, picture.height) else { return };
    let seen = Rect::around(&seen);
    for y in (seen.y..seen.bottom()).step_by(side as usize) {
        for x in (seen.x..seen.right()).step_by(side as usize) {
            let block = Rect::new(x, y, side, side).intersection(&seen);
            let mean = mean(picture, block);
            picture.fill(block, mean);
        }
    }
}

/// The mean colour of a block inside the picture.
fn mean(picture: &mut Picture, block: Rect) -> [u8; 3] {
    let mut sums = [0u32; 3];
    for y in block.y..block.bottom() {
        for pixel in picture.span(block.x, y, block.w).chunks_exact(3) {
            sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u32::from(*value));
        }
    }
    sums.map(|sum| (sum / (block.w * block.h).max(1) as u32) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysed::AnalysedFace;

    /// A picture of noise.
    fn noise() -> Picture {
        let mut picture = Picture::default();
        picture.resize(200, 200);
        for (index, value) in (0u32..).zip(&mut picture.pixels) {
            *value = (index.wrapping_mul(2_654_435_761) >> 24) as u8;
        }
        picture
    }

    /// Whether the row through the middle of a place is the noise that it was.
    fn is_open(picture: &mut Picture, x: i32, y: i32) -> bool {
        let fresh = noise().span(x - 5, y, 10).to_vec();
        picture.span(x - 5, y, 10) == &fresh[..]
    }

    fn shown(bounds: &[BoundingBox]) -> Analysed {
        let faces = bounds.iter().map(|&bounds| AnalysedFace { track: 1, bounds }).collect();
        Analysed { faces, ..Analysed::default() }
    }

    #[test]
    fn a_face_stays_hidden_while_it_is_missed() {
        let (mut veil, face) = (Veil::default(), BoundingBox::new(20.0, 20.0, 60.0, 60.0));
        let mut hide = |faces: &[BoundingBox], file: Option<&str>| {
            let mut picture = noise();
            let file = file.map(Into::into);
            veil.hide(&mut picture, &Analysed { file, ..shown(faces) });
            assert!(is_open(&mut picture, 150, 150), "nothing else is changed");
            !is_open(&mut picture, 50, 50)
        };
        assert!(hide(&[face], None));
        assert!((0..REMEMBERED).all(|_| hide(&[], None)));
        assert!(!hide(&[], None));
        assert!(hide(&[face], Some("a.jpg")) && !hide(&[], Some("b.jpg")));
    }
}
