//! Five points of a face, as detectors give them.

use emotiond_core::geometry::Point;

/// Right eye, left eye, tip of the nose, right and left corner of the mouth, in pixels of a picture. Right and left are
/// the person's own: the right eye of a face that looks at the camera lies in the left half of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmarks(pub [Point; 5]);

impl Landmarks {
    /// From ten numbers, two a point, which `place` makes a point of.
    pub(crate) fn decode(numbers: &[f32; 10], place: impl Fn(f32, f32) -> Point) -> Self {
        Self(std::array::from_fn(|i| place(numbers[2 * i], numbers[2 * i + 1])))
    }

    /// The points times `factor`, as when the picture they lie on is resized.
    pub fn scaled(&self, factor: f32) -> Self {
        Self(self.0.map(|point| Point::new(point.x * factor, point.y * factor)))
    }
}
