//! A face's box, its label and its chart.

use super::{Artist, DARK, GROUND, LEAST_TEXT, Rect, Sizes, WHITE};
use crate::{
    analysed::{Analysed, AnalysedFace},
    frame::Picture,
};
use emotiond_core::{
    classify::argmax,
    palette::{Rgb, color, ink_on},
};

/// Minimum width of a box with a chart, as a multiple of the text height.
const CHART_FROM: i32 = 2;

/// A face being drawn.
struct Mark<'a> {
    /// Index of its box in the list of occupied areas.
    index: usize,
    row: &'a [f32],
    labels: &'a [String],
    label: String,
    bounds: Rect,
    color: Rgb,
    text: u32,
    plate: Rect,
}

/// Draws all faces: boxes first and labels last, so that no box covers a label.
pub(super) fn draw(artist: &mut Artist, picture: &mut Picture, shown: &Analysed, labels: &[String]) {
    let sizes = Sizes::of(picture.width, picture.height);
    artist.taken.clear();
    let inside = |face: &AnalysedFace| face.bounds.clip(picture.width, picture.height).unwrap_or_default();
    artist.taken.extend(shown.faces.iter().map(|face| Rect::around(&inside(face))));
    let rows = shown.probabilities.chunks_exact(labels.len().max(1));
    let mut marks: Vec<Mark> = Vec::with_capacity(shown.faces.len());
    for (index, (face, row)) in shown.faces.iter().zip(rows).enumerate() {
        if artist.taken[index].w > 0 {
            let labelled = Labelled { index, track: face.track, row, labels };
            marks.push(Mark::place(artist, picture, sizes.text, &labelled));
        }
    }
    for mark in &marks {
        picture.outline(mark.bounds, sizes.line + 2, DARK);
        picture.outline(mark.bounds.shrunk(1), sizes.line, mark.color);
    }
    for mark in &marks {
        mark.draw_chart(artist, picture);
    }
    for mark in &marks {
        picture.fill(mark.plate, mark.color);
        let place = Rect { x: mark.plate.x + mark.text as i32 / 3, ..mark.plate };
        artist.text.draw(picture, &mark.label, place, mark.text, ink_on(mark.color));
    }
}

/// A face and its probabilities.
struct Labelled<'a> {
    /// Index of the face's box among the taken areas.
    index: usize,
    track: u64,
    row: &'a [f32],
    labels: &'a [String],
}

impl<'a> Mark<'a> {
    /// Finds a position for the label: above the box, below it at the edge of the frame, or inside at the top. The text
    /// size suits the box, and is reduced if the label would cover another face.
    fn place(artist: &mut Artist, picture: &Picture, largest: u32, labelled: &Labelled<'a>) -> Self {
        let &Labelled { index, track, row, labels } = labelled;
        let emotion = argmax(row);
        let name = &labels[emotion];
        let label = format!("#{track} {name} {:.0} %", row[emotion] * 100.0);
        let bounds = artist.taken[index];
        let plate_at = |artist: &mut Artist, text: u32| {
            let (width, height) =
                (artist.text.width(&label, text) + text as i32 * 2 / 3, text as i32 * 4 / 3);
            let (over, under, whole) = (bounds.y - height, bounds.bottom(), Rect::of(picture));
            let places = [over, under, bounds.y].map(|y| Rect::new(bounds.x, y, width, height));
            let is_inside = |place: &&Rect| place.y >= 0 && place.bottom() <= whole.h;
            places.iter().find(is_inside).unwrap_or(&places[2]).moved_into(&whole)
        };
        let fair = (bounds.w.max(0) as u32 * 2 / 5).clamp(LEAST_TEXT, largest);
        let (mut text, mut plate) = (fair, plate_at(artist, fair));
        if text > LEAST_TEXT && artist.is_taken(plate, index) {
            (text, plate) = (LEAST_TEXT, plate_at(artist, LEAST_TEXT));
        }
        artist.taken.push(plate);
        let color = color(name, emotion);
        Self { index, row, labels, label, bounds, color, text, plate }
    }

    /// Draws one row per emotion beside the box, or one column per emotion at the bottom of the box if the rows would
    /// cover another face.
    fn draw_chart(&self, artist: &mut Artist, picture: &mut Picture) {
        if self.bounds.w < CHART_FROM * self.text as i32 {
            return;
        }
        let largest = (self.text * 7 / 8).max(LEAST_TEXT);
        for text in [largest, LEAST_TEXT] {
            if let Some(rows) = Rows::place(self, artist, Rect::of(picture), text) {
                artist.taken.push(rows.area);
                return rows.draw(self, artist, picture);
            }
        }
        self.draw_columns(picture);
    }

    fn draw_columns(&self, picture: &mut Picture) {
        let inner = self.bounds.intersection(&Rect::of(picture)).shrunk(3);
        let height = (inner.h / 4).min(self.text as i32 * 3);
        let count = self.labels.len() as i32;
        picture.cover(Rect::new(inner.x, inner.bottom() - height, inner.w, height), DARK, GROUND);
        for (index, (name, &value)) in self.labels.iter().zip(self.row).enumerate() {
            let (left, right) = (index as i32 * inner.w / count, (index as i32 + 1) * inner.w / count);
            let length = (value * height as f32).round().max(1.0) as i32;
            let gap = i32::from(right - left > 3);
            let column = Rect::new(inner.x + left, inner.bottom() - length, right - left - gap, length);
            picture.fill(column, color(name, index));
        }
    }
}

/// A chart with one labelled row per emotion.
struct Rows {
    area: Rect,
    text: u32,
    /// Width of the widest label in pixels.
    names: i32,
}

impl Rows {
    /// A free area to the right or left of the box; `None` if there is none at this text height.
    fn place(mark: &Mark, artist: &mut Artist, picture: Rect, text: u32) -> Option<Self> {
        let names = mark.labels.iter().map(|name| artist.text.width(name, text)).max()?;
        let (gap, size) = (Self::gap(text), text as i32);
        let width = names + 4 * size + 3 * gap;
        let height = Self::row(text) * mark.labels.len() as i32 + gap;
        let y = mark.bounds.y.clamp(0, (picture.h - height).max(0));
        let sides = [mark.bounds.right() + gap, mark.bounds.x - gap - width];
        let places = sides.map(|x| Rect::new(x, y, width, height));
        let is_free = |area: &Rect| picture.contains(area) && !artist.is_taken(*area, mark.index);
        places.into_iter().find(is_free).map(|area| Self { area, text, names })
    }

    fn gap(text: u32) -> i32 {
        text as i32 / 2
    }

    fn row(text: u32) -> i32 {
        text as i32 * 5 / 4
    }

    fn draw(&self, mark: &Mark, artist: &mut Artist, picture: &mut Picture) {
        let (gap, row, bars) = (Self::gap(self.text), Self::row(self.text), self.text as i32 * 4);
        picture.cover(self.area, DARK, GROUND);
        for (index, (name, &value)) in mark.labels.iter().zip(mark.row).enumerate() {
            let y = self.area.y + gap / 2 + row * index as i32;
            let line = Rect::new(self.area.x + gap, y, self.names, row);
            artist.text.draw(picture, name, line, self.text, WHITE);
            let full = Rect::new(line.right() + gap, y + row / 5, bars, row * 3 / 5);
            picture.cover(full, WHITE, 40);
            let length = (value * bars as f32).round() as i32;
            picture.fill(Rect { w: length, ..full }, color(name, index));
        }
    }
}
