//! An event line on its way to the outputs: its kind, its source and its number.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use thiserror::Error;

/// What an event line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A change of a source's state.
    Source,
    /// Statistics of the faces of a source.
    Audience,
    /// A face.
    Face,
    /// A marker that somebody has set.
    Marker,
}

impl Kind {
    /// All kinds, in the order of [`Counts`].
    pub const ALL: [Self; 4] = [Self::Source, Self::Audience, Self::Face, Self::Marker];

    /// Its name in settings and lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Audience => "audience",
            Self::Face => "face",
            Self::Marker => "marker",
        }
    }
}

/// How many lines of each kind a run has told so far.
///
/// An output that sends only some kinds numbers its lines with the sum of their counts: the numbers have no gap unless a
/// line is lost, and a restarted sender goes on with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Counts(pub [u64; Kind::ALL.len()]);

impl Counts {
    /// Counts one more line.
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// The number of lines of `kinds`.
    pub fn sum(&self, kinds: &[Kind]) -> u64 {
        kinds.iter().map(|&kind| self.0[kind as usize]).sum()
    }
}

/// An event line.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it tells.
    pub kind: Kind,
    /// The source's name; markers have none.
    pub source: Option<String>,
    /// The line as the daemon wrote it, without its end.
    pub json: String,
    /// The counts of the run, this line included.
    pub counts: Counts,
    /// Whether the line already has `device`, `run` and `seq`, because it was sent before. It keeps them.
    pub was_sent: bool,
}

/// Why a line is not an event.
#[derive(Debug, Error)]
pub enum EventError {
    /// It is not what the daemon writes.
    #[error("this is no event line: {0}")]
    Json(#[from] serde_json::Error),
    /// It is not an object.
    #[error("this is no event line: it does not end with }}")]
    Object,
    /// It tells of no source.
    #[error("this is no event line: it names no source")]
    Source,
}

/// The fields by which lines are told apart.
#[derive(Deserialize)]
struct Head {
    r#type: Kind,
    source: Option<String>,
    device: Option<IgnoredAny>,
    run: Option<IgnoredAny>,
    seq: Option<IgnoredAny>,
}

impl Event {
    /// Reads a line. `counts` are those of the run, this line included.
    ///
    /// # Errors
    /// When the line is no event.
    pub fn parse(line: &str, counts: impl FnOnce(Kind) -> Counts) -> Result<Self, EventError> {
        let line = line.trim_end();
        let Head { r#type: kind, source, device, run, seq } = serde_json::from_str(line)?;
        if !line.ends_with('}') {
            return Err(EventError::Object);
        }
        if source.is_none() && kind != Kind::Marker {
            return Err(EventError::Source);
        }
        let was_sent = device.is_some() && run.is_some() && seq.is_some();
        Ok(Self { kind, source, json: line.to_owned(), counts: counts(kind), was_sent })
    }

    /// The number of this line among the lines of `kinds`, from 0.
    pub fn seq(&self, kinds: &[Kind]) -> u64 {
        self.counts.sum(kinds).saturating_sub(1)
    }

    /// The line with `device`, `run` and `seq` at its end; one that already has them stays as it is.
    pub fn stamped(&self, device: &str, run: &str, kinds: &[Kind]) -> String {
        if self.was_sent {
            return self.json.clone();
        }
        let fields = &self.json[..self.json.len() - 1];
        format!(r#"{fields},"device":"{device}","run":"{run}","seq":{}}}"#, self.seq(kinds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"v":1,"type":"source","source":"a","time":"1970-01-01T00:00:00.000Z","state":"up","reason":""}"#;

    #[test]
    fn a_line_is_stamped_at_its_end() {
        let event = Event::parse(LINE, |_| Counts([3, 2, 9, 1])).unwrap();
        let stamped = event.stamped("box1", "r", &[Kind::Source, Kind::Audience]);
        assert!(stamped.ends_with(r#""reason":"","device":"box1","run":"r","seq":4}"#), "{stamped}");
        assert!(serde_json::from_str::<serde_json::Value>(&stamped).is_ok());
        let again = Event::parse(&stamped, |_| Counts::default()).unwrap();
        assert_eq!(again.stamped("box2", "q", &Kind::ALL), stamped);
    }

    #[test]
    fn other_lines_are_no_events() {
        for line in ["", "[]", "{}", r#"{"type":"status"}"#, r#"{"type":"face"}"#, "panic"] {
            assert!(Event::parse(line, |_| Counts::default()).is_err(), "{line}");
        }
    }
}
