//! The event lines on stdout: fields, field order and JSON Schema. `docs/events.md` documents them.

mod audience;
mod marker;
mod values;

use crate::{
    areas::ZonesAt,
    message::{SourceState, StateChange},
};
pub use audience::{AudienceEvent, AudienceFaces, Dwell, ZoneFigures};
use jiff::Timestamp;
pub use marker::MarkerEvent;
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
pub use values::{ByName, Degrees, PictureSize, PixelBox, Probabilities, Time};
use values::{always, is_true, rounded, rounded_or_none};

/// Version of the event format.
pub const VERSION: u8 = 1;

/// A face in a frame.
#[derive(Serialize, JsonSchema)]
pub struct FaceEvent<'a> {
    #[schemars(extend("const" = 1))]
    v: u8,
    #[schemars(extend("const" = "face"))]
    r#type: &'static str,
    /// Whether the face appeared, is being tracked, or was lost.
    pub phase: Phase,
    /// Name of the source.
    pub source: &'a str,
    /// When the frame was captured; for files, when it was read.
    pub time: Time,
    /// Frame number within the source, from 0; dropped frames are counted too.
    pub frame: u64,
    /// Milliseconds since the start of a video or of stdin; absent for cameras and pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pts_ms: Option<u64>,
    /// Path of the picture; only for pictures and folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Cow<'a, str>>,
    /// Track number of the face, unique within a run.
    pub track: u64,
    /// Bounding box in pixels of the source's frame, clipped to the frame.
    pub r#box: PixelBox,
    /// Size of the frame in pixels; recordings of older versions do not contain it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureSize>,
    /// Whether the box is the tracker's prediction, because the detector did not search for this face in this frame;
    /// absent if false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub predicted: bool,
    /// The detector's confidence.
    #[schemars(range(min = 0, max = 1))]
    #[serde(serialize_with = "rounded")]
    pub score: f32,
    /// Head pose, smoothed over time; absent if the detector gives no landmarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<Degrees>,
    /// Whether the face looks towards the camera; absent if `pose` is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facing: Option<bool>,
    /// False if the face has been too far turned away, too small, too blurred or too low in contrast in all frames of
    /// the track so far; absent if true.
    #[serde(skip_serializing_if = "is_true")]
    #[schemars(default = "always")]
    pub readable: bool,
    /// The zones that contain the centre of the box; absent if the source has no zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub zones: Option<ZonesAt<'a>>,
    /// The displayed emotion.
    pub emotion: &'a str,
    /// Probability of the displayed emotion.
    #[schemars(range(min = 0, max = 1))]
    #[serde(serialize_with = "rounded")]
    pub confidence: f32,
    /// Probabilities of all emotions, smoothed over time; in `end`, their mean over its readable frames.
    pub probabilities: Probabilities<'a>,
    /// Milliseconds since the emotion of the face was last read; only if that is longer ago than `reads_per_s` asks for,
    /// because the machine is too small.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_or_none")]
    pub reading_age_ms: Option<f32>,
    /// Seconds from the first to the last detection; only in `end`.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_or_none")]
    pub duration_s: Option<f32>,
    /// Seconds of `duration_s` in which the face looked towards the camera; only in `end`, absent if `pose` is absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_or_none")]
    pub facing_s: Option<f32>,
    /// Milliseconds from the capture of the frame to the writing of this line.
    #[serde(serialize_with = "rounded")]
    pub latency_ms: f32,
}

/// One sighting of a tracked face.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    /// Whether the face appeared, is being tracked, or was lost.
    pub phase: Phase,
    /// Track number.
    pub track: u64,
    /// Bounding box.
    pub bounds: PixelBox,
    /// The detector's confidence.
    pub score: f32,
}

/// The phase of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The face appeared.
    New,
    /// The face is being tracked.
    Update,
    /// The face was lost.
    End,
}

/// A change of a source's state.
#[derive(Serialize, JsonSchema)]
pub struct SourceEvent<'a> {
    #[schemars(extend("const" = 1))]
    v: u8,
    #[schemars(extend("const" = "source"))]
    r#type: &'static str,
    /// Name of the source.
    pub source: &'a str,
    /// When the change was noticed.
    pub time: Time,
    /// The new state.
    pub state: SourceState,
    /// Cause of the change; empty for `up`.
    pub reason: &'a str,
}

