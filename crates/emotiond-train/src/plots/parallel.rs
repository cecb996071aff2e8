//! Plots a search in parallel coordinates (Inselberg 1985): one axis per key, one line per trial, coloured by accuracy.

use super::canvas::{FAINT_INK, GRID, INK, PlotError, save, text_style, write};
use plotters::{
    prelude::{Color, PathElement, RGBColor},
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

const AXIS_SPACING: u32 = 230;
const HEIGHT: u32 = 560;
/// Margins above, below and beside the axes, in pixels.
const MARGIN: (i32, i32, i32) = (90, 50, 110);
/// Colours of the worst and the best trial; the others are interpolated linearly in RGB.
const WORST: RGBColor = RGBColor(190, 200, 210);
const BEST: RGBColor = RGBColor(0, 114, 178);

/// An axis with its tick marks; positions are from 0 (bottom) to 1 (top).
#[derive(Clone, Debug)]
pub struct Axis {
    /// The title above the axis.
    pub name: String,
    /// Position and label of each mark.
    pub marks: Vec<(f64, String)>,
}

/// Writes the lines of `trials`, each with one position (0 to 1) per axis; the last axis determines the colour.
///
/// # Errors
/// When the file cannot be written.
pub fn save_parallel(path: &Path, title: &str, axes: &[Axis], trials: &[Vec<f64>]) -> Result<(), PlotError> {
    let (top, bottom, side) = MARGIN;
    let width = AXIS_SPACING * (axes.len().max(2) as u32 - 1) + 2 * side as u32;
    let at = |axis: usize, place: f64| {
        let height = f64::from(HEIGHT as i32 - top - bottom);
        (side + axis as i32 * AXIS_SPACING as i32, HEIGHT as i32 - bottom - (place * height).round() as i32)
    };
    // The best trials are drawn last, above the others.
    let quality = |trial: &&Vec<f64>| trial.last().copied().unwrap_or_default();
    let mut ordered: Vec<&Vec<f64>> = trials.iter().collect();
    ordered.sort_by(|a, b| quality(a).total_cmp(&quality(b)));
    save(path, (width, HEIGHT), |area| {
        write(area, title, (24, 28), (HPos::Left, VPos::Center), &text_style(20, INK, true))?;
        for trial in &ordered {
            let line: Vec<_> = trial.iter().enumerate().map(|(axis, &place)| at(axis, place)).collect();
            area.draw(&PathElement::new(line, color(quality(trial)).stroke_width(2)))?;
        }
        for (index, axis) in axes.iter().enumerate() {
            let (x, y) = at(index, 1.0);
            area.draw(&PathElement::new(vec![at(index, 0.0), (x, y)], FAINT_INK.stroke_width(2)))?;
            write(area, &axis.name, (x, y - 16), (HPos::Center, VPos::Bottom), &text_style(15, INK, true))?;
            for (place, text) in &axis.marks {
                let (x, y) = at(index, *place);
                area.draw(&PathElement::new(vec![(x - 4, y), (x + 4, y)], GRID.stroke_width(2)))?;
                let style = text_style(13, FAINT_INK, false);
                write(area, text, (x + 9, y), (HPos::Left, VPos::Center), &style)?;
            }
        }
        Ok(())
    })
}

fn color(quality: f64) -> RGBColor {
    let blend =
        |worst: u8, best: u8| (f64::from(worst) + quality * (f64::from(best) - f64::from(worst))) as u8;
    RGBColor(blend(WORST.0, BEST.0), blend(WORST.1, BEST.1), blend(WORST.2, BEST.2))
}
