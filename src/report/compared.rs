//! The differences of two recordings, in figures and in words.

use super::{compare::Comparison, source::SourceStats, words};
use emotiond_core::classify::argmax;

/// Differences of shares below this, in parts of 1, are not told in words: they are noise.
const LEAST_SHARE: f64 = 0.03;
/// How many emotions are told in words.
const TOLD: usize = 3;

/// A row of the table: what it is, the value of each recording, and the difference of the second to the first.
pub struct Row {
    /// What it is.
    pub what: String,
    /// The values.
    pub values: [String; 2],
    /// The difference; empty if there is none to tell.
    pub difference: String,
}

/// The figures of both recordings.
pub fn rows(comparison: &Comparison) -> Vec<Row> {
    let both = comparison.sides.each_ref().map(|side| &side.stats);
    let row = |what: &str, values: [String; 2], difference: String| Row {
        what: what.to_owned(),
        values,
        difference,
    };
    let seen = both.map(|side| side.tracks.seen);
    let mut rows = vec![
        row("watched", both.map(|side| words::duration(watched_s(side))), String::new()),
        row("faces seen", seen.map(words::grouped), signed(seen[1] as f64 - seen[0] as f64, 0)),
        row(
            "faces in view on average",
            both.map(|side| format!("{:.1}", mean_faces(side))),
            signed(mean_faces(both[1]) - mean_faces(both[0]), 1),
        ),
        row(
            "shown most",
            both.map(|side| dominant(side, comparison).unwrap_or("\u{2013}").to_owned()),
            String::new(),
        ),
    ];
    for (place, label) in comparison.labels.names().iter().enumerate() {
        let shares = both.map(|side| share(side, place));
        rows.push(row(&words::tame(label, 40), shares.map(percent), points(shares)));
    }
    if both.iter().any(|side| side.posed > 0.0) {
        let looked = both.map(|side| side.facing / side.posed.max(f64::MIN_POSITIVE));
        rows.push(row("looked towards the camera", looked.map(percent), points(looked)));
    }
    if both.iter().all(|side| side.stays.count() > 0) {
        rows.push(row(
            "typical stay",
            both.map(|side| words::duration(side.stays.median_s())),
            String::new(),
        ));
    }
    rows
}

/// The main differences as sentences.
pub fn sentences(comparison: &Comparison) -> Vec<String> {
    let both = comparison.sides.each_ref().map(|side| &side.stats);
    let names = both.map(|side| side.name.as_str());
    let mut told = Vec::new();
    let [a, b] = both.map(|side| dominant(side, comparison));
    match (a, b) {
        (Some(a), Some(b)) if a == b => told.push(format!("Both showed {a} most.")),
        (Some(a), Some(b)) => told.push(format!("{} showed {a} most, {} {b}.", names[0], names[1])),
        _ => {}
    }
    if let (Some(_), Some(_)) = (a, b) {
        let mut differences: Vec<(usize, [f64; 2])> = (0..comparison.labels.names().len())
            .map(|place| (place, both.map(|side| share(side, place))))
            .filter(|(_, [a, b])| (a - b).abs() >= LEAST_SHARE)
            .collect();
        differences.sort_by(|(_, [a, b]), (_, [c, d])| (c - d).abs().total_cmp(&(a - b).abs()));
        for (place, shares) in differences.into_iter().take(TOLD) {
            let label = words::tame(&comparison.labels.names()[place], 40);
            let more = if shares[1] > shares[0] { "more" } else { "less" };
            told.push(format!(
                "{} showed {label} {more} than {}: {} against {}.",
                names[1],
                names[0],
                percent(shares[1]),
                percent(shares[0])
            ));
        }
    }
    let [a, b] = both.map(mean_faces);
    told.push(format!("On average, {a:.1} faces were in view in {}, and {b:.1} in {}.", names[0], names[1]));
    told
}

fn watched_s(side: &SourceStats) -> f64 {
    side.bins.iter().map(|(_, bin)| bin.watched).sum()
}

fn mean_faces(side: &SourceStats) -> f64 {
    let watched_s = watched_s(side);
    if watched_s > 0.0 { side.shown.iter().sum::<f64>() / watched_s } else { 0.0 }
}

fn share(side: &SourceStats, place: usize) -> f64 {
    let total: f64 = side.shown.iter().sum();
    if total > 0.0 { side.shown[place] / total } else { 0.0 }
}

fn dominant<'a>(side: &SourceStats, comparison: &'a Comparison) -> Option<&'a str> {
    let place = argmax(&side.shown);
    (side.shown[place] > 0.0).then(|| comparison.labels.names()[place].as_str())
}

fn percent(share: f64) -> String {
    words::share(share, 1.0)
}

/// The difference of two shares in percentage points.
fn points([a, b]: [f64; 2]) -> String {
    let text = signed((b - a) * 100.0, 0);
    if text.is_empty() { text } else { text + " points" }
}

/// A number with its sign; empty for zero.
fn signed(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    if text.parse() == Ok(0.0) {
        return String::new();
    }
    format!("{}{text}", if number < 0.0 { "\u{2212}" } else { "+" })
}
