//! Draws a sheet with the number of pictures of each emotion and some of them.

use super::canvas::{
    Area, DrawError, FAINT_INK, INK, PALETTE, PlotError, draw_picture, save as save_sheet, text_style, write,
};
use crate::dataset::{Dataset, Sample};
use emotiond_core::labels::EMOTIONS;
use plotters::{
    prelude::{Color, Rectangle},
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

const COLUMNS: usize = 10;
/// Side of a picture on the sheet, in pixels.
const SIDE: i32 = 80;
const GAP: i32 = 8;
const NAMES: i32 = 110;
/// Length of the longest bar, and the room for its number.
const BAR: i32 = 200;
const NUMBER: i32 = 70;
const HEADER: i32 = 76;

/// Draws, for each emotion that occurs, a bar with the number of its pictures and ten of them.
///
/// # Errors
/// When the file cannot be written.
pub fn save_samples(path: &Path, dataset: &Dataset) -> Result<(), PlotError> {
    let of = |emotion: usize| dataset.samples.iter().filter(|sample| sample.emotion == emotion).collect();
    let rows: Vec<(&str, Vec<&Sample>)> = (0..EMOTIONS.len())
        .map(|emotion| (EMOTIONS[emotion], of(emotion)))
        .filter(|(_, samples): &(&str, Vec<&Sample>)| !samples.is_empty())
        .collect();
    let most = rows.iter().map(|(_, samples)| samples.len()).max().unwrap_or(1);
    let width = NAMES + BAR + NUMBER + (SIDE + GAP) * COLUMNS as i32;
    let height = HEADER + (SIDE + GAP) * rows.len() as i32;
    save_sheet(path, (width as u32, height as u32), |area| {
        let left = (HPos::Left, VPos::Center);
        write(area, "Pictures of each emotion", (GAP, 28), left, &text_style(24, INK, true))?;
        let note = format!("{} pictures in {}", dataset.samples.len(), dataset.splits.join(", "));
        write(area, &note, (GAP, 56), left, &text_style(15, FAINT_INK, false))?;
        for (line, (name, samples)) in rows.iter().enumerate() {
            row(area, HEADER + (SIDE + GAP) * line as i32, name, samples, most)?;
        }
        Ok(())
    })
}

fn row(area: &Area, top: i32, name: &str, samples: &[&Sample], most: usize) -> Result<(), DrawError> {
    let (middle, left) = (top + SIDE / 2, (HPos::Left, VPos::Center));
    write(area, name, (GAP, middle), left, &text_style(16, INK, false))?;
    let length = (f64::from(BAR) * samples.len() as f64 / most as f64).ceil() as i32;
    let corners = [(NAMES, middle - 14), (NAMES + length, middle + 14)];
    area.draw(&Rectangle::new(corners, PALETTE[0].filled()))?;
    let number = samples.len().to_string();
    write(area, &number, (NAMES + length + GAP, middle), left, &text_style(14, FAINT_INK, false))?;
    // Spread evenly over the data.
    let step = (samples.len() / COLUMNS).max(1);
    for (place, sample) in samples.iter().step_by(step).take(COLUMNS).enumerate() {
        let x = NAMES + BAR + NUMBER + (SIDE + GAP) * place as i32;
        sample.with_picture(|picture| draw_picture(area, (x, top), SIDE as usize, picture))?;
    }
    Ok(())
}
