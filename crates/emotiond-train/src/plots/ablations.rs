//! Plots ablations as small multiples (Tufte 1983): one panel per recipe key in which runs differ, one dot per run.

use super::canvas::{Area, DrawError, FAINT_INK, GRID, INK, PALETTE, PlotError, save, text_style, write};
use plotters::{
    prelude::{Circle, Color, PathElement},
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

const COLUMNS: usize = 3;
/// Width and height of a panel, in pixels.
const PANEL: (i32, i32) = (420, 260);
/// Margins of a panel around the dots: left, top, right, bottom; in pixels.
const ROOM: (i32, i32, i32, i32) = (64, 48, 24, 40);
/// Number of horizontal grid lines.
const LINES: usize = 4;

/// A recipe key in which runs differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Ablation {
    /// The recipe's key.
    pub key: String,
    /// Each value, and the accuracy (0 to 1) of each run that has it.
    pub values: Vec<(String, Vec<f64>)>,
}

/// Writes the panels, all with the same scale.
///
/// # Errors
/// When the file cannot be written.
pub fn save_ablations(path: &Path, ablations: &[Ablation]) -> Result<(), PlotError> {
    let rows = ablations.len().div_ceil(COLUMNS);
    let columns = ablations.len().min(COLUMNS);
    let (width, height) = (PANEL.0 * columns as i32, PANEL.1 * rows as i32);
    let scale = scale(ablations);
    save(path, (width as u32, height as u32), |area| {
        for (index, ablation) in ablations.iter().enumerate() {
            let corner = (PANEL.0 * (index % COLUMNS) as i32, PANEL.1 * (index / COLUMNS) as i32);
            draw_panel(area, corner, ablation, scale)?;
        }
        Ok(())
    })
}

/// The lowest and the highest accuracy, with a small margin.
fn scale(ablations: &[Ablation]) -> (f64, f64) {
    let all = ablations.iter().flat_map(|ablation| ablation.values.iter().flat_map(|(_, runs)| runs));
    let (least, largest) = all.fold((1.0f64, 0.0f64), |(a, b), &accuracy| (a.min(accuracy), b.max(accuracy)));
    ((least - 0.01).max(0.0), (largest + 0.01).min(1.0))
}

fn draw_panel(
    area: &Area,
    corner: (i32, i32),
    ablation: &Ablation,
    scale: (f64, f64),
) -> Result<(), DrawError> {
    let (left, top, right, below) = ROOM;
    let (x0, x1) = (corner.0 + left, corner.0 + PANEL.0 - right);
    let (y0, y1) = (corner.1 + PANEL.1 - below, corner.1 + top);
    let y =
        |accuracy: f64| y0 - ((accuracy - scale.0) / (scale.1 - scale.0) * f64::from(y0 - y1)).round() as i32;
    write(area, &ablation.key, (x0, corner.1 + 22), (HPos::Left, VPos::Center), &text_style(16, INK, true))?;
    for line in 0..LINES {
        let accuracy = scale.0 + (scale.1 - scale.0) * line as f64 / (LINES - 1) as f64;
        let at = y(accuracy);
        area.draw(&PathElement::new(vec![(x0, at), (x1, at)], GRID.stroke_width(1)))?;
        let text = format!("{:.1} %", 100.0 * accuracy);
        write(area, &text, (x0 - 6, at), (HPos::Right, VPos::Center), &text_style(12, FAINT_INK, false))?;
    }
    for (index, (value, runs)) in ablation.values.iter().enumerate() {
        let place = (2 * index as i32 + 1) * (x1 - x0) / (2 * ablation.values.len() as i32);
        for &accuracy in runs {
            area.draw(&Circle::new((x0 + place, y(accuracy)), 5, PALETTE[0].mix(0.7).filled()))?;
        }
        let style = text_style(12, INK, false);
        write(area, value, (x0 + place, y0 + 16), (HPos::Center, VPos::Center), &style)?;
    }
    Ok(())
}
