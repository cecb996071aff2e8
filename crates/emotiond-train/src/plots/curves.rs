//! Plots curves over the epochs, of one run or of several runs, and over the trials of a search.

use super::canvas::{
    Area, DrawError, FAINT_INK, GRID, INK, PALETTE, PlotError, save as save_sheet, text_style, write,
};
use crate::history::{EpochRecord, RunReport};
use plotters::{
    prelude::{ChartBuilder, Circle, Color, LineSeries, RGBColor, Rectangle, SeriesLabelPosition, WHITE},
    style::text_anchor::{HPos, VPos},
};
use std::path::Path;

const PANEL: (u32, u32) = (760, 520);
const HEADER: u32 = 56;

/// A curve in a panel, as points (epoch or trial, value).
struct Curve {
    name: String,
    color: RGBColor,
    points: Vec<(f64, f64)>,
    /// A place to mark.
    mark: Option<f64>,
}

/// Writes loss, accuracy and learning rate of a run.
///
/// # Errors
/// When the file cannot be written.
pub fn save_curves(path: &Path, run: &RunReport) -> Result<(), PlotError> {
    let curve = |name: &str, color: usize, value: fn(&EpochRecord) -> f64| Curve {
        name: name.to_owned(),
        color: PALETTE[color],
        points: points(&run.epochs, value),
        mark: (color == 0).then_some(run.best_epoch.map(|epoch| epoch as f64)).flatten(),
    };
    let panels = [
        (
            "accuracy, %",
            vec![
                curve("training", 5, |epoch| epoch.train_accuracy * 100.0),
                curve("validation", 0, |epoch| epoch.validation_accuracy * 100.0),
            ],
        ),
        (
            "loss",
            vec![
                curve("training", 5, |epoch| epoch.train_loss),
                curve("validation", 0, |epoch| epoch.validation_loss),
            ],
        ),
        ("learning rate", vec![curve("learning rate", 2, |epoch| epoch.learning_rate)]),
    ];
    let title = match run.best() {
        Some(best) => format!(
            "{}: {:.1} % validation accuracy in epoch {}",
            run.name,
            best.validation_accuracy * 100.0,
            best.epoch
        ),
        None => run.name.clone(),
    };
    save_panels(path, &title, "epoch", &panels)
}

/// Writes validation accuracy and loss of several runs, labelled by their names.
///
/// # Errors
/// When the file cannot be written.
pub fn save_runs(path: &Path, runs: &[(String, RunReport)]) -> Result<(), PlotError> {
    let curves = |value: fn(&EpochRecord) -> f64| {
        let curve = |(index, (name, run)): (usize, &(String, RunReport))| Curve {
            name: name.clone(),
            color: PALETTE[index % PALETTE.len()],
            points: points(&run.epochs, value),
            mark: run.best_epoch.map(|epoch| epoch as f64),
        };
        runs.iter().enumerate().map(curve).collect::<Vec<_>>()
    };
    let panels = [
        ("validation accuracy, %", curves(|epoch| epoch.validation_accuracy * 100.0)),
        ("validation loss", curves(|epoch| epoch.validation_loss)),
        ("training loss", curves(|epoch| epoch.train_loss)),
    ];
    save_panels(path, &format!("{} runs", runs.len()), "epoch", &panels)
}

/// Writes the accuracy of each trial of a search, in their order, and the best so far.
///
/// # Errors
/// When the file cannot be written.
pub fn save_trials(path: &Path, title: &str, accuracies: &[f64]) -> Result<(), PlotError> {
    let curve = |name: &str, color: usize, values: Vec<f64>| Curve {
        name: name.to_owned(),
        color: PALETTE[color],
        points: values.into_iter().enumerate().map(|(at, value)| ((at + 1) as f64, value * 100.0)).collect(),
        mark: None,
    };
    let best = accuracies.iter().scan(0.0, |best, accuracy| {
        *best = f64::max(*best, *accuracy);
        Some(*best)
    });
    let curves = vec![curve("this trial", 5, accuracies.to_vec()), curve("best so far", 0, best.collect())];
    save_panels(path, title, "trial", &[("validation accuracy, %", curves)])
}

fn points(epochs: &[EpochRecord], value: fn(&EpochRecord) -> f64) -> Vec<(f64, f64)> {
    epochs.iter().map(|record| (record.epoch as f64, value(record))).collect()
}

fn save_panels(path: &Path, title: &str, x: &str, panels: &[(&str, Vec<Curve>)]) -> Result<(), PlotError> {
    let size = (PANEL.0 * panels.len() as u32, PANEL.1 + HEADER);
    save_sheet(path, size, |area| {
        let (head, body) = area.split_vertically(HEADER);
        write(&head, title, (32, 32), (HPos::Left, VPos::Center), &text_style(24, INK, true))?;
        let areas = body.split_evenly((1, panels.len()));
        panels.iter().zip(&areas).try_for_each(|((name, curves), area)| panel(area, (x, name), curves))
    })
}

fn panel(area: &Area, (x, name): (&str, &str), curves: &[Curve]) -> Result<(), DrawError> {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let (low, high) = extent(all().map(|(_, value)| *value));
    let last = all().map(|(epoch, _)| *epoch).fold(2.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(name, text_style(18, INK, false))
        .margin(18)
        .x_label_area_size(40)
        .y_label_area_size(66)
        .build_cartesian_2d(1.0..last, low..high)?;
    let digits = (1.0 - (high - low).log10().floor()).clamp(0.0, 6.0) as usize;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .axis_style(FAINT_INK)
        .x_desc(x)
        .x_labels(10)
        .y_labels(8)
        .x_label_formatter(&|epoch| format!("{epoch:.0}"))
        .y_label_formatter(&|value| format!("{value:.digits$}"))
        .label_style(text_style(14, FAINT_INK, false))
        .draw()?;
    // The ends of the curves are the most important part, so the legend must not cover them.
    let rises =
        curves.iter().any(|curve| curve.points.last().map(|p| p.1) > curve.points.first().map(|p| p.1));
    let corner = if rises { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperRight };
    for curve in curves {
        let color = curve.color;
        chart
            .draw_series(LineSeries::new(curve.points.iter().copied(), color.stroke_width(3)))?
            .label(&curve.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 20, y + 2)], color.filled()));
        let marked = curve.points.iter().filter(|(epoch, _)| Some(*epoch) == curve.mark);
        chart.draw_series(marked.map(|&point| Circle::new(point, 7, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(text_style(15, INK, false))
        .position(corner)
        .draw()
}

/// The range of the values with a small margin; never empty.
fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return (0.0, 1.0);
    }
    let room = if high > low { (high - low) * 0.06 } else { high.abs().max(1e-6) * 0.1 };
    (low - room, high + room)
}
