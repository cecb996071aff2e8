//! The markers of a recording.

use super::{clock::seconds, read::MarkerLine, words};
use emotiond_send::wire::MarkerKind;

/// Maximum number of markers in a report.
pub const MAX_MARKERS: usize = 1000;
/// Maximum length of a name in characters.
const NAME_CHARS: usize = 200;

/// A marker.
#[derive(Clone, Debug)]
pub struct Marker {
    /// Seconds since 1970.
    pub at: f64,
    /// What it marks.
    pub kind: MarkerKind,
    /// Its label; may be empty.
    pub label: String,
}

/// A marker's place on the axis of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Position on the axis.
    pub at: f64,
    /// What is shown.
    pub name: String,
}

/// The first markers.
#[derive(Default)]
pub struct Markers(Vec<Marker>);

impl Marker {
    /// The marker of a line.
    pub fn new(line: &MarkerLine) -> Self {
        Self { at: seconds(line.time.0), kind: line.kind, label: words::tame(&line.label, NAME_CHARS) }
    }

    /// The label, or what it marks.
    pub fn name(&self) -> String {
        if self.label.is_empty() { kind_name(self.kind).to_owned() } else { self.label.clone() }
    }
}

/// A kind as in the events.
pub fn kind_name(kind: MarkerKind) -> &'static str {
    match kind {
        MarkerKind::Start => "start",
        MarkerKind::Cue => "cue",
        MarkerKind::End => "end",
    }
}

impl Markers {
    /// Adds a marker; returns its index, or `None` if there are too many.
    pub fn add(&mut self, marker: Marker) -> Option<usize> {
        if self.0.len() == MAX_MARKERS {
            return None;
        }
        self.0.push(marker);
        Some(self.0.len() - 1)
    }

    /// The markers.
    pub fn all(&self) -> &[Marker] {
        &self.0
    }

    /// The first marker of the kind that `wanted` names, otherwise the first with that label.
    pub fn find(&self, wanted: &str) -> Option<usize> {
        let by_kind = self.0.iter().position(|marker| kind_name(marker.kind) == wanted);
        by_kind.or_else(|| self.0.iter().position(|marker| marker.label == wanted))
    }
}
