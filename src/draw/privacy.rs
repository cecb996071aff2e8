//! Pixelates faces to make them unrecognisable.

use super::Rect;
use crate::{analysed::AnalysedFace, frame::Picture};

/// Number of blocks along a face's longer side.
const BLOCKS: i32 = 7;
/// Total enlargement of a face's box as a fraction of its sides, to include hair, chin and motion.
const MARGIN: f32 = 0.4;

/// Replaces each face by coarse blocks of their mean colours.
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