impl<'a> FaceEvent<'a> {
    /// An event with the fields that all phases have in common.
    pub fn new(
        source: &'a str,
        time: Timestamp,
        frame: u64,
        sighting: &Sighting,
        probabilities: Probabilities<'a>,
    ) -> Self {
        let &Sighting { phase, track, bounds, score } = sighting;
        let strongest = emotiond_core::classify::argmax(probabilities.values);
        Self {
            v: VERSION,
            r#type: "face",
            phase,
            source,
            time: Time(time),
            frame,
            pts_ms: None,
            file: None,
            track,
            r#box: bounds,
            picture: None,
            predicted: false,
            score,
            pose: None,
            facing: None,
            readable: true,
            zones: None,
            emotion: &probabilities.labels[strongest],
            confidence: probabilities.values[strongest],
            probabilities,
            reading_age_ms: None,
            duration_s: None,
            facing_s: None,
            latency_ms: 0.0,
        }
    }
}

impl<'a> SourceEvent<'a> {
    /// The event for a change of state.
    pub fn new(source: &'a str, time: Timestamp, change: &'a StateChange) -> Self {
        let StateChange { state, reason, .. } = change;
        Self { v: VERSION, r#type: "source", source, time: Time(time), state: *state, reason }
    }
}

/// The JSON Schema (draft 2020-12) of the event lines.
pub fn schema() -> serde_json::Value {
    let mut generator = SchemaGenerator::default();
    let face = generator.subschema_for::<FaceEvent<'static>>();
    let source = generator.subschema_for::<SourceEvent<'static>>();
    let audience = generator.subschema_for::<AudienceEvent<'static>>();
    let marker = generator.subschema_for::<MarkerEvent>();
    let definitions = generator.take_definitions(true);
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "emotiond events, one per line",
        "oneOf": [face, source, audience, marker],
        "$defs": definitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pose::Pose;

    #[test]
    fn a_face_is_written_field_by_field_in_the_contracts_order() {
        let labels = ["angry", "happy"].map(str::to_owned);
        let time: Timestamp = "2026-11-21T20:51:08.123456Z".parse().unwrap();
        let bounds = PixelBox { x: 312, y: 88, w: 96, h: 96 };
        let probabilities = Probabilities { labels: &labels, values: &[0.07, 0.93] };
        let sighting = Sighting { phase: Phase::Update, track: 7, bounds, score: 0.98 };
        let mut event = FaceEvent::new("lobby", time, 1234, &sighting, probabilities);
        event.pts_ms = Some(41_133);
        event.picture = Some(PictureSize { w: 640, h: 480 });
        event.latency_ms = 9.4;
        let line = concat!(
            r#"{"v":1,"type":"face","phase":"update","source":"lobby","time":"2026-11-21T20:51:08.123Z","frame":1234,"#,
            r#""pts_ms":41133,"track":7,"box":{"x":312,"y":88,"w":96,"h":96},"picture":{"w":640,"h":480},"#,
            r#""score":0.98,"emotion":"happy","#,
            r#""confidence":0.93,"probabilities":{"angry":0.07,"happy":0.93},"latency_ms":9.4}"#
        );
        assert_eq!(serde_json::to_string(&event).unwrap(), line);
    }

    #[test]
    fn what_is_known_of_pose_and_readability_stands_after_the_score() {
        let labels = ["happy".to_owned()];
        let probabilities = Probabilities { labels: &labels, values: &[1.0] };
        let bounds = PixelBox { x: 0, y: 0, w: 9, h: 9 };
        let sighting = Sighting { phase: Phase::End, track: 7, bounds, score: 0.5 };
        let mut event = FaceEvent::new("lobby", Timestamp::UNIX_EPOCH, 0, &sighting, probabilities);
        event.pose = Some(Pose { yaw: -12.345, pitch: 3.0, roll: -0.01 }.into());
        (event.facing, event.readable) = (Some(true), false);
        (event.duration_s, event.facing_s) = (Some(2.0), Some(1.5));
        let line = serde_json::to_string(&event).unwrap();
        let expected = concat!(
            r#""score":0.5,"pose":{"yaw":-12.3,"pitch":3.0,"roll":0.0},"facing":true,"readable":false,"emotion":"happy","#,
            r#""confidence":1.0,"probabilities":{"happy":1.0},"duration_s":2.0,"facing_s":1.5,"latency_ms":0.0}"#
        );
        assert!(line.ends_with(expected), "{line}");
    }

    #[test]
    fn a_source_is_written_with_its_reason() {
        let state = StateChange::new(SourceState::Down, "unplugged".to_owned());
        let line = serde_json::to_string(&SourceEvent::new("lobby", Timestamp::UNIX_EPOCH, &state)).unwrap();
        assert_eq!(
            line,
            r#"{"v":1,"type":"source","source":"lobby","time":"1970-01-01T00:00:00.000Z","state":"down","reason":"unplugged"}"#
        );
    }
}
