//! The bitmap, the font and the colours of the plots.

use crate::augment::{Affine, Original, warp};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    picture::{self, PictureView},
};
use plotters::{
    coord::Shift,
    prelude::{
        BitMapBackend, Color, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, IntoFont,
        Pixel, RGBColor, Text, TextStyle, WHITE,
    },
    style::{
        FontStyle, register_font,
        text_anchor::{HPos, Pos, VPos},
    },
};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Once,
};
use thiserror::Error;

/// Why a picture cannot be written.
#[derive(Debug, Error)]
#[error("cannot write {path}: {reason}", path = path.display())]
pub struct PlotError {
    path: PathBuf,
    reason: String,
}

impl PlotError {
    pub(super) fn new(path: &Path, reason: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

impl ExitsWith for PlotError {
    fn exit(&self) -> Exit {
        Exit::Output
    }
}

/// The drawing area.
pub(super) type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;
/// Why drawing failed.
pub(super) type DrawError = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(33, 37, 41);
/// Less important text.
pub(super) const FAINT_INK: RGBColor = RGBColor(110, 118, 126);
/// Lines of the grid.
pub(super) const GRID: RGBColor = RGBColor(228, 231, 235);
/// Colours that colour-blind people can distinguish (Okabe and Ito 2008).
pub(super) const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(90, 90, 90),
];

/// Draws a white sheet of `width` x `height` pixels with `draw` and writes it as a PNG.
pub(super) fn save(
    path: &Path,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area) -> Result<(), DrawError>,
) -> Result<(), PlotError> {
    register_fonts();
    let mut pixels = vec![0; (width * height * 3) as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        area.fill(&WHITE)
            .and_then(|()| draw(&area))
            .and_then(|()| area.present())
            .map_err(|error| PlotError::new(path, error))?;
    }
    image::save_buffer(path, &pixels, width, height, image::ExtendedColorType::Rgb8)
        .map_err(|error| PlotError::new(path, error))
}

/// Text of `size` pixels.
pub(super) fn text_style(size: u32, color: RGBColor, bold: bool) -> TextStyle<'static> {
    let style = if bold { FontStyle::Bold } else { FontStyle::Normal };
    ("sans-serif", size, style).into_font().color(&color.to_rgba())
}

/// Writes `text` so that its `anchor` is at the point `at`.
pub(super) fn write(
    area: &Area,
    text: &str,
    at: (i32, i32),
    anchor: (HPos, VPos),
    style: &TextStyle,
) -> Result<(), DrawError> {
    let style = style.pos(Pos::new(anchor.0, anchor.1));
    area.draw(&Text::new(text.to_owned(), at, style))
}

/// Draws a square picture `side` pixels wide, its upper left corner at (`x`, `y`).
pub(super) fn draw_picture(
    area: &Area,
    (x, y): (i32, i32),
    side: usize,
    picture: &PictureView,
) -> Result<(), DrawError> {
    let channels = picture.color.channels();
    let own_side = picture.width as usize;
    let source = Original { pixels: picture.data, side: own_side, color: picture.color };
    let mut pixels = vec![0; side * side * channels];
    let map = Affine::new(own_side, side, false, (0.0, 0.0), 0.0, 1.0);
    warp(&source, &map, None, side, &mut pixels);
    for (index, pixel) in pixels.chunks_exact(channels).enumerate() {
        let color = match picture.color {
            picture::Color::Gray => RGBColor(pixel[0], pixel[0], pixel[0]),
            picture::Color::Rgb => RGBColor(pixel[0], pixel[1], pixel[2]),
        };
        let place = (x + (index % side) as i32, y + (index / side) as i32);
        area.draw(&Pixel::new(place, color.filled()))?;
    }
    Ok(())
}

fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, font) in
            [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())]
        {
            assert!(register_font("sans-serif", style, font).is_ok(), "the built-in font is valid");
        }
    });
}
