//! Draws right and wrong predictions of each class.

use super::canvas::{
    Area, DrawError, FAINT_INK, INK, PALETTE, PlotError, draw_picture, save as save_sheet, text_style, write,
};
use crate::evaluate::Evaluation;
use emotiond_core::classify::argmax;
use plotters::{
    prelude::RGBColor,
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

/// Number of right ones, and of wrong ones, in a row.
const EACH: usize = 5;
/// Side of a picture on the sheet, in pixels.
const SIDE: i32 = 96;
const GAP: i32 = 12;
const CAPTION: i32 = 22;
const NAMES: i32 = 120;
const HEADER: i32 = 84;

pub(super) fn save(path: &Path, title: &str, evaluation: &Evaluation) -> Result<(), PlotError> {
    let labels = evaluation.examples.labels;
    let row = SIDE + CAPTION + GAP;
    let width = NAMES + (SIDE + GAP) * 2 * EACH as i32 + GAP;
    save_sheet(path, (width as u32, (HEADER + row * labels.len() as i32) as u32), |area| {
        let left = (HPos::Left, VPos::Center);
        write(area, &format!("Predictions on {title}"), (GAP, 30), left, &text_style(24, INK, true))?;
        let note = "each row one class: five pictures that were recognised, then five that were not";
        write(area, note, (GAP, 60), left, &text_style(15, FAINT_INK, false))?;
        for (class, label) in labels.iter().enumerate() {
            let top = HEADER + row * class as i32;
            write(area, label, (GAP, top + SIDE / 2), left, &text_style(16, INK, false))?;
            for (half, is_right) in [true, false].into_iter().enumerate() {
                let found = predictions(evaluation, class, is_right);
                // Spread evenly over the data.
                let step = (found.len() / EACH).max(1);
                for (place, found) in found.iter().step_by(step).take(EACH).enumerate() {
                    let x = NAMES + (SIDE + GAP) * (half * EACH + place) as i32 + GAP * half as i32;
                    tile(area, (x, top), evaluation, found, if is_right { INK } else { PALETTE[1] })?;
                }
            }
        }
        Ok(())
    })
}

/// A picture and its prediction.
struct Prediction {
    /// Index into the examples.
    example: usize,
    class: usize,
    probability: f32,
}

/// The right or the wrong predictions for pictures of `class`, in the order of the data.
fn predictions(evaluation: &Evaluation, class: usize, right: bool) -> Vec<Prediction> {
    let rows = evaluation.probabilities.chunks_exact(evaluation.examples.labels.len());
    rows.zip(&evaluation.examples.items)
        .enumerate()
        .filter(|(_, (_, item))| item.class == class)
        .map(|(example, (row, _))| (example, argmax(row), row))
        .filter(|(_, taken, _)| (*taken == class) == right)
        .map(|(example, taken, row)| Prediction { example, class: taken, probability: row[taken] })
        .collect()
}

fn tile(
    area: &Area,
    (x, y): (i32, i32),
    evaluation: &Evaluation,
    prediction: &Prediction,
    ink: RGBColor,
) -> Result<(), DrawError> {
    let examples = &evaluation.examples;
    let sample = &examples.dataset.samples[examples.items[prediction.example].sample];
    sample.with_picture(|picture| draw_picture(area, (x, y), SIDE as usize, picture))?;
    let caption = format!("{} {:.0} %", examples.labels[prediction.class], prediction.probability * 100.0);
    let below = (x + SIDE / 2, y + SIDE + CAPTION / 2);
    write(area, &caption, below, (HPos::Center, VPos::Center), &text_style(12, ink, false))
}
