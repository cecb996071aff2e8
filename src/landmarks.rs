//! The five facial landmarks that detectors give.

use emotiond_core::geometry::Point;

/// Right eye, left eye, tip of the nose, right and left corner of the mouth, in pixels of a picture. Right and left are
/// those of the person: the right eye of a face that looks at the camera is on the left in the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Landmarks(pub [Point; 5]);

impl Landmarks {
    /// Decodes ten numbers, two per point; `place` converts each pair to a point.
    pub(crate) fn decode(numbers: &[f32; 10], place: impl Fn(f32, f32) -> Point) -> Self {
        Self(std::array::from_fn(|i| place(numbers[2 * i], numbers[2 * i + 1])))
    }

    /// The points in a picture that contains theirs at this place.
    pub(crate) fn moved(&self, left: f32, top: f32) -> Self {
        Self(self.0.map(|point| Point::new(point.x + left, point.y + top)))
    }

    /// The points in the picture resized by `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        Self(self.0.map(|point| Point::new(point.x * factor, point.y * factor)))
    }
}
