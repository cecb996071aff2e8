//! Puts two recordings on one axis: seconds from a marker that both have, or from their first events. The sources of a
//! recording are added up.

use super::{
    ReportError,
    bins::Bins,
    clock::{TimeAxis, seconds},
    labels::Labels,
    markers::Mark,
    recording::Recording,
    source::{BINS, SourceStats, TimeBin},
    words,
};

/// Maximum length of a recording's name in characters.
const NAME_CHARS: usize = 80;

/// Two recordings side by side.
pub struct Comparison {
    /// The recordings.
    pub sides: [Side; 2],
    /// The emotions of both.
    pub labels: Labels,
    /// What is at 0 of the axis.
    pub origin: String,
}

/// A recording on the common axis.
pub struct Side {
    /// All of its sources together.
    pub stats: SourceStats,
    /// Its markers.
    pub marks: Vec<Mark>,
    /// Complaints about its lines.
    pub complaints: Vec<String>,
}

impl Comparison {
    /// Compares two recordings with their names, aligned at the first marker of the kind or with the label `align`. The
    /// second one must have been read with the labels of the first.
    ///
    /// # Errors
    /// When one of them has no such marker.
    pub fn new(recordings: [(String, Recording); 2], align: Option<&str>) -> Result<Self, ReportError> {
        let labels = recordings[1].1.labels.clone();
        let [first, second] = recordings.map(|(name, recording)| Side::new(&name, &recording, align));
        let origin = align.map_or_else(
            || "the first event of each".to_owned(),
            |wanted| format!("the marker \u{201c}{}\u{201d}", words::tame(wanted, NAME_CHARS)),
        );
        Ok(Self { sides: [first?, second?], labels, origin })
    }

    /// Start and end of the common axis.
    pub fn range(&self) -> (f64, f64) {
        let [a, b] = &self.sides;
        (a.stats.from.min(b.stats.from), a.stats.to.max(b.stats.to))
    }
}

impl Side {
    fn new(name: &str, recording: &Recording, align: Option<&str>) -> Result<Self, ReportError> {
        let marker = align.map(|wanted| {
            let no_marker = || ReportError::NoMarker {
                recording: name.to_owned(),
                wanted: wanted.to_owned(),
                markers: list_markers(recording),
            };
            recording.markers.find(wanted).ok_or_else(no_marker)
        });
        let marker = marker.transpose()?;
        let first_s = recording.time.map_or(0.0, |(first, _)| seconds(first));
        // A video or folder that has no position for the marker begins at it.
        let origin = |source: &SourceStats| match (marker, source.axis()) {
            (Some(marker), _) => recording.place_of(marker, source).unwrap_or(0.0),
            (None, TimeAxis::Wall) => first_s,
            (None, _) => 0.0,
        };
        let parts: Vec<_> = recording.sources.iter().map(|source| (source, origin(source))).collect();
        let zero_s = marker.map_or(first_s, |marker| recording.markers.all()[marker].at);
        let marks = recording.markers.all().iter();
        let marks = marks.map(|marker| Mark { at: marker.at - zero_s, name: marker.name() });
        Ok(Self {
            stats: add_up(&words::tame(name, NAME_CHARS), &parts),
            marks: marks.collect(),
            complaints: recording.tally.complaints(),
        })
    }
}

fn list_markers(recording: &Recording) -> String {
    let names: Vec<String> =
        recording.markers.all().iter().take(10).map(|marker| format!("{:?}", marker.name())).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// All sources as one, each moved so that its position in `parts` is at 0. Where several are watched at once, their
/// faces are added up.
fn add_up(name: &str, parts: &[(&SourceStats, f64)]) -> SourceStats {
    let mut sum = SourceStats::aligned(name);
    let (from, to) = parts.iter().fold((f64::MAX, f64::MIN), |(from, to), (source, origin)| {
        (from.min(source.from - origin), to.max(source.to - origin))
    });
    if from > to {
        return sum;
    }
    (sum.from, sum.to) = (from, to);
    for (source, _) in parts {
        sum.tracks.seen += source.tracks.seen;
        sum.shown.iter_mut().zip(source.shown).for_each(|(sum, more)| *sum += more);
        (sum.posed, sum.facing) = (sum.posed + source.posed, sum.facing + source.facing);
        sum.stays.add_all(&source.stays);
        sum.has_untold_faces |= source.has_untold_faces;
    }
    let mut width = parts.iter().map(|(source, _)| source.bins.width()).fold(0.0, f64::max);
    while (to - from) / width > BINS as f64 - 2.0 {
        width *= 2.0;
    }
    let start = from.floor();
    let mut cells = vec![TimeBin::default(); ((to - start) / width).ceil() as usize + 1];
    for (source, origin) in parts {
        add_bins(&mut cells, (start, width), source, *origin);
    }
    let mut bins = Bins::of_width(width, 2 * BINS);
    for (index, cell) in cells.iter().enumerate() {
        let at = start + index as f64 * width;
        bins.add(at, at + width, |bin: &mut TimeBin, seconds| bin.add_part(cell, seconds / width));
    }
    sum.bins = bins;
    sum
}

/// Adds the bins of a source to cells of `width`, the first of which begins at `start`.
fn add_bins(cells: &mut [TimeBin], (start, width): (f64, f64), source: &SourceStats, origin: f64) {
    let mut own = vec![TimeBin::default(); cells.len()];
    for (at, bin) in source.bins.iter() {
        let (left, right) = (at - origin - start, at - origin - start + source.bins.width());
        let first = (left / width).floor().max(0.0) as usize;
        for (index, cell) in own.iter_mut().enumerate().skip(first) {
            let (from, to) = (index as f64 * width, (index + 1) as f64 * width);
            if from >= right {
                break;
            }
            let part = (to.min(right) - from.max(left)).max(0.0) / source.bins.width();
            cell.add_part(bin, part);
        }
    }
    for (cell, own) in cells.iter_mut().zip(own) {
        let (watched, away) = (cell.watched.max(own.watched), cell.away.max(own.away));
        cell.add_part(&own, 1.0);
        cell.watched = watched;
        cell.away = away.min(width - watched).max(0.0);
    }
}
