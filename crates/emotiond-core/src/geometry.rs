//! Points and boxes in pixels of a frame.

use serde::{Deserialize, Serialize};

/// A point in pixels from the upper left corner of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// A point from its coordinates.
    pub fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

/// An axis-aligned box in pixels: upper left corner, width and height.
/// It may lie partly outside the frame until [`BoundingBox::clip`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundingBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl BoundingBox {
    /// A box from its corner and its size.
    pub fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// Area in square pixels; zero for an empty box.
    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// The point in the middle.
    pub fn center(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Intersection over union, 0 to 1.
    ///
    /// ```
    /// use emotiond_core::geometry::BoundingBox;
    ///
    /// let one = BoundingBox::new(0.0, 0.0, 10.0, 10.0);
    /// let shifted = BoundingBox::new(5.0, 0.0, 10.0, 10.0);
    /// assert_eq!(one.iou(&shifted), 1.0 / 3.0);
    /// ```
    pub fn iou(&self, other: &Self) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let intersection = w * h;
        intersection / (self.area() + other.area() - intersection)
    }

    /// The part inside a frame of `width` x `height`; `None` when nothing is left.
    pub fn clip(&self, width: u32, height: u32) -> Option<Self> {
        let (x0, y0) = (self.x.max(0.0), self.y.max(0.0));
        let x1 = (self.x + self.w).min(width as f32);
        let y1 = (self.y + self.h).min(height as f32);
        (x1 > x0 && y1 > y0).then(|| Self::new(x0, y0, x1 - x0, y1 - y0))
    }

    /// The box scaled by `factor`, as if its picture were resized.
    pub fn scaled(&self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor, self.w * factor, self.h * factor)
    }

    /// The box enlarged around its centre: each side grows by `part` of its length.
    pub fn enlarged(&self, part: f32) -> Self {
        Self::new(
            self.x - self.w * part / 2.0,
            self.y - self.h * part / 2.0,
            self.w * (1.0 + part),
            self.h * (1.0 + part),
        )
    }
}
