//! Parses lines to typed events.

use crate::{
    event::{Phase, Time, VERSION},
    message::SourceState,
};
pub use emotiond_core::lines::Lines;
use emotiond_send::wire::MarkerKind;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// An event, with the fields that a report needs.
#[derive(Debug)]
pub enum Line<'a> {
    /// A face event.
    Face(FaceLine<'a>),
    /// A source event.
    Source(SourceLine<'a>),
    /// An audience event. Its figures are ignored, because the report computes them from the faces.
    Audience(AudienceLine<'a>),
    /// A marker, which belongs to no source.
    Marker(MarkerLine<'a>),
    /// An event type added by a later version of the program.
    Unknown,
}

/// A face event.
#[derive(Debug, Deserialize)]
pub struct FaceLine<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub device: Option<Cow<'a, str>>,
    pub time: Time,
    pub phase: Phase,
    pub frame: u64,
    pub pts_ms: Option<u64>,
    pub file: Option<IgnoredAny>,
    pub track: u64,
    #[serde(borrow)]
    pub emotion: Cow<'a, str>,
    /// The labels in the model's order.
    #[serde(borrow, rename = "probabilities")]
    pub labels: Keys<'a>,
    pub duration_s: Option<f64>,
    pub facing: Option<bool>,
    pub facing_s: Option<f64>,
}

/// A source event.
#[derive(Debug, Deserialize)]
pub struct SourceLine<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub device: Option<Cow<'a, str>>,
    pub time: Time,
    pub state: SourceState,
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
}

/// An audience event, which shows that the source was watched.
#[derive(Debug, Deserialize)]
pub struct AudienceLine<'a> {
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(borrow)]
    pub device: Option<Cow<'a, str>>,
    pub time: Time,
    /// Absent if they may not be told.
    pub faces: Option<AudienceCount>,
}

/// The number of faces in an audience event.
#[derive(Debug, Deserialize)]
pub struct AudienceCount {
    #[serde(default)]
    pub max: u32,
}

/// A marker.
#[derive(Debug, Deserialize)]
pub struct MarkerLine<'a> {
    pub time: Time,
    pub kind: MarkerKind,
    #[serde(borrow, default)]
    pub label: Cow<'a, str>,
}

/// The fields that determine how to parse the others.
#[derive(Deserialize)]
struct Envelope<'a> {
    v: u64,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

/// The keys of an object, in order.
#[derive(Debug)]
pub struct Keys<'a>(pub Vec<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Keys<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor;
        impl<'de> Visitor<'de> for KeysVisitor {
            type Value = Keys<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of probabilities")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::with_capacity(8);
                while let Some((Key(key), IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(KeysVisitor)
    }
}

/// A key, borrowed unless it contains an escape sequence.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Parses one line.
///
/// # Errors
/// Returns the reason as text.
pub fn parse(line: &[u8]) -> Result<Line<'_>, String> {
    // serde would also accept an array.
    if !line.starts_with(b"{") {
        return Err("it is not a JSON object".to_owned());
    }
    let Envelope { v, r#type } = from_json(line)?;
    if v != u64::from(VERSION) {
        return Err(format!("version {v} of the events is not supported, only version {VERSION}"));
    }
    Ok(match &*r#type {
        "face" => Line::Face(from_json(line)?),
        "source" => Line::Source(from_json(line)?),
        "audience" => Line::Audience(from_json(line)?),
        "marker" => Line::Marker(from_json(line)?),
        _ => Line::Unknown,
    })
}

fn from_json<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    // Remove "line 1": the caller adds the line number within the file.
    serde_json::from_slice(line).map_err(|error| error.to_string().replace(" at line 1 column", " at column"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: &str = r#"{"v":1,"type":"face","phase":"new","source":"a \"b\"","time":"2026-11-21T20:51:08.123Z","frame":1,"track":7,"emotion":"happy","probabilities":{"zany":0.1,"happy":0.9},"mood":[1,{"x":2}]}"#;

    #[test]
    fn fields_that_are_not_known_are_tolerated_and_labels_keep_their_order() {
        let Ok(Line::Face(face)) = parse(FACE.as_bytes()) else { panic!("no face") };
        assert_eq!((&*face.source, face.track, face.pts_ms, face.duration_s), ("a \"b\"", 7, None, None));
        assert_eq!(face.labels.0, ["zany", "happy"]);
        assert!(matches!(parse(br#"{"type":"mood","v":1}"#), Ok(Line::Unknown)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let reason = |line: &str| parse(line.as_bytes()).unwrap_err();
        assert!(reason(&FACE.replace("\"v\":1", "\"v\":2")).contains("version 2"));
        assert!(reason(&FACE.replace("\"track\":7,", "")).contains("missing field `track`"));
        assert!(reason(&FACE.replace("2026-11-21T", "")).contains("as year"));
        assert!(reason(&FACE[..60]).contains("EOF while parsing"));
        assert!(reason("[1,\"face\"]").contains("not a JSON object"));
    }
}
