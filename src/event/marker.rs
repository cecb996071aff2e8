//! The event of a marker.

use super::{Time, VERSION};
use emotiond_send::wire::{Marker, MarkerKind};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Maximum length of a label in characters.
const LABEL_CHARS: usize = 200;

/// A moment that somebody has marked, such as the start of a show. It belongs to no source.
#[derive(Serialize, JsonSchema)]
pub struct MarkerEvent {
    #[schemars(extend("const" = 1))]
    v: u8,
    #[schemars(extend("const" = "marker"))]
    r#type: &'static str,
    /// When it was set.
    pub time: Time,
    /// What it marks.
    #[schemars(with = "String", extend("enum" = ["start", "cue", "end"]))]
    pub kind: MarkerKind,
    /// Its name; may be empty.
    #[schemars(length(max = 200))]
    pub label: String,
}

impl MarkerEvent {
    /// The event for a marker that was set at `time`.
    pub fn new(time: Timestamp, marker: &Marker) -> Self {
        let label = clean(&marker.label);
        Self { v: VERSION, r#type: "marker", time: Time(time), kind: marker.kind, label }
    }
}

/// `label` in one line, without what changes the direction of text, and not too long.
fn clean(label: &str) -> String {
    let is_fine = |letter: &char| {
        !letter.is_control() && !matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let label: String = label.chars().filter(is_fine).take(LABEL_CHARS).collect();
    label.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_written_without_a_source_and_with_a_clean_label() {
        let written = |label: &str| {
            let marker = Marker { kind: MarkerKind::Cue, label: label.to_owned() };
            serde_json::to_string(&MarkerEvent::new(Timestamp::UNIX_EPOCH, &marker)).unwrap()
        };
        assert_eq!(
            written("Act \"2\"\r\n\u{202e}"),
            r#"{"v":1,"type":"marker","time":"1970-01-01T00:00:00.000Z","kind":"cue","label":"Act \"2\""}"#
        );
        let long = written(&"é".repeat(1000));
        assert_eq!(long.matches('é').count(), LABEL_CHARS);
    }
}
