//! Rectangles on pixels, clipped to the picture.

use crate::frame::Picture;
use emotiond_core::geometry::BoundingBox;
use emotiond_core::palette::Rgb;

/// A rectangle in whole pixels; it may be partly or entirely outside the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl Rect {
    /// A rectangle from its corner and its size.
    pub fn new(x: i32, y: i32, w: i32, h: i32) -> Self {
        Self { x, y, w, h }
    }

    /// The whole picture.
    pub fn of(picture: &Picture) -> Self {
        Self::new(0, 0, picture.width as i32, picture.height as i32)
    }

    /// `bounds`, rounded to whole pixels.
    pub fn around(bounds: &BoundingBox) -> Self {
        let (x, y) = (bounds.x.round() as i32, bounds.y.round() as i32);
        let (right, bottom) = ((bounds.x + bounds.w).round() as i32, (bounds.y + bounds.h).round() as i32);
        Self::new(x, y, right - x, bottom - y)
    }

    /// The first column to the right of the rectangle.
    pub fn right(&self) -> i32 {
        self.x + self.w
    }

    /// The first row below the rectangle.
    pub fn bottom(&self) -> i32 {
        self.y + self.h
    }

    /// The intersection; empty if there is none.
    pub fn intersection(&self, other: &Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let (right, bottom) = (self.right().min(other.right()), self.bottom().min(other.bottom()));
        if right > x && bottom > y { Self::new(x, y, right - x, bottom - y) } else { Self::default() }
    }

    /// Whether they share a pixel.
    pub fn overlaps(&self, other: &Self) -> bool {
        let shared = self.intersection(other);
        shared.w > 0 && shared.h > 0
    }

    /// Whether `other` is inside the rectangle.
    pub fn contains(&self, other: &Self) -> bool {
        self.intersection(other) == *other
    }

    /// Moved as little as possible to be inside `area`; a larger rectangle starts at the corner of `area`.
    pub fn moved_into(&self, area: &Self) -> Self {
        let x = self.x.min(area.right() - self.w).max(area.x);
        let y = self.y.min(area.bottom() - self.h).max(area.y);
        Self { x, y, ..*self }
    }

    /// Smaller by `by` pixels at each edge.
    pub fn shrunk(&self, by: i32) -> Self {
        Self::new(self.x + by, self.y + by, (self.w - 2 * by).max(0), (self.h - 2 * by).max(0))
    }
}

/// Blends `ink` over `under` with the opacity `alpha`, 0 to 256.
#[inline]
pub(super) fn blend(under: &mut [u8], ink: Rgb, alpha: u32) {
    for (under, ink) in under.iter_mut().zip(ink) {
        *under = ((u32::from(*under) * (256 - alpha) + u32::from(ink) * alpha) >> 8) as u8;
    }
}

impl Picture {
    /// The bytes of `count` pixels from column `x` in row `y`.
    #[inline]
    pub(super) fn span(&mut self, x: i32, y: i32, count: i32) -> &mut [u8] {
        let start = (y as usize * self.width as usize + x as usize) * 3;
        &mut self.pixels[start..start + count as usize * 3]
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, area: Rect, ink: Rgb) {
        let area = area.intersection(&Rect::of(self));
        for y in area.y..area.bottom() {
            self.span(area.x, y, area.w).chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&ink));
        }
    }

    /// Blends `ink` over a rectangle with the opacity `alpha`, 0 to 256.
    pub fn cover(&mut self, area: Rect, ink: Rgb, alpha: u32) {
        let area = area.intersection(&Rect::of(self));
        for y in area.y..area.bottom() {
            self.span(area.x, y, area.w).chunks_exact_mut(3).for_each(|pixel| blend(pixel, ink, alpha));
        }
    }

    /// Draws a rectangle's outline, `line` pixels thick, inside it.
    pub fn outline(&mut self, area: Rect, line: i32, ink: Rgb) {
        let line = line.min(area.w / 2).min(area.h / 2).max(1);
        let sides = area.h - 2 * line;
        self.fill(Rect::new(area.x, area.y, area.w, line), ink);
        self.fill(Rect::new(area.x, area.bottom() - line, area.w, line), ink);
        self.fill(Rect::new(area.x, area.y + line, line, sides), ink);
        self.fill(Rect::new(area.right() - line, area.y + line, line, sides), ink);
    }
}
