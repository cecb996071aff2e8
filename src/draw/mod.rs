//! What is drawn on a picture: a box a face with its emotion, a line of figures, help. Pictures in, pictures out; who
//! shows or stores them is no business of this module.
mod canvas;
mod marks;
mod privacy;
mod status;
mod text;
mod tiles;

pub use canvas::Rect;
pub use privacy::pixelate;
pub use status::{RateMeter, live_status, recorded_status};
pub use text::Typesetter;
pub use tiles::{Scaler, fit, grid, mirror, mirrored};

use crate::{frame::Picture, palette::Rgb, shown::Shown};

/// Text and lines under and over everything else.
const WHITE: Rgb = [255, 255, 255];
const DARK: Rgb = [16, 18, 22];
/// How much a dark ground covers what lies under it, of 256.
const GROUND: u32 = 176;

/// Sizes that suit a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Height of text.
    pub text: u32,
    /// Thickness of a box's line.
    pub line: i32,
}

impl Sizes {
    /// For a picture of `width` x `height`: text is a fortieth of the height, but always large enough to be read.
    pub fn of(width: u32, height: u32) -> Self {
        let side = (height as f32).min(width as f32 * 0.75);
        Self { text: (side / 40.0).round().max(13.0) as u32, line: (side / 320.0).round().max(2.0) as i32 }
    }
}

/// Draws; keeps what it needs again.
#[derive(Default)]
pub struct Artist {
    text: Typesetter,
    /// The faces' boxes in their order, then what is drawn beside them.
    taken: Vec<Rect>,
}

impl Artist {
    /// Draws the boxes of `shown`, whose coordinates are the picture's, with labels and charts.
    pub fn draw_faces(&mut self, picture: &mut Picture, shown: &Shown, labels: &[String]) {
        marks::draw(self, picture, shown, labels);
    }

    /// The same on its own picture.
    pub fn draw_faces_on(&mut self, shown: &mut Shown, labels: &[String]) {
        let mut picture = std::mem::take(&mut shown.picture);
        self.draw_faces(&mut picture, shown, labels);
        shown.picture = picture;
    }

    /// Writes a line at the picture's bottom, made smaller where it is too long.
    pub fn draw_status(&mut self, picture: &mut Picture, line: &str) {
        let whole = Rect::of(picture);
        let size = self.size_within(line, Sizes::of(picture.width, picture.height).text, whole.w);
        let height = size as i32 * 3 / 2;
        let ground = Rect::new(0, whole.h - height, whole.w, height);
        picture.cover(ground, DARK, GROUND);
        let place = Rect::new(size as i32 / 2, ground.y, ground.w, height);
        self.text.draw(picture, line, place, size, WHITE);
    }

    /// Writes `lines` on a dark ground in the middle of the picture; each may have a patch of colour before it.
    pub fn draw_panel(&mut self, picture: &mut Picture, lines: &[(Option<Rgb>, String)]) {
        let whole = Rect::of(picture);
        let longest = lines.iter().max_by_key(|(_, line)| line.chars().count()).map_or("", |(_, line)| line);
        let wanted = Sizes::of(picture.width, picture.height).text * 5 / 4;
        let room = whole.h / (lines.len() as i32 + 2).max(1) * 2 / 3;
        let size = self.size_within(longest, wanted.min(room.max(8) as u32), whole.w * 3 / 4) as i32;
        let row = size * 3 / 2;
        let width = lines.iter().map(|(_, line)| self.text.width(line, size as u32)).max().unwrap_or(0);
        let (width, height) = (width + 4 * size, row * lines.len() as i32 + size);
        let panel = Rect::new((whole.w - width) / 2, (whole.h - height) / 2, width, height);
        picture.cover(panel, DARK, 224);
        for (number, (patch, line)) in lines.iter().enumerate() {
            let place =
                Rect::new(panel.x + size, panel.y + size / 2 + row * number as i32, width - 2 * size, row);
            if let Some(color) = patch {
                picture.fill(Rect::new(place.x, place.y + (row - size) / 2, size, size), *color);
            }
            let after = if patch.is_some() { size * 3 / 2 } else { 0 };
            self.text.draw(picture, line, Rect { x: place.x + after, ..place }, size as u32, WHITE);
        }
    }

    /// Whether something drawn there would hide another box than that of the face `index`, or what belongs to one.
    fn is_taken(&self, place: Rect, index: usize) -> bool {
        self.taken.iter().enumerate().any(|(other, taken)| other != index && taken.overlaps(&place))
    }

    /// The largest text height up to `wanted` at which `line` fits into `width` pixels; 8 at least.
    fn size_within(&mut self, line: &str, wanted: u32, width: i32) -> u32 {
        let needed = self.text.width(line, wanted) + wanted as i32;
        if needed <= width { wanted } else { (wanted as i32 * width / needed).max(8) as u32 }
    }
}
