//! What the daemon and its sender tell each other through pipes, as lines.
//!
//! The daemon writes to the sender's stdin: first an [`Opening`] as JSON, then event lines, each after the counts of its
//! run (`3 1 0 0 {"v":1,...}`), and a [`Status`] as JSON a second. The sender writes [`Request`]s as JSON to its stdout.
//! With `--stream`, annotated JPEG pictures come through a pipe of their own, each after a line of JSON.

use crate::{
    event::{Counts, Event, EventError, Kind},
    settings::Settings,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read, Write},
};

/// The file descriptor through which the sender gets pictures, if there are any.
pub const PICTURES_FD: i32 = 3;
/// The longest picture in bytes, and the longest line before one.
const LONGEST_PICTURE: usize = 8 << 20;
const LONGEST_LINE: u64 = 64 << 10;

/// The first line: what to do.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Opening {
    /// The outputs.
    pub settings: Settings,
    /// A UUID of this start of the daemon.
    pub run: String,
    /// Whether pictures come through [`PICTURES_FD`].
    #[serde(default)]
    pub pictures: bool,
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
    /// The emotions, in the order of the model; none if they are not known yet.
    #[serde(default)]
    pub labels: Vec<String>,
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
    /// Whether its annotated frames can be recorded; none if they are not to be.
    #[serde(default)]
    pub recording: Option<bool>,
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
    /// Send the pictures of these sources, and of no others.
    Watch {
        /// Their names.
        sources: Vec<String>,
    },
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

/// The line before a picture.
#[derive(Deserialize, Serialize)]
struct PictureHead<'a> {
    source: std::borrow::Cow<'a, str>,
    bytes: usize,
}

/// Writes a JPEG picture of a source.
///
/// # Errors
/// When the pipe is broken.
pub fn write_picture(out: &mut impl Write, source: &str, jpeg: &[u8]) -> io::Result<()> {
    let mut text = serde_json::to_vec(&PictureHead { source: source.into(), bytes: jpeg.len() })?;
    text.push(b'\n');
    text.extend_from_slice(jpeg);
    out.write_all(&text)
}

/// Reads the next picture, and the name of its source; `None` at the end.
///
/// # Errors
/// When it is none.
pub fn read_picture(input: &mut impl BufRead) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut line = Vec::new();
    if input.take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let PictureHead { source, bytes } = serde_json::from_slice(&line)?;
    if bytes > LONGEST_PICTURE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut jpeg = vec![0; bytes];
    input.read_exact(&mut jpeg)?;
    Ok(Some((source.into_owned(), jpeg)))
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
    fn pictures_are_read_as_they_were_written() {
        let mut pipe = Vec::new();
        write_picture(&mut pipe, "a \"b\"", &[1, 10, 3]).unwrap();
        write_picture(&mut pipe, "c", &[]).unwrap();
        let mut pipe = &pipe[..];
        assert_eq!(read_picture(&mut pipe).unwrap(), Some(("a \"b\"".to_owned(), vec![1, 10, 3])));
        assert_eq!(read_picture(&mut pipe).unwrap(), Some(("c".to_owned(), Vec::new())));
        assert_eq!(read_picture(&mut pipe).unwrap(), None);
        assert!(read_picture(&mut &b"{\"source\":\"a\",\"bytes\":99999999999}\n"[..]).is_err());
        assert!(read_picture(&mut &b"{\"source\":\"a\",\"bytes\":9}\nshort"[..]).is_err());
    }

    #[test]
    fn a_request_is_one_flat_object() {
        let request = Request::Marker(Marker { kind: MarkerKind::Start, label: "Act 1".to_owned() });
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(json, r#"{"request":"marker","kind":"start","label":"Act 1"}"#);
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
    }
}
