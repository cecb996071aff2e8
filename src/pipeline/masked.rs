//! The pixels of a thumbnail in masked areas, such as a television: what happens there is no change.

use crate::{areas::Polygon, decode::Thumbnail, turn::Turn};

/// Knows the pixels until the areas, the camera's turn or the size change.
#[derive(Default)]
pub(super) struct Masked {
    mask: Vec<Polygon>,
    turn: Turn,
    size: (usize, usize),
    pixels: Vec<usize>,
}

impl Masked {
    /// The indices of the masked pixels of a thumbnail that shows a frame before it is turned.
    pub fn pixels(&mut self, mask: &[Polygon], turn: Turn, thumbnail: &Thumbnail) -> &[usize] {
        let size = (thumbnail.width, thumbnail.height);
        if (&self.mask[..], self.turn, self.size) != (mask, turn, size) {
            (self.mask, self.turn, self.size) = (mask.to_vec(), turn, size);
            self.pixels.clear();
            let is_masked = |point| mask.iter().any(|polygon| polygon.contains(point));
            self.pixels.extend((0..size.0 * size.1).filter(|index| {
                let (x, y) = (index % size.0, index / size.0);
                let center = [(x as f32 + 0.5) / size.0 as f32, (y as f32 + 0.5) / size.1 as f32];
                is_masked(turn.point(center))
            }));
        }
        &self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::Rotation;

    #[test]
    fn masked_pixels_follow_the_areas_the_turn_and_the_size() {
        let left: Polygon = vec![[0.0, 0.0], [0.25, 0.0], [0.25, 1.0], [0.0, 1.0]].try_into().unwrap();
        let thumbnail = |width, height| Thumbnail { width, height, luma: vec![0; width * height] };
        let mut masked = Masked::default();
        let upright = Turn::default();
        assert!(masked.pixels(&[], upright, &thumbnail(4, 2)).is_empty());
        assert_eq!(masked.pixels(std::slice::from_ref(&left), upright, &thumbnail(4, 2)), [0, 4]);
        assert_eq!(masked.pixels(std::slice::from_ref(&left), upright, &thumbnail(8, 1)), [0, 1]);
        // The lower edge becomes the left one.
        let quarter = Turn { rotation: Rotation::Quarter, mirror: false };
        assert_eq!(masked.pixels(&[left], quarter, &thumbnail(2, 4)), [6, 7]);
        assert!(masked.pixels(&[], quarter, &thumbnail(2, 4)).is_empty());
    }
}
