//! Tiles: a large picture is cut into overlapping parts, so that its small faces are searched at the size that the
//! detector needs, and with little memory.

use super::{DetectSettings, Detection, input::STRIDE, regions::cost_px};
use emotiond_core::picture::PictureView;
use std::ops::Range;

/// Longest side of a tile in the detector's input, in pixels.
const LONGEST_PX: f32 = 640.0;
/// A face is found in the whole picture if its size there is this part of the one at which it is clear. Measured: wider
/// overlaps find no more, and cost an eighth more.
const NEARLY_CLEAR: f32 = 2.0 / 3.0;
/// A box that comes so near to the edge of its tile, in pixels of the detector's input, is cut by it.
const EDGE_PX: f32 = 2.0;

/// A part of a picture that is searched by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tile {
    /// Columns of the picture.
    pub columns: Range<u32>,
    /// Rows of the picture.
    pub rows: Range<u32>,
    /// The size in the detector's input, relative to the picture.
    pub scale: f32,
}

impl Tile {
    /// The tile's longest side in the detector's input.
    pub fn side_px(&self) -> u32 {
        (self.columns.len().max(self.rows.len()) as f32 * self.scale).round().max(1.0) as u32
    }

    /// Copies the tile's pixels.
    pub fn cut<'a>(&self, picture: &PictureView, pixels: &'a mut Vec<u8>) -> PictureView<'a> {
        let channels = picture.color.channels();
        let bytes = self.columns.start as usize * channels..self.columns.end as usize * channels;
        pixels.clear();
        for row in self.rows.clone() {
            pixels.extend_from_slice(&picture.row(row)[bytes.clone()]);
        }
        PictureView::new(self.columns.len() as u32, self.rows.len() as u32, picture.color, pixels)
    }

    /// Whether an edge of the tile that is not the edge of the picture cuts a face that was found in the tile.
    pub fn cuts(&self, face: &Detection, picture: &PictureView) -> bool {
        let least = EDGE_PX / self.scale;
        let is_cut = |start: f32, length: f32, span: &Range<u32>, whole: u32| {
            (span.start > 0 && start < least)
                || (span.end < whole && start + length > span.len() as f32 - least)
        };
        let bounds = &face.bounds;
        is_cut(bounds.x, bounds.w, &self.columns, picture.width)
            || is_cut(bounds.y, bounds.h, &self.rows, picture.height)
    }
}

impl DetectSettings {
    /// The size of a whole picture in the detector's input, relative to the picture.
    fn whole_scale(&self, (width, height): (u32, u32)) -> f32 {
        (self.max_side_px as f32 / width.max(height) as f32).min(1.0)
    }

    /// The scale at which small faces are searched: that of the tiles, or of the whole picture if it is not cut.
    pub(super) fn finest_scale(&self, size: (u32, u32)) -> f32 {
        let wanted = self.tiled_below_px.map_or(0.0, |clear_px| clear_px / self.min_face_px.max(1.0));
        wanted.min(1.0).max(self.whole_scale(size))
    }

    /// What a full search of a picture costs, in pixels of the detector's input.
    pub(super) fn full_cost_px(&self, size: (u32, u32)) -> f32 {
        let whole = Tile { columns: 0..size.0, rows: 0..size.1, scale: self.whole_scale(size) };
        std::iter::once(whole).chain(tiles(size, self)).map(|tile| cost_px(&tile) as f32).sum()
    }
}

/// The tiles of a picture; none if the faces that `settings` want are large enough in the whole picture.
pub(super) fn tiles(size: (u32, u32), settings: &DetectSettings) -> impl Iterator<Item = Tile> {
    let (whole, scale) = (settings.whole_scale(size), settings.finest_scale(size));
    // A face that is large enough in the whole picture need not fit an overlap.
    let overlap = settings.tiled_below_px.unwrap_or(0.0) * NEARLY_CLEAR / whole;
    let (columns, rows) = if scale > whole {
        (Spans::new(size.0, scale, overlap), Spans::new(size.1, scale, overlap))
    } else {
        (Spans::NONE, Spans::NONE)
    };
    rows.iter()
        .flat_map(move |rows| columns.iter().map(move |columns| Tile { columns, rows: rows.clone(), scale }))
}

/// How one side of a picture is cut.
#[derive(Clone, Copy)]
struct Spans {
    count: u32,
    length: u32,
    whole: u32,
}

