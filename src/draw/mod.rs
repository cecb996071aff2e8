//! Draws on pictures: a box per face with its emotion, the status line, and panels of text.
mod areas;
mod canvas;
mod marks;
mod privacy;
mod status;
mod text;
mod tiles;

pub use canvas::Rect;
use privacy::Veil;
pub use status::{RateMeter, live_status, recorded_status};
pub use text::Typesetter;
pub use tiles::{Scaler, fit, grid, mirror, mirrored};

use crate::{
    analysed::{Analysed, PipelineInfo},
    areas::Areas,
    frame::Picture,
};
use emotiond_core::palette::Rgb;

/// Colours of backgrounds and text.
const WHITE: Rgb = [255, 255, 255];
const DARK: Rgb = [16, 18, 22];
/// The smallest legible text height in pixels.
const LEAST_TEXT: u32 = 11;
/// Opacity of a dark background, of 256.
const GROUND: u32 = 176;

/// Text height and line width for a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Height of text.
    pub text: u32,
    /// Thickness of a box's line.
    pub line: i32,
}

impl Sizes {
    /// For a picture of `width` x `height`: the text height is 1/40 of the height, but at least the smallest legible
    /// one.
    pub fn of(width: u32, height: u32) -> Self {
        let side = (height as f32).min(width as f32 * 0.75);
        Self { text: (side / 40.0).round().max(13.0) as u32, line: (side / 320.0).round().max(2.0) as i32 }
    }
}

/// A row of a panel.
#[derive(Default)]
pub struct PanelRow {
    /// A patch of colour instead of the key.
    pub patch: Option<Rgb>,
    /// Text in the first column.
    pub key: String,
    /// Text in the second column.
    pub text: String,
}

/// Draws; caches glyphs and reuses memory.
#[derive(Default)]
pub struct Artist {
    text: Typesetter,
    /// The boxes of the faces in order, then the labels and charts drawn beside them.
    taken: Vec<Rect>,
    veil: Veil,
}

impl Artist {
    /// Draws the boxes of `shown`, in the coordinates of `picture`, with labels and charts.
    pub fn draw_faces(&mut self, picture: &mut Picture, shown: &Analysed, labels: &[String]) {
        marks::draw(self, picture, shown, labels);
    }

    /// Darkens the masks and outlines the zones of `areas`; with `is_mirrored`, for a picture that was mirrored.
    pub fn draw_areas(&mut self, picture: &mut Picture, areas: &Areas, is_mirrored: bool) {
        areas::draw(self, picture, areas, is_mirrored);
    }

    /// Makes the faces and the masked areas of a picture unrecognisable; before anything is drawn on it.
    pub fn hide_faces(&mut self, picture: &mut Picture, shown: &Analysed, areas: &Areas) {
        self.veil.hide(picture, shown);
        areas::hide_masks(picture, areas);
    }

    /// Draws all of `shown` on `picture`, which has its size: areas, boxes, labels and charts; hides faces if asked for.
    pub fn draw_all(&mut self, picture: &mut Picture, shown: &Analysed, stage: &PipelineInfo) {
        let areas = &stage.areas[shown.source];
        if stage.hides_faces {
            self.hide_faces(picture, shown, areas);
        }
        self.draw_areas(picture, areas, false);
        self.draw_faces(picture, shown, &stage.labels);
    }

    /// The same on its own picture.
    pub fn draw_on(&mut self, shown: &mut Analysed, stage: &PipelineInfo) {
        let mut picture = std::mem::take(&mut shown.picture);
        self.draw_all(&mut picture, shown, stage);
        shown.picture = picture;
    }

    /// Writes a line at the bottom of the picture, in smaller text if it is too long.
    pub fn draw_status(&mut self, picture: &mut Picture, line: &str) {
        let whole = Rect::of(picture);
        let size = self.size_within(line, Sizes::of(picture.width, picture.height).text, whole.w);
        let height = size as i32 * 3 / 2;
        let ground = Rect::new(0, whole.h - height, whole.w, height);
        picture.cover(ground, DARK, GROUND);
        let place = Rect::new(size as i32 / 2, ground.y, ground.w, height);
        self.text.draw(picture, line, place, size, WHITE);
    }

    /// Writes rows on a dark background in the middle of the picture.
    pub fn draw_panel(&mut self, picture: &mut Picture, rows: &[PanelRow]) {
        let whole = Rect::of(picture);
        let count = rows.len() as i32;
        let room = (whole.h / (count + 2) * 2 / 3).max(LEAST_TEXT as i32) as u32;
        let size = (Sizes::of(picture.width, picture.height).text * 5 / 4).min(room);
        let widths = |artist: &mut Self, size| {
            let keys = rows.iter().map(|row| artist.text.width(&row.key, size)).max().unwrap_or(0);
            let gap = if keys > 0 { size as i32 } else { 0 };
            let texts = rows.iter().map(|row| artist.text.width(&row.text, size)).max().unwrap_or(0);
            (keys + gap, keys + gap + texts + 2 * size as i32)
        };
        let needed = widths(self, size).1;
        let size = if needed <= whole.w { size } else { (size as i32 * whole.w / needed).max(8) as u32 };
        let (indent, width) = widths(self, size);
        let (size_px, line) = (size as i32, size as i32 * 3 / 2);
        let height = line * count + size_px;
        let panel = Rect::new((whole.w - width) / 2, (whole.h - height) / 2, width, height);
        picture.cover(panel, DARK, 224);
        for (number, row) in (0..).zip(rows) {
            let place = Rect::new(panel.x + size_px, panel.y + size_px / 2 + line * number, width, line);
            if let Some(color) = row.patch {
                let patch = Rect::new(place.x, place.y + (line - size_px) / 2, size_px, size_px);
                picture.fill(patch, color);
            }
            self.text.draw(picture, &row.key, place, size, WHITE);
            self.text.draw(picture, &row.text, Rect { x: place.x + indent, ..place }, size, WHITE);
        }
    }

    /// Whether something drawn there would cover the box of a face other than `index`, or its label or chart.
    fn is_taken(&self, place: Rect, index: usize) -> bool {
        self.taken.iter().enumerate().any(|(other, taken)| other != index && taken.overlaps(&place))
    }

    /// The largest text height up to `wanted` at which `line` fits into `width` pixels; at least 8.
    fn size_within(&mut self, line: &str, wanted: u32, width: i32) -> u32 {
        let needed = self.text.width(line, wanted) + wanted as i32;
        if needed <= width { wanted } else { (wanted as i32 * width / needed).max(8) as u32 }
    }
}
