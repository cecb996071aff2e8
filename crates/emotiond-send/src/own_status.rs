//! A status without a daemon: made from the event lines.

use crate::{
    event::{Event, Kind},
    lines::Face,
    visible::Visible,
    wire::{SourceStatus, Status},
};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Instant};

/// What the events have told so far.
pub struct OwnStatus {
    start: Instant,
    sources: Vec<Seen>,
}

/// A source, and the faces in view.
struct Seen {
    status: SourceStatus,
    visible: Visible,
    has_audience: bool,
}

/// The fields of the other lines that the status needs.
#[derive(Default, Deserialize)]
struct Line {
    state: Option<String>,
    reason: Option<String>,
    faces: Option<Faces>,
    emotions: Option<BTreeMap<String, f32>>,
    dominant: Option<String>,
    facing: Option<f32>,
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
        let Some(source) = &event.source else { return false };
        let known = self.sources.iter().position(|seen| seen.status.name == *source);
        let place = known.unwrap_or_else(|| {
            let status = SourceStatus {
                name: source.clone(),
                state: "up".to_owned(),
                enabled: true,
                ..SourceStatus::default()
            };
            self.sources.push(Seen { status, visible: Visible::default(), has_audience: false });
            self.sources.len() - 1
        });
        self.sources[place].learn(event);
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
    fn learn(&mut self, event: &Event) {
        if event.kind == Kind::Face {
            return self.learn_face(&event.json);
        }
        let line: Line = serde_json::from_str(&event.json).unwrap_or_default();
        match event.kind {
            Kind::Source => {
                self.status.state = line.state.unwrap_or_default();
                self.status.reason = line.reason.unwrap_or_default();
            }
            Kind::Audience => {
                self.has_audience = true;
                self.status.faces = line.faces.and_then(|faces| faces.now);
                self.status.emotions = line.emotions;
                self.status.dominant = line.dominant;
                self.status.facing = line.facing;
            }
            Kind::Face | Kind::Marker => {}
        }
    }

    fn learn_face(&mut self, line: &str) {
        let Ok(face) = serde_json::from_str::<Face>(line) else { return };
        self.status.size = face.picture.map(|size| (size.w, size.h)).or(self.status.size);
        self.visible.see(face);
        if !self.has_audience {
            self.status.faces = u32::try_from(self.visible.faces().len()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Counts, visible::tests::face};

    #[test]
    fn the_status_follows_the_lines() {
        let mut status = OwnStatus::new();
        let mut faces = |line: &str| {
            status.learn(&Event::parse(line, |_| Counts::default()).unwrap());
            let source = &status.status().sources[0];
            (source.state.clone(), source.faces, source.dominant.clone())
        };
        let face = |phase: &str| face(1, phase, 3, 0.5, r#","facing":true"#);
        assert_eq!(faces(&face("new")), ("up".into(), Some(1), None));
        assert_eq!(faces(&face("end")), ("up".into(), Some(0), None));
        let audience = r#"{"type":"audience","source":"door","faces":{"now":5},"emotions":{"sad":1.0},"dominant":"sad","facing":0.5}"#;
        assert_eq!(faces(audience), ("up".into(), Some(5), Some("sad".into())));
        assert_eq!(faces(r#"{"type":"source","source":"door","state":"down","reason":"x"}"#).0, "down");
    }
}
