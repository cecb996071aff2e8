//! The types of the events' fields, and how they are written.

use crate::pose::Pose;
use emotiond_core::geometry::BoundingBox;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use std::borrow::Cow;

/// A timestamp, written in the format of RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// A bounding box in whole pixels within the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PixelBox {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

/// The size of a frame in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PictureSize {
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

impl PixelBox {
    /// Clips `bounds` to a frame of `width` x `height` pixels and rounds its edges; empty if it is outside the frame.
    pub fn new(bounds: &BoundingBox, width: u32, height: u32) -> Self {
        let inside = bounds.clip(width, height).unwrap_or_default();
        let (x, y) = (inside.x.round() as u32, inside.y.round() as u32);
        let (right, bottom) = ((inside.x + inside.w).round() as u32, (inside.y + inside.h).round() as u32);
        Self { x, y, w: right - x, h: bottom - y }
    }
}

/// Head pose in degrees; all angles are 0 for an upright face that looks straight at the camera.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Degrees {
    /// Positive towards the right edge of the picture, which is the person's left.
    #[schemars(range(min = -90, max = 90))]
    pub yaw: f32,
    /// Positive is up.
    #[schemars(range(min = -90, max = 90))]
    pub pitch: f32,
    /// In-plane rotation: positive is clockwise.
    #[schemars(range(min = -180, max = 180))]
    pub roll: f32,
}

impl From<Pose> for Degrees {
    fn from(pose: Pose) -> Self {
        Self { yaw: tenths(pose.yaw), pitch: tenths(pose.pitch), roll: tenths(pose.roll) }
    }
}

/// Rounds to one decimal; more is noise. Adding 0.0 removes a negative zero.
fn tenths(degrees: f32) -> f32 {
    (degrees * 10.0).round() / 10.0 + 0.0
}

/// One probability per label, written as an object in the order of the labels.
#[derive(Clone, Copy)]
pub struct Probabilities<'a> {
    /// The emotions' names.
    pub labels: &'a [String],
    /// One value per label.
    pub values: &'a [f32],
}

impl Serialize for Probabilities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.labels.len()))?;
        for (label, value) in self.labels.iter().zip(self.values) {
            map.serialize_entry(label, &round(*value))?;
        }
        map.end()
    }
}

impl JsonSchema for Probabilities<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Probabilities".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": { "type": "number", "minimum": 0, "maximum": 1 } })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn is_true(value: &bool) -> bool {
    *value
}

pub(super) fn always() -> bool {
    true
}

/// Named values, written as an object.
pub struct ByName<'a, V>(pub Vec<(&'a str, V)>);

impl<V: Serialize> Serialize for ByName<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Rounds to four decimals; more is noise.
fn round(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn rounded<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(round(*value))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(super) fn rounded_or_none<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(round).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn boxes_lie_inside_the_frame(x in -500f32..2000.0, y in -500f32..2000.0, w in 0f32..3000.0, h in 0f32..3000.0) {
            let area = PixelBox::new(&BoundingBox::new(x, y, w, h), 640, 480);
            prop_assert!(area.x + area.w <= 640 && area.y + area.h <= 480);
        }
    }
}
