//! Text in DejaVu Sans at any size. Each glyph is rasterised once per size.

use super::canvas::{Rect, blend};
use crate::frame::Picture;
use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use emotiond_core::palette::Rgb;
use std::collections::HashMap;

/// Draws text; caches its glyphs.
pub struct Typesetter {
    font: FontRef<'static>,
    glyphs: HashMap<(GlyphId, u32), Glyph>,
}

/// A glyph's coverage, 0 to 255 per pixel, and its offset from the pen position on the baseline.
struct Glyph {
    left: i32,
    top: i32,
    width: i32,
    coverage: Vec<u8>,
    advance: f32,
}

impl Typesetter {
    /// Starts with an empty cache.
    pub fn new() -> Self {
        let font =
            FontRef::try_from_slice(dejavu::sans::regular()).expect("the font in the program is whole");
        Self { font, glyphs: HashMap::new() }
    }

    /// Width of `text` in pixels.
    pub fn width(&mut self, text: &str, size: u32) -> i32 {
        let font = self.font.as_scaled(PxScale::from(size as f32));
        let mut width = 0.0;
        let mut last = None;
        for id in text.chars().map(|letter| font.glyph_id(letter)) {
            width += last.map_or(0.0, |last| font.kern(last, id)) + font.h_advance(id);
            last = Some(id);
        }
        width.ceil() as i32
    }

    /// Draws `text` from the left edge of `place`, vertically centred; it may extend beyond the right edge.
    pub fn draw(&mut self, picture: &mut Picture, text: &str, place: Rect, size: u32, ink: Rgb) {
        let font = self.font.clone();
        let font = font.as_scaled(PxScale::from(size as f32));
        let baseline = place.y + ((place.h as f32 + font.ascent() + font.descent()) / 2.0).round() as i32;
        let mut pen = place.x as f32;
        let mut last = None;
        for id in text.chars().map(|letter| font.glyph_id(letter)) {
            pen += last.map_or(0.0, |last| font.kern(last, id));
            last = Some(id);
            let glyph = self.glyphs.entry((id, size)).or_insert_with(|| Glyph::new(&self.font, id, size));
            glyph.draw(picture, pen.round() as i32, baseline, ink);
            pen += glyph.advance;
        }
    }
}

impl Default for Typesetter {
    fn default() -> Self {
        Self::new()
    }
}

impl Glyph {
    fn new(font: &FontRef, id: GlyphId, size: u32) -> Self {
        let scale = PxScale::from(size as f32);
        let advance = font.as_scaled(scale).h_advance(id);
        let Some(outline) = font.outline_glyph(id.with_scale_and_position(scale, point(0.0, 0.0))) else {
            return Self { left: 0, top: 0, width: 0, coverage: Vec::new(), advance };
        };
        let bounds = outline.px_bounds();
        let (width, height) = (bounds.width() as usize, bounds.height() as usize);
        let mut coverage = vec![0; width * height];
        outline
            .draw(|x, y, part| coverage[y as usize * width + x as usize] = (part * 255.0).min(255.0) as u8);
        Self { left: bounds.min.x as i32, top: bounds.min.y as i32, width: width as i32, coverage, advance }
    }

    fn draw(&self, picture: &mut Picture, x: i32, baseline: i32, ink: Rgb) {
        if self.width == 0 {
            return;
        }
        let height = self.coverage.len() as i32 / self.width;
        let area = Rect::new(x + self.left, baseline + self.top, self.width, height);
        let seen = area.intersection(&Rect::of(picture));
        for y in seen.y..seen.bottom() {
            let start = ((y - area.y) * area.w + seen.x - area.x) as usize;
            let row = &self.coverage[start..start + seen.w as usize];
            for (pixel, &part) in picture.span(seen.x, y, seen.w).chunks_exact_mut(3).zip(row) {
                if part > 0 {
                    blend(pixel, ink, u32::from(part) + u32::from(part >> 7));
                }
            }
        }
    }
}
