//! Draws a sheet that shows the effect of each key of `[augment]`.

use super::canvas::{
    Area, DrawError, FAINT_INK, INK, PlotError, draw_picture, save as save_sheet, text_style, write,
};
use crate::{
    augment::{Augmentation, Original},
    dataset::{Dataset, Sample},
    random::Draw,
    recipe::AugmentSection,
};
use emotiond_core::picture::PictureView;
use plotters::style::text_anchor::{HPos, VPos};
use std::path::Path;

const COLUMNS: usize = 10;
/// Side of a picture on the sheet, in pixels.
const SIDE: usize = 96;
const GAP: i32 = 8;
const NAMES: i32 = 150;
const HEADER: i32 = 76;

/// Draws, for each key of `[augment]`, its effect on ten pictures.
///
/// # Errors
/// When the file cannot be written.
pub fn save_augmented(path: &Path, dataset: &Dataset) -> Result<(), PlotError> {
    let samples = spread(dataset);
    let rows = rows();
    let (column, row) = (SIDE as i32 + GAP, SIDE as i32 + GAP);
    let width = NAMES + column * COLUMNS as i32;
    let height = HEADER + row * rows.len() as i32;
    save_sheet(path, (width as u32, height as u32), |area| {
        let left = (HPos::Left, VPos::Center);
        write(area, "What the keys of [augment] do", (GAP, 28), left, &text_style(24, INK, true))?;
        let note = "each key alone, with a random strength for each picture";
        write(area, note, (GAP, 56), left, &text_style(15, FAINT_INK, false))?;
        for (line, (name, section)) in rows.iter().enumerate() {
            let top = HEADER + row * line as i32;
            write(area, name, (GAP, top + SIDE as i32 / 2), left, &text_style(14, INK, false))?;
            for (place, sample) in samples.iter().enumerate() {
                tile(area, (NAMES + column * place as i32, top), section, sample, place)?;
            }
        }
        Ok(())
    })
}

/// Pictures spread evenly over the data; they repeat if there are too few.
fn spread(dataset: &Dataset) -> Vec<&Sample> {
    let step = (dataset.samples.len() / COLUMNS).max(1);
    dataset.samples.iter().step_by(step).cycle().take(COLUMNS).collect()
}

fn tile(
    area: &Area,
    at: (i32, i32),
    section: &AugmentSection,
    sample: &Sample,
    place: usize,
) -> Result<(), DrawError> {
    let side = sample.side as usize;
    let original = sample.pixels.read();
    let mut pixels = vec![0; original.len()];
    let source = Original { pixels: &original, side, color: sample.color };
    let mut random = Draw::Augment.random(1, 0, place as u64);
    Augmentation::draw(section, &mut random).apply(&source, side, &mut pixels);
    draw_picture(area, at, SIDE, &PictureView::new(sample.side, sample.side, sample.color, &pixels))
}

fn rows() -> Vec<(&'static str, AugmentSection)> {
    let off = AugmentSection::default;
    vec![
        ("none", off()),
        ("flip", AugmentSection { flip: 1.0, ..off() }),
        ("shift_px = 4", AugmentSection { shift_px: 4.0, ..off() }),
        ("rotation_deg = 20", AugmentSection { rotation_deg: 20.0, ..off() }),
        ("zoom = [0.8, 1.2]", AugmentSection { zoom: Some([0.8, 1.2]), ..off() }),
        ("brightness = 0.3", AugmentSection { brightness: 0.3, ..off() }),
        ("contrast = 0.5", AugmentSection { contrast: 0.5, ..off() }),
        ("erase", AugmentSection { erase: 1.0, ..off() }),
        ("turn", AugmentSection { turn: 1.0, ..off() }),
        ("cover", AugmentSection { cover: 1.0, ..off() }),
        ("gamma", AugmentSection { gamma: 1.0, ..off() }),
        ("side_light", AugmentSection { side_light: 1.0, ..off() }),
        ("dim", AugmentSection { dim: 1.0, ..off() }),
        ("pale", AugmentSection { pale: 1.0, ..off() }),
        ("blur", AugmentSection { blur: 1.0, ..off() }),
        ("motion_blur", AugmentSection { motion_blur: 1.0, ..off() }),
        ("low_resolution", AugmentSection { low_resolution: 1.0, ..off() }),
        ("noise", AugmentSection { noise: 1.0, ..off() }),
        ("jpeg", AugmentSection { jpeg: 1.0, ..off() }),
    ]
}
