//! FER2013 as one CSV: `fer2013.csv` (`emotion,pixels,Usage`) and `icml_face_data.csv` (`emotion, Usage, pixels`); also
//! without the column `Usage`, if the data has no splits.

use super::{Dataset, DatasetError, make_sample};
use emotiond_core::{
    classify::description::InputSpec,
    labels::EMOTIONS,
    picture::{Color, PictureView},
};
use std::{
    io::{ErrorKind, Read},
    path::Path,
};

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

pub(super) fn read(path: &Path, input: Box<dyn Read>, spec: &InputSpec) -> Result<Dataset, DatasetError> {
    let unreadable = |problem: String| DatasetError::unreadable(path, problem);
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(input);
    let header = reader.byte_headers().map_err(|error| unreadable(explain(&error, 0)))?;
    let columns = find_columns(header).map_err(unreadable)?;
    let mut dataset = Dataset { path: path.to_owned(), splits: Vec::new(), samples: Vec::new() };
    let mut record = csv::ByteRecord::new();
    let mut pixels = Vec::with_capacity(SIDE * SIDE);
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable(explain(&error, dataset.samples.len())))?
    {
        let row = dataset.samples.len() + 1;
        let line = record.position().map_or(row as u64 + 1, csv::Position::line);
        let at = |problem: String| unreadable(format!("row {row} (line {line}): {problem}"));
        let emotion = parse_emotion(&record[columns.emotion]).map_err(at)?;
        parse_pixels(&record[columns.pixels], &mut pixels).map_err(at)?;
        let usage = columns
            .usage
            .map_or_else(|| TRAINING.into(), |usage| String::from_utf8_lossy(record[usage].trim_ascii()));
        if usage.is_empty() {
            return Err(at("the column Usage is empty: write the row's split into it".to_owned()));
        }
        let split = dataset.intern_split(&usage);
        let picture = PictureView::new(SIDE as u32, SIDE as u32, Color::Gray, &pixels);
        dataset.samples.push(make_sample(&picture, spec, emotion, split, format!("row {row}")));
    }
    Ok(dataset)
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

fn parse_emotion(field: &[u8]) -> Result<usize, String> {
    let text = String::from_utf8_lossy(field);
    let known = EMOTIONS.len() - 1;
    text.trim()
        .parse()
        .ok()
        .filter(|emotion| *emotion < known)
        .ok_or_else(|| format!("the emotion is {:?}, must be a number from 0 to {}", text.trim(), known - 1))
}

/// Reads 48 x 48 numbers, separated by spaces, into `pixels`.
fn parse_pixels(field: &[u8], pixels: &mut Vec<u8>) -> Result<(), String> {
    pixels.clear();
    for word in field.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let pixel = parse_byte(word).ok_or_else(|| {
            let word: String = String::from_utf8_lossy(word).chars().take(20).collect();
            format!("pixel {} is {word:?}, must be a number from 0 to 255", pixels.len() + 1)
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

/// A message for an error of the CSV reader after `rows` valid rows.
fn explain(error: &csv::Error, rows: usize) -> String {
    match error.kind() {
        csv::ErrorKind::Io(source) if source.kind() == ErrorKind::UnexpectedEof => {
            format!("the gzip file ends after row {rows}: it is incomplete, fetch it again")
        }
        csv::ErrorKind::Io(source) => format!("cannot be read after row {rows}: {source}"),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("row {}: has {len} columns, must have {expected_len} as the first line has", rows + 1)
        }
        _ => format!("row {}: {error}", rows + 1),
    }
}
