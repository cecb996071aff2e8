//! The bins as CSV, one row per bin, for other programs.

use super::{clock::TimeAxis, recording::Recording, source::SourceStats, words};

/// The table of a recording.
pub fn csv(recording: &Recording) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let labels = recording.labels.names();
    let fixed =
        ["source", "time", "offset_s", "width_s", "watched_s", "away_s", "faces_s"].map(str::to_owned);
    let header = fixed.into_iter().chain(labels.iter().map(|label| format!("{label}_s")));
    // Writing to memory cannot fail.
    let _ = writer.write_record(header);
    for source in &recording.sources {
        for row in rows(source, labels.len()) {
            let _ = writer.write_record(row);
        }
    }
    writer.into_inner().unwrap_or_default()
}

fn rows(source: &SourceStats, labels: usize) -> impl Iterator<Item = Vec<String>> {
    let start = if source.axis() == TimeAxis::Wall { source.from.floor() } else { 0.0 };
    source.bins.iter().map(move |(at, moment)| {
        let shown = &moment.shown[..labels];
        let time = match source.axis() {
            TimeAxis::Wall => format!("{:.3}", words::timestamp(at)),
            TimeAxis::Media | TimeAxis::Pictures => String::new(),
        };
        let numbers = [at - start, source.bins.width(), moment.watched, moment.away, shown.iter().sum()];
        let numbers = numbers.iter().chain(shown).map(|number| rounded(*number));
        [source.name.clone(), time].into_iter().chain(numbers).collect()
    })
}

/// A number rounded to microseconds, so that sums of a column stay accurate; without trailing zeros.
fn rounded(number: f64) -> String {
    ((number * 1e6).round() / 1e6).to_string()
}
