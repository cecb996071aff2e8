//! The fields of event lines that OSC and LSL send on.

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use std::fmt;

/// A `face` line.
#[derive(Clone, Debug, Deserialize)]
pub struct Face {
    /// When its picture was captured.
    #[serde(deserialize_with = "time")]
    pub time: Timestamp,
    /// The picture's number.
    #[serde(default)]
    pub frame: u64,
    /// The path of the picture; pictures of a folder are independent of each other.
    pub file: Option<IgnoredAny>,
    /// `new`, `update` or `end`.
    pub phase: Phase,
    /// The track's number.
    pub track: u64,
    /// Its box in pixels.
    pub r#box: PixelBox,
    /// The picture's size in pixels; lines of older versions do not tell it.
    pub picture: Option<Size>,
    /// The head pose in degrees.
    pub pose: Option<Pose>,
    /// Whether it looks towards the camera.
    pub facing: Option<bool>,
    /// The probability of each emotion.
    pub probabilities: Shares,
}

/// The phase of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The face appeared.
    New,
    /// It is being tracked.
    Update,
    /// It was lost.
    End,
}

/// A box in pixels.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

/// A size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Size {
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

/// A head pose in degrees.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Pose {
    /// Positive towards the right edge of the picture.
    pub yaw: f32,
    /// Positive is up.
    pub pitch: f32,
}

/// An `audience` line.
#[derive(Debug, Deserialize)]
pub struct Audience {
    /// When the latest picture was captured.
    #[serde(deserialize_with = "time")]
    pub time: Timestamp,
    /// Numbers of faces; none if private.
    pub faces: Option<Faces>,
    /// The share of each emotion; none if private.
    pub emotions: Option<Shares>,
    /// The share of the time in which faces looked towards the camera.
    pub facing: Option<f32>,
}

/// Numbers of faces.
#[derive(Debug, Deserialize)]
pub struct Faces {
    /// In the latest picture.
    pub now: Option<u32>,
}

/// A `marker` line.
#[derive(Debug, Deserialize)]
pub struct Marker {
    /// When it was set.
    #[serde(deserialize_with = "time")]
    pub time: Timestamp,
    /// What it marks.
    pub kind: String,
    /// Its name.
    pub label: String,
}

/// Numbers by the names of emotions, in the order of the line, which is the model's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shares(pub Vec<(String, f32)>);

impl<'de> Deserialize<'de> for Shares {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Shares;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object of numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shares, A::Error> {
                let mut shares = Vec::with_capacity(8);
                while let Some(entry) = map.next_entry()? {
                    shares.push(entry);
                }
                Ok(Shares(shares))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emotions_keep_their_order() {
        let shares: Shares = serde_json::from_str(r#"{"happy":0.5,"angry":0.25,"a":0}"#).unwrap();
        assert_eq!(shares.0, [("happy".into(), 0.5), ("angry".into(), 0.25), ("a".into(), 0.0)]);
        assert!(serde_json::from_str::<Shares>(r#"{"happy":"yes"}"#).is_err());
    }
}
