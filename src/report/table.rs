//! The bins as CSV, one row per bin, for other programs.

use super::{
    clock::TimeAxis, compare::Comparison, markers::kind_name, recording::Recording, source::SourceStats,
    words,
};

/// The last columns if there are markers; each has a row of its own.
const MARKER_COLUMNS: [&str; 2] = ["marker", "label"];

/// The table of a recording.
pub fn csv(recording: &Recording) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let labels = recording.labels.names();
    let fixed =
        ["source", "time", "offset_s", "width_s", "watched_s", "away_s", "faces_s"].map(str::to_owned);
    let markers = recording.markers.all();
    let more = if markers.is_empty() { &[][..] } else { &MARKER_COLUMNS };
    let columns = labels.iter().map(|label| cell(&format!("{label}_s")));
    let header: Vec<String> =
        fixed.into_iter().chain(columns).chain(more.iter().map(|&name| name.to_owned())).collect();
    let empty = |count: usize| std::iter::repeat_n(String::new(), count);
    // Writing to memory cannot fail.
    let _ = writer.write_record(&header);
    for source in &recording.sources {
        for row in rows(source, labels.len()) {
            let _ = writer.write_record(row.into_iter().chain(empty(more.len())));
        }
    }
    for marker in markers {
        let time = format!("{:.3}", words::timestamp(marker.at));
        let row = [String::new(), time].into_iter().chain(empty(header.len() - 4));
        let _ = writer.write_record(row.chain([kind_name(marker.kind).to_owned(), cell(&marker.label)]));
    }
    writer.into_inner().unwrap_or_default()
}

/// The table of two recordings on their common axis.
pub fn comparison(comparison: &Comparison) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let labels = comparison.labels.names();
    let fixed = ["recording", "offset_s", "width_s", "watched_s", "away_s", "faces_s"].map(str::to_owned);
    let columns = labels.iter().map(|label| cell(&format!("{label}_s")));
    // Writing to memory cannot fail.
    let _ = writer.write_record(fixed.into_iter().chain(columns).chain(["marker".to_owned()]));
    for side in &comparison.sides {
        let name = cell(&side.stats.name);
        for (at, bin) in side.stats.bins.iter() {
            let shown = &bin.shown[..labels.len()];
            let numbers = [at, side.stats.bins.width(), bin.watched, bin.away, shown.iter().sum()];
            let numbers = numbers.iter().chain(shown).map(|number| rounded(*number));
            let _ = writer.write_record([name.clone()].into_iter().chain(numbers).chain([String::new()]));
        }
        for mark in &side.marks {
            let empty = std::iter::repeat_n(String::new(), labels.len() + 4);
            let row = [name.clone(), rounded(mark.at)].into_iter().chain(empty);
            let _ = writer.write_record(row.chain([cell(&mark.name)]));
        }
    }
    writer.into_inner().unwrap_or_default()
}

/// A text for a cell: spreadsheets would run one that begins like a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn rows(source: &SourceStats, labels: usize) -> impl Iterator<Item = Vec<String>> {
    let start = if source.axis() == TimeAxis::Wall { source.from.floor() } else { 0.0 };
    source.bins.iter().map(move |(at, moment)| {
        let shown = &moment.shown[..labels];
        let time = match source.axis() {
            TimeAxis::Wall => format!("{:.3}", words::timestamp(at)),
            TimeAxis::Media | TimeAxis::Pictures | TimeAxis::Aligned => String::new(),
        };
        let numbers = [at - start, source.bins.width(), moment.watched, moment.away, shown.iter().sum()];
        let numbers = numbers.iter().chain(shown).map(|number| rounded(*number));
        [cell(&source.name), time].into_iter().chain(numbers).collect()
    })
}

/// A number rounded to microseconds, so that sums of a column stay accurate; without trailing zeros.
fn rounded(number: f64) -> String {
    ((number * 1e6).round() / 1e6).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        assert_eq!(cell("front door = 1"), "front door = 1");
    }
}