impl Spans {
    const NONE: Self = Self { count: 0, length: 0, whole: 0 };

    /// Spans of one length that overlap by at least `overlap` pixels, as far as their longest length allows.
    fn new(whole: u32, scale: f32, overlap: f32) -> Self {
        let longest = LONGEST_PX / scale;
        let overlap = overlap.min(longest / 2.0);
        let count = ((whole as f32 - overlap) / (longest - overlap)).ceil().max(1.0);
        // A network's input is padded to its stride, with pixels of the picture rather than with black.
        let stride = STRIDE as f32 / scale;
        let length = ((whole as f32 - overlap) / count + overlap) / stride;
        Self { count: count as u32, length: ((length.ceil() * stride) as u32).min(whole), whole }
    }

    fn iter(self) -> impl Iterator<Item = Range<u32>> {
        let free = u64::from(self.whole - self.length);
        (0..self.count).map(move |index| {
            let start = free * u64::from(index) / u64::from((self.count - 1).max(1));
            start as u32..start as u32 + self.length
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use emotiond_core::{geometry::BoundingBox, picture::Color};
    use proptest::prelude::*;

    fn settings(min_face_px: f32, max_side_px: u32) -> DetectSettings {
        DetectSettings { min_score: 0.5, min_face_px, max_side_px, nms_iou: 0.3, tiled_below_px: Some(24.0) }
    }

    #[test]
    fn pictures_in_which_one_search_finds_all_faces_are_not_cut() {
        let count = |width, height, min_face_px, max_side_px| {
            tiles((width, height), &settings(min_face_px, max_side_px)).count()
        };
        assert_eq!(count(640, 480, 16.0, 960), 0);
        assert_eq!(count(1280, 720, 32.0, 960), 0);
        assert_eq!(count(1280, 720, 24.0, 960), 6);
        assert_eq!(count(3840, 2160, 24.0, 960), 28);
        assert_eq!(count(3840, 2160, 96.0, 960), 0);
        let off = DetectSettings { tiled_below_px: None, ..settings(24.0, 960) };
        assert_eq!(tiles((3840, 2160), &off).count(), 0);
    }

    #[test]
    fn a_tile_has_the_pixels_of_its_part_of_the_picture() {
        let pixels: Vec<u8> = (0..6 * 4).collect();
        let picture = PictureView::new(6, 4, Color::Gray, &pixels);
        let mut memory = Vec::new();
        let cut = Tile { columns: 2..5, rows: 1..3, scale: 1.0 }.cut(&picture, &mut memory);
        assert_eq!((cut.width, cut.height, cut.data), (3, 2, &[8, 9, 10, 14, 15, 16][..]));
    }

    proptest! {
        #[test]
        fn a_face_is_whole_in_a_tile_or_clear_in_the_whole_picture(
            (width, height) in (100u32..8000, 100u32..5000), min_face_px in 8f32..60.0, max_side_px in 640u32..2000,
            (x, y, side) in (0f32..1.0, 0f32..1.0, 8f32..60.0),
        ) {
            let settings = settings(min_face_px, max_side_px);
            let all: Vec<Tile> = tiles((width, height), &settings).collect();
            prop_assume!(!all.is_empty() && side >= min_face_px);
            let pixels = vec![0; width as usize * height as usize];
            let picture = PictureView::new(width, height, Color::Gray, &pixels);
            let (x, y) = (x * (width as f32 - side), y * (height as f32 - side));
            let is_whole = |tile: &Tile| {
                let bounds = BoundingBox::new(x - tile.columns.start as f32, y - tile.rows.start as f32, side, side);
                let face = Detection { bounds, score: 1.0, landmarks: None, pose: None };
                let touches = tile.columns.contains(&(x as u32)) && tile.rows.contains(&(y as u32));
                touches && !tile.cuts(&face, &picture)
            };
            let clear_px = side * settings.max_side_px as f32 / width.max(height) as f32;
            prop_assert!(clear_px >= 15.0 || all.iter().any(is_whole), "{clear_px}");
            for tile in &all {
                prop_assert!(tile.columns.end <= width && tile.rows.end <= height);
                prop_assert!(tile.side_px() <= LONGEST_PX as u32 + STRIDE as u32);
            }
        }
    }
}
