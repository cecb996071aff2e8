//! Tiles, mirrors and scales pictures.

use super::Rect;
use crate::{
    analysed::{Analysed, AnalysedFace},
    frame::Picture,
};
use emotiond_core::{geometry::BoundingBox, picture::resize};
use fast_image_resize::Resizer;

/// The largest rectangle with the aspect ratio `width` x `height`, centred in `area`.
pub fn fit(width: u32, height: u32, area: Rect) -> Rect {
    let (width, height) = (width.max(1) as f32, height.max(1) as f32);
    let factor = (area.w as f32 / width).min(area.h as f32 / height);
    let (w, h) = ((width * factor).round() as i32, (height * factor).round() as i32);
    let (w, h) = (w.clamp(1, area.w.max(1)), h.clamp(1, area.h.max(1)));
    Rect::new(area.x + (area.w - w) / 2, area.y + (area.h - h) / 2, w, h)
}

/// Divides `area` into tiles for `count` pictures of about 4:3 so that the pictures are as large as possible.
pub fn grid(count: usize, area: Rect) -> Vec<Rect> {
    let count = count.max(1) as i32;
    let shape = |columns: i32| (columns, (count + columns - 1) / columns);
    let size = |&(columns, rows): &(i32, i32)| {
        let tile = fit(4, 3, Rect::new(0, 0, area.w / columns, area.h / rows));
        tile.w * tile.h
    };
    // Among equally good ones, the one with fewer columns.
    let (columns, rows) = (1..=count).rev().map(shape).max_by_key(size).expect("there is a tile");
    let tile = |number: i32| {
        let (column, row) = (number % columns, number / columns);
        let (left, right) = (area.w * column / columns, area.w * (column + 1) / columns);
        let (top, bottom) = (area.h * row / rows, area.h * (row + 1) / rows);
        Rect::new(area.x + left, area.y + top, right - left, bottom - top)
    };
    (0..count).map(tile).collect()
}

/// Mirrors a picture horizontally.
pub fn mirror(picture: &mut Picture) {
    let stride = picture.width as usize * 3;
    for row in picture.pixels.chunks_exact_mut(stride.max(1)) {
        let (pixels, _) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
}

/// The position of a box in the mirror image of a picture of this width.
pub fn mirrored(bounds: &BoundingBox, width: u32) -> BoundingBox {
    BoundingBox { x: width as f32 - bounds.x - bounds.w, ..*bounds }
}

/// A box in a picture whose width is `x` times and whose height is `y` times as large.
pub(super) fn scaled(bounds: &BoundingBox, x: f32, y: f32) -> BoundingBox {
    BoundingBox::new(bounds.x * x, bounds.y * y, bounds.w * x, bounds.h * y)
}

/// Resizes pictures; reuses its memory.
#[derive(Default)]
pub struct Scaler(Resizer);

impl Scaler {
    /// Resizes `picture` to the size of `target`.
    pub fn scale(&mut self, picture: &Picture, target: &mut Picture) {
        if (picture.width, picture.height) == (target.width, target.height) {
            target.pixels.copy_from_slice(&picture.pixels);
            return;
        }
        let (width, height) = (target.width, target.height);
        // Fails only if a size does not match its buffer, which cannot happen here.
        let _ = resize(&mut self.0, &picture.view(), width, height, &mut target.pixels);
    }

    /// Fills `target` with `shown`, its picture and boxes resized to `width` x `height`.
    pub fn scale_shown(&mut self, shown: &Analysed, width: u32, height: u32, target: &mut Analysed) {
        target.picture.resize(width, height);
        self.scale(&shown.picture, &mut target.picture);
        let (x, y) = (width as f32 / shown.picture.width as f32, height as f32 / shown.picture.height as f32);
        (target.source, target.file) = (shown.source, shown.file.clone());
        target.faces.clear();
        target.faces.extend(
            shown.faces.iter().map(|face| AnalysedFace { bounds: scaled(&face.bounds, x, y), ..*face }),
        );
        target.probabilities.clone_from(&shown.probabilities);
    }
}

impl Picture {
    /// Copies `other` to a position at which it is entirely inside.
    pub fn paste(&mut self, other: &Picture, x: u32, y: u32) {
        let stride = other.width as usize * 3;
        for (row, source) in other.pixels.chunks_exact(stride.max(1)).enumerate() {
            self.span(x as i32, y as i32 + row as i32, other.width as i32).copy_from_slice(source);
        }
    }
}
