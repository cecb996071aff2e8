//! FER2013 as one CSV: `fer2013.csv` (`emotion,pixels,Usage`) and `icml_face_data.csv` (`emotion, Usage, pixels`); also
//! without the column `Usage`, if the data has no splits.

use super::{
    DatasetError, Loading, make_sample,
    rows::{Rows, start_of},
};
use emotiond_core::{
    classify::description::InputSpec,
    labels::EMOTIONS,
    picture::{Color, PictureView},
};
use std::{io::Read, path::Path};

const SIDE: usize = 48;
/// The split of data without splits.
const TRAINING: &str = "Training";

/// Positions of the columns.
struct Columns {
    emotion: usize,
    pixels: usize,
    /// Absent in data without splits: all rows are training rows.
    usage: Option<usize>,
}

pub(super) fn read(
    path: &Path,
    input: impl Read,
    spec: &InputSpec,
    loading: &mut Loading,
) -> Result<(), DatasetError> {
    let unreadable = |problem: String| DatasetError::unreadable(path, problem);
    let mut rows = Rows::new(input);
    let columns = find_columns(rows.header().map_err(unreadable)?).map_err(unreadable)?;
    let mut pixels = Vec::with_capacity(SIDE * SIDE);
    while let Some(row) = rows.next().map_err(unreadable)? {
        let at = |problem: String| unreadable(format!("{}: {problem}", row.place()));
        let emotion = parse_emotion(&row.cells[columns.emotion]).map_err(at)?;
        parse_pixels(&row.cells[columns.pixels], &mut pixels).map_err(at)?;
        let usage = columns
            .usage
            .map_or_else(|| TRAINING.into(), |usage| String::from_utf8_lossy(row.cells[usage].trim_ascii()));
        if usage.is_empty() {
            return Err(at("the column Usage is empty: write the row's split into it".to_owned()));
        }
        let split = loading.dataset.intern_split(&usage);
        let picture = PictureView::new(SIDE as u32, SIDE as u32, Color::Gray, &pixels);
        loading.add(make_sample(&picture, spec, emotion, split, format!("row {}", row.number)))?;
    }
    Ok(())
}

fn find_columns(header: &csv::ByteRecord) -> Result<Columns, String> {
    let names: Vec<String> = header
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_start_matches('\u{feff}').trim().to_owned())
        .collect();
    let find = |wanted: &str| {
        names.iter().position(|name| name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            let found: String = names.join(", ").escape_debug().take(60).collect();
            format!("has no column `{wanted}` (its first line: {found}): the columns must be emotion, pixels and, for data with splits, Usage")
        })
    };
    let (emotion, pixels) = (find("emotion")?, find("pixels")?);
    // With a third column, a missing name is an error of spelling.
    let usage = if names.len() == 2 { None } else { Some(find("Usage")?) };
    Ok(Columns { emotion, pixels, usage })
}

fn parse_emotion(cell: &[u8]) -> Result<usize, String> {
    let known = EMOTIONS.len() - 1;
    let number = str::from_utf8(cell).ok().and_then(|text| text.trim().parse().ok());
    number.filter(|emotion| *emotion < known).ok_or_else(|| {
        format!("the emotion is {:?}, must be a number from 0 to {}", start_of(cell), known - 1)
    })
}

/// Reads 48 x 48 numbers, separated by spaces, into `pixels`.
fn parse_pixels(field: &[u8], pixels: &mut Vec<u8>) -> Result<(), String> {
    pixels.clear();
    for word in field.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let pixel = parse_byte(word).ok_or_else(|| {
            format!("pixel {} is {:?}, must be a number from 0 to 255", pixels.len() + 1, start_of(word))
        })?;
        pixels.push(pixel);
    }
    if pixels.len() == SIDE * SIDE {
        return Ok(());
    }
    Err(format!("has {} pixels, must have {} ({SIDE} x {SIDE})", pixels.len(), SIDE * SIDE))
}

fn parse_byte(word: &[u8]) -> Option<u8> {
    word.iter().try_fold(0_u8, |value, digit| {
        digit.is_ascii_digit().then_some(())?;
        value.checked_mul(10)?.checked_add(digit - b'0')
    })
}
