//! Turns pictures of cameras that hang upside down or upright: a rotation in steps of 90 degrees, then a mirror.

use fast_transpose::{FlipMode, FlopMode, flip_rgb, flop_rgb, rotate180_rgb, transpose_rgb};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// The largest buffer that a thread keeps: that of a picture of 4096 x 2304 pixels.
const MOST_SPARE_BYTES: usize = 4096 * 2304 * 3;

thread_local! {
    /// The buffer that a picture is turned into; it then becomes the picture's, and the picture's old one takes its
    /// place, so that a warm pipeline allocates nothing.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A clockwise rotation, written in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Rotation {
    /// 0 degrees.
    #[default]
    None,
    /// 90 degrees: the picture's left edge becomes its upper one.
    Quarter,
    /// 180 degrees.
    Half,
    /// 270 degrees: the picture's right edge becomes its upper one.
    ThreeQuarters,
}

impl Rotation {
    /// Whether there is nothing to rotate.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl TryFrom<u32> for Rotation {
    type Error = String;

    fn try_from(degrees: u32) -> Result<Self, String> {
        match degrees {
            0 => Ok(Self::None),
            90 => Ok(Self::Quarter),
            180 => Ok(Self::Half),
            270 => Ok(Self::ThreeQuarters),
            other => Err(format!("a picture cannot be rotated by {other} degrees: write 0, 90, 180 or 270")),
        }
    }
}

impl From<Rotation> for u32 {
    fn from(rotation: Rotation) -> Self {
        match rotation {
            Rotation::None => 0,
            Rotation::Quarter => 90,
            Rotation::Half => 180,
            Rotation::ThreeQuarters => 270,
        }
    }
}

/// How a source's pictures are turned: rotated, then mirrored left to right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The rotation.
    pub rotation: Rotation,
    /// Whether the rotated picture is mirrored.
    pub mirror: bool,
}

impl Turn {
    /// Width and height of a picture of this size after it is turned.
    pub fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        match self.rotation {
            Rotation::None | Rotation::Half => (width, height),
            Rotation::Quarter | Rotation::ThreeQuarters => (height, width),
        }
    }

    /// Where a point is after the picture is turned. Coordinates are parts of its width and height.
    pub fn point(self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [x, y] = match self.rotation {
            Rotation::None => [x, y],
            Rotation::Quarter => [1.0 - y, x],
            Rotation::Half => [1.0 - x, 1.0 - y],
            Rotation::ThreeQuarters => [y, 1.0 - x],
        };
        [if self.mirror { 1.0 - x } else { x }, y]
    }

    /// Turns a picture of `width * height` RGB pixels, in one pass over its memory. Returns its new width and height.
    pub fn apply(self, size: (u32, u32), pixels: &mut Vec<u8>) -> (u32, u32) {
        if self == Self::default() {
            return size;
        }
        SPARE.with_borrow_mut(|spare| {
            spare.resize(pixels.len(), 0);
            self.turn_into(size, pixels, spare);
            std::mem::swap(spare, pixels);
            if spare.capacity() > MOST_SPARE_BYTES {
                *spare = Vec::new();
            }
        });
        self.size(size)
    }

    fn turn_into(self, size: (u32, u32), from: &[u8], to: &mut [u8]) {
        let (width, height) = (size.0 as usize, size.1 as usize);
        let (row, turned_row) = (width * 3, self.size(size).0 as usize * 3);
        let turned = match (self.rotation, self.mirror) {
            (Rotation::None, false) => return to.copy_from_slice(from),
            // The crate flips left to right and flops upside down.
            (Rotation::None, true) => flip_rgb(from, row, to, turned_row, width, height),
            (Rotation::Half, false) => rotate180_rgb(from, row, to, turned_row, width, height),
            (Rotation::Half, true) => flop_rgb(from, row, to, turned_row, width, height),
            (Rotation::Quarter | Rotation::ThreeQuarters, mirror) => {
                // Its `transpose_rgb` without flip and flop rotates by 270 degrees.
                let is_quarter = self.rotation == Rotation::Quarter;
                let flip = if is_quarter == mirror { FlipMode::NoFlip } else { FlipMode::Flip };
                let flop = if is_quarter { FlopMode::Flop } else { FlopMode::NoFlop };
                transpose_rgb(from, row, to, turned_row, width, height, flip, flop)
            }
        };
        turned.expect("both buffers have the picture's size");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{RgbImage, imageops};

    #[test]
    fn pictures_are_rotated_clockwise_and_then_mirrored() {
        for (width, height) in [(1, 1), (7, 5), (64, 33), (129, 70)] {
            let picture =
                RgbImage::from_fn(width, height, |x, y| [x as u8, y as u8, (x * y % 251) as u8].into());
            let cases = [
                (0, picture.clone()),
                (90, imageops::rotate90(&picture)),
                (180, imageops::rotate180(&picture)),
                (270, imageops::rotate270(&picture)),
            ];
            for (degrees, rotated) in cases {
                for mirror in [false, true] {
                    let turn = Turn { rotation: Rotation::try_from(degrees).unwrap(), mirror };
                    let expected = if mirror { imageops::flip_horizontal(&rotated) } else { rotated.clone() };
                    let mut pixels = picture.as_raw().clone();
                    let size = turn.apply((width, height), &mut pixels);
                    assert_eq!((size, &pixels), (expected.dimensions(), expected.as_raw()), "{turn:?}");
                    assert_eq!(turn.size((width, height)), size);
                    let [x, y] = turn.point([0.5 / width as f32, 0.5 / height as f32]);
                    let at = (y * size.1 as f32) as usize * size.0 as usize + (x * size.0 as f32) as usize;
                    assert_eq!(pixels[at * 3..][..3], picture.as_raw()[..3], "the first pixel, {turn:?}");
                }
            }
        }
    }
}
