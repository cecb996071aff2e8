//! A status without a daemon: made from the event lines.

use crate::{
    event::{Event, Kind},
    wire::{SourceStatus, Status},
};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashSet},
    time::Instant,
};

/// What the events have told so far.
pub struct OwnStatus {
    start: Instant,
    sources: Vec<Seen>,
}

/// A source, and the tracks that are visible.
struct Seen {
    status: SourceStatus,
    tracks: HashSet<u64>,
    has_audience: bool,
}

/// The fields of the lines that the status needs.
#[derive(Deserialize)]
struct Line {
    state: Option<String>,
    reason: Option<String>,
    phase: Option<String>,
    track: Option<u64>,
    faces: Option<Faces>,
    emotions: Option<BTreeMap<String, f32>>,
    dominant: Option<String>,
    facing: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Faces {
    now: Option<u32>,
}

impl OwnStatus {
    /// Before the first event.
    pub fn new() -> Self {
        Self { start: Instant::now(), sources: Vec::new() }
    }

    /// Learns from an event. Returns whether its source is new.
    pub fn learn(&mut self, event: &Event) -> bool {
        let (Some(source), Ok(line)) = (&event.source, serde_json::from_str::<Line>(&event.json)) else {
            return false;
        };
        let known = self.sources.iter().position(|seen| seen.status.name == *source);
        let place = known.unwrap_or_else(|| {
            let status = SourceStatus {
                name: source.clone(),
                state: "up".to_owned(),
                enabled: true,
                ..SourceStatus::default()
            };
            self.sources.push(Seen { status, tracks: HashSet::new(), has_audience: false });
            self.sources.len() - 1
        });
        self.sources[place].learn(event.kind, line);
        known.is_none()
    }

    /// The status now.
    pub fn status(&self) -> Status {
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: self.start.elapsed().as_secs_f64(),
            sources: self.sources.iter().map(|seen| seen.status.clone()).collect(),
            ..Status::default()
        }
    }
}

impl Seen {
    fn learn(&mut self, kind: Kind, line: Line) {
        match kind {
            Kind::Source => {
                self.status.state = line.state.unwrap_or_default();
                self.status.reason = line.reason.unwrap_or_default();
            }
            Kind::Audience => {
                self.has_audience = true;
                self.status.faces = line.faces.and_then(|faces| faces.now);
                self.status.emotions = line.emotions;
                self.status.dominant = line.dominant;
                self.status.facing =
                    line.facing.and_then(|facing| facing.as_f64()).map(|facing| facing as f32);
            }
            Kind::Face => {
                match (line.phase.as_deref(), line.track) {
                    (Some("end"), Some(track)) => _ = self.tracks.remove(&track),
                    (_, Some(track)) => _ = self.tracks.insert(track),
                    _ => {}
                }
                if !self.has_audience {
                    self.status.faces = u32::try_from(self.tracks.len()).ok();
                }
            }
            Kind::Marker => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Counts;

    #[test]
    fn the_status_follows_the_lines() {
        let mut status = OwnStatus::new();
        let mut faces = |line: &str| {
            status.learn(&Event::parse(line, |_| Counts::default()).unwrap());
            let source = &status.status().sources[0];
            (source.state.clone(), source.faces, source.dominant.clone())
        };
        let face = |phase: &str| {
            format!(r#"{{"v":1,"type":"face","source":"a","phase":"{phase}","track":3,"facing":true}}"#)
        };
        assert_eq!(faces(&face("new")), ("up".into(), Some(1), None));
        assert_eq!(faces(&face("end")), ("up".into(), Some(0), None));
        let audience = r#"{"type":"audience","source":"a","faces":{"now":5},"emotions":{"sad":1.0},"dominant":"sad","facing":0.5}"#;
        assert_eq!(faces(audience), ("up".into(), Some(5), Some("sad".into())));
        assert_eq!(faces(r#"{"type":"source","source":"a","state":"down","reason":"x"}"#).0, "down");
    }
}
