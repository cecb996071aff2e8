//! Draws the wrong predictions with the highest confidence.

use super::canvas::{
    Area, DrawError, FAINT_INK, INK, PALETTE, PlotError, draw_picture, save as save_sheet, text_style, write,
};
use crate::evaluate::{Evaluation, Mistake};
use plotters::style::text_anchor::{HPos, VPos};
use std::path::Path;

const COLUMNS: usize = 8;
const ROWS: usize = 4;
/// Side of a picture on the sheet, in pixels.
const SIDE: usize = 128;
const GAP: i32 = 16;
const CAPTION: i32 = 46;
const HEADER: i32 = 84;

pub(super) fn save(path: &Path, title: &str, evaluation: &Evaluation) -> Result<(), PlotError> {
    let mistakes = evaluation.mistakes();
    let shown = mistakes.len().min(COLUMNS * ROWS);
    let rows = shown.div_ceil(COLUMNS).max(1) as i32;
    let (column, row) = (SIDE as i32 + GAP, SIDE as i32 + CAPTION + GAP);
    let size = ((GAP + column * COLUMNS as i32) as u32, (HEADER + row * rows) as u32);
    save_sheet(path, size, |area| {
        let left = (HPos::Left, VPos::Center);
        write(
            area,
            &format!("Most confident mistakes on {title}"),
            (GAP, 30),
            left,
            &text_style(24, INK, true),
        )?;
        let total = evaluation.examples.items.len();
        let counts = format!(
            "{shown} of {} mistakes in {total} rows: truth → prediction, and its probability",
            mistakes.len()
        );
        write(area, &counts, (GAP, 60), left, &text_style(15, FAINT_INK, false))?;
        for (place, mistake) in mistakes[..shown].iter().enumerate() {
            let (x, y) = ((place % COLUMNS) as i32, (place / COLUMNS) as i32);
            tile(area, (GAP + x * column, HEADER + y * row), evaluation, mistake)?;
        }
        Ok(())
    })
}

fn tile(
    area: &Area,
    (x, y): (i32, i32),
    evaluation: &Evaluation,
    mistake: &Mistake,
) -> Result<(), DrawError> {
    let examples = &evaluation.examples;
    let example = &examples.items[mistake.example];
    let sample = &examples.dataset.samples[example.sample];
    sample.with_picture(|picture| draw_picture(area, (x, y), SIDE, picture))?;
    let (truth, taken) = (examples.labels[example.class], examples.labels[mistake.prediction]);
    let middle = x + SIDE as i32 / 2;
    let anchor = (HPos::Center, VPos::Center);
    let caption = format!("{truth} → {taken}");
    let below = y + SIDE as i32;
    write(area, &caption, (middle, below + 13), anchor, &text_style(13, INK, true))?;
    let detail = format!("{:.1} %, {}", mistake.confidence * 100.0, short(&sample.origin));
    write(area, &detail, (middle, below + 31), anchor, &text_style(12, PALETTE[1], false))
}

/// The end of a path, short enough to fit under a picture.
fn short(origin: &str) -> &str {
    origin.rsplit('/').next().unwrap_or(origin)
}
