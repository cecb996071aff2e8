//! Makes faces unrecognisable.

use super::Rect;
use crate::{analysed::AnalysedFace, frame::Picture};

/// A face is left with so many blocks along its longer side.
const BLOCKS: i32 = 7;
/// What is added to a face's box, in all, as a part of its sides: hair, chin, and a face that has moved on.
const MARGIN: f32 = 0.4;

/// Replaces each face by coarse blocks of its mean colours.
pub fn pixelate(picture: &mut Picture, faces: &[AnalysedFace]) {
    for face in faces {
        let area = face.bounds.enlarged(MARGIN);
        let side = (area.w.max(area.h) as i32 / BLOCKS).max(8);
        let Some(seen) = area.clip(picture.width, picture.height) else { continue };
        let seen = Rect::around(&seen);
        for y in (seen.y..seen.bottom()).step_by(side as usize) {
            for x in (seen.x..seen.right()).step_by(side as usize) {
                let block = Rect::new(x, y, side, side).intersection(&seen);
                let mean = mean(picture, block);
                picture.fill(block, mean);
            }
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
