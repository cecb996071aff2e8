//! What the daemon and its sender tell each other through pipes, as lines.
//!
//! The daemon writes to the sender's stdin: first an [`Opening`] as JSON, then event lines, each after the counts of its
//! run (`3 1 0 0 {"v":1,...}`), and a [`Status`] as JSON a second. The sender writes [`Request`]s as JSON to its stdout.

use crate::{
    event::{Counts, Event, EventError, Kind},
    settings::Settings,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io::Write};

/// The first line: what to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Opening {
    /// The outputs.
    pub settings: Settings,
    /// A UUID of this start of the daemon.
    pub run: String,
}

/// A line after the first.
#[derive(Debug)]
pub enum Told {
    /// An event.
    Event(Event),
    /// The daemon's status.
    Status(Box<Status>),
}

/// Upper bounds of the buckets of [`Latency`], in seconds; the last bucket has no bound.
pub const LATENCY_BOUNDS_S: [f64; 10] = [0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5];

/// The daemon's status.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Seconds since its start.
    pub uptime_s: f64,
    /// Its processor time in seconds.
    pub cpu_s: f64,
    /// Its resident memory in bytes.
    pub rss_bytes: u64,
    /// Lines that did not reach the sender because it did not read fast enough.
    pub dropped: Counts,
    /// Its sources.
    pub sources: Vec<SourceStatus>,
}

/// The status of a source.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// `opening`, `up`, `stalled`, `down` or `ended`.
    pub state: String,
    /// Cause of the state; empty for `up`.
    pub reason: String,
    /// Whether it is to be read: nobody has paused it.
    pub enabled: bool,
    /// Pictures analysed, ...
    pub analysed: u64,
    /// ... replaced by newer ones before their analysis, ...
    pub skipped: u64,
    /// ... and unreadable.
    pub unreadable: u64,
    /// Width and height of the latest picture in pixels, as the boxes see it.
    pub size: Option<(u32, u32)>,
    /// Faces in the latest picture; none if unknown or private.
    pub faces: Option<u32>,
    /// Shares of the emotions over the audience's window; none likewise.
    pub emotions: Option<BTreeMap<String, f32>>,
    /// The emotion with the largest share.
    pub dominant: Option<String>,
    /// Share of the time in which the faces looked towards the camera.
    pub facing: Option<f32>,
    /// From the capture of the pictures to their lines.
    pub latency: Latency,
}

/// A histogram of latencies.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Latency {
    /// Pictures in each bucket of [`LATENCY_BOUNDS_S`], and slower ones.
    pub buckets: [u64; LATENCY_BOUNDS_S.len() + 1],
    /// Sum of all latencies in seconds.
    pub sum_s: f64,
}

/// What the sender asks the daemon for.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(tag = "request", rename_all = "lowercase")]
pub enum Request {
    /// Close a source until it is resumed.
    Pause {
        /// Its name.
        source: String,
    },
    /// Open it again.
    Resume {
        /// Its name.
        source: String,
    },
    /// Write a marker.
    Marker(Marker),
}

/// A marker that somebody has set.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// What it marks.
    #[serde(default)]
    pub kind: MarkerKind,
    /// Its name.
    #[serde(default)]
    pub label: String,
}

/// What a marker marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkerKind {
    /// The start of a show.
    Start,
    /// Something within it.
    #[default]
    Cue,
    /// Its end.
    End,
}

/// Writes a line for the sender to `text`, in place of what it contains: `json` after the counts, and a line feed.
pub fn write_numbered(counts: &Counts, json: &[u8], text: &mut Vec<u8>) {
    text.clear();
    for count in counts.0 {
        // Writing to memory cannot fail.
        let _ = write!(text, "{count} ");
    }
    text.extend_from_slice(json);
    text.push(b'\n');
}

/// Reads a line that the daemon wrote.
///
/// # Errors
/// When it is none.
pub fn read(line: &str) -> Result<Told, EventError> {
    if line.starts_with('{') {
        return Ok(Told::Status(serde_json::from_str(line)?));
    }
    let (counts, json) = line.split_at(line.find('{').unwrap_or(line.len()));
    let mut numbers = counts.split(' ').map(|number| number.parse().unwrap_or_default());
    let counts = Counts(Kind::ALL.map(|_| numbers.next().unwrap_or_default()));
    Event::parse(json, |_| counts).map(Told::Event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let json = r#"{"v":1,"type":"audience","source":"a b"}"#;
        let counts = Counts([3, 2, 9, 1]);
        let mut text = b"rest of an older line".to_vec();
        write_numbered(&counts, json.as_bytes(), &mut text);
        assert_eq!(text, format!("3 2 9 1 {json}\n").into_bytes());
        let text = String::from_utf8(text).unwrap();
        let Told::Event(event) = read(&text).unwrap() else { panic!("not an event") };
        assert_eq!(
            event,
            Event {
                kind: Kind::Audience,
                source: Some("a b".to_owned()),
                json: json.to_owned(),
                counts,
                was_sent: false
            }
        );
        let status = Status { uptime_s: 2.0, ..Status::default() };
        let Told::Status(again) = read(&serde_json::to_string(&status).unwrap()).unwrap() else { panic!() };
        assert_eq!(again.uptime_s, 2.0);
    }

    #[test]
    fn a_request_is_one_flat_object() {
        let request = Request::Marker(Marker { kind: MarkerKind::Start, label: "Act 1".to_owned() });
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(json, r#"{"request":"marker","kind":"start","label":"Act 1"}"#);
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
    }
}
