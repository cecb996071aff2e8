//! Plots the confusion matrix: rows are the true classes, columns the predicted ones, shades the shares of a row.

use super::canvas::{Area, DrawError, FAINT_INK, INK, PlotError, save as save_sheet, text_style, write};
use crate::metrics::Metrics;
use plotters::{
    prelude::{Color, RGBColor, Rectangle, WHITE},
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

const CELL: i32 = 88;
const LEFT: i32 = 150;
const TOP: i32 = 132;
const MARGIN: i32 = 28;
/// Colour of less important text in the cells.
const SOFT_INK: RGBColor = RGBColor(70, 80, 92);
const DARKEST: RGBColor = RGBColor(8, 64, 129);

pub(super) fn save(path: &Path, title: &str, metrics: &Metrics) -> Result<(), PlotError> {
    let side = CELL * metrics.classes.len() as i32;
    let size = ((LEFT + side + MARGIN) as u32, (TOP + side + MARGIN) as u32);
    save_sheet(path, size, |area| {
        header(area, title, metrics, side)?;
        for (row, counts) in metrics.confusion.iter().enumerate() {
            let label = &metrics.classes[row].label;
            let middle = CELL / 2 + CELL * row as i32;
            let style = text_style(17, INK, false);
            write(area, label, (LEFT - 14, TOP + middle), (HPos::Right, VPos::Center), &style)?;
            write(area, label, (LEFT + middle, TOP - 16), (HPos::Center, VPos::Center), &style)?;
            for (column, &count) in counts.iter().enumerate() {
                cell(area, row, column, count, metrics.classes[row].support)?;
            }
        }
        Ok(())
    })
}

fn header(area: &Area, title: &str, metrics: &Metrics, side: i32) -> Result<(), DrawError> {
    let left = (HPos::Left, VPos::Center);
    write(area, title, (MARGIN, 30), left, &text_style(24, INK, true))?;
    let figures = format!(
        "accuracy {:.1} %,  mean class {:.1} %,  ECE {:.3},  {} rows",
        metrics.accuracy * 100.0,
        metrics.mean_class_accuracy * 100.0,
        metrics.ece,
        metrics.count
    );
    write(area, &figures, (MARGIN, 62), left, &text_style(16, FAINT_INK, false))?;
    let axis = text_style(15, FAINT_INK, false);
    write(area, "predicted", (LEFT + side / 2, TOP - 40), (HPos::Center, VPos::Center), &axis)?;
    write(area, "truth", (LEFT - 14, TOP - 16), (HPos::Right, VPos::Center), &axis)
}

fn cell(area: &Area, row: usize, column: usize, count: usize, support: usize) -> Result<(), DrawError> {
    let share = if support == 0 { 0.0 } else { count as f64 / support as f64 };
    let (x, y) = (LEFT + CELL * column as i32, TOP + CELL * row as i32);
    let corners = [(x + 1, y + 1), (x + CELL - 2, y + CELL - 2)];
    area.draw(&Rectangle::new(corners, shade(share).filled()))?;
    let (ink, faint) = if share > 0.4 { (WHITE, RGBColor(224, 233, 244)) } else { (INK, SOFT_INK) };
    let (middle, anchor) = (x + CELL / 2, (HPos::Center, VPos::Center));
    let percent = format!("{:.0} %", share * 100.0);
    write(area, &percent, (middle, y + CELL / 2 - 8), anchor, &text_style(19, ink, row == column))?;
    write(area, &count.to_string(), (middle, y + CELL / 2 + 16), anchor, &text_style(13, faint, false))
}

/// The colour of a share, from almost white to dark blue.
fn shade(share: f64) -> RGBColor {
    let mix = |dark: u8| (245.0 + (f64::from(dark) - 245.0) * share.clamp(0.0, 1.0).powf(0.75)).round() as u8;
    RGBColor(mix(DARKEST.0), mix(DARKEST.1), mix(DARKEST.2))
}
