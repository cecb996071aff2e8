//! Audience events: figures over a window of time.

use super::{
    VERSION,
    values::{ByName, Probabilities, Time, rounded, rounded_or_none},
};
use crate::{audience::Summary, privacy::PrivacyConfig, zones::ZoneSummary};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Summary of all faces of a source over a sliding window.
#[derive(Serialize, JsonSchema)]
pub struct AudienceEvent<'a> {
    #[schemars(extend("const" = 1))]
    v: u8,
    #[schemars(extend("const" = "audience"))]
    r#type: &'static str,
    /// Name of the source.
    pub source: &'a str,
    /// When the latest frame was captured.
    pub time: Time,
    /// Length of the window in seconds; less than configured at the start of the source.
    #[serde(serialize_with = "rounded")]
    pub window_s: f32,
    /// Numbers of faces; null if too few different faces were seen for the privacy settings.
    pub faces: Option<AudienceFaces>,
    /// Each emotion's share of the total time of all faces: a face that shows it for one second counts one second. Null
    /// likewise.
    pub emotions: Option<Probabilities<'a>>,
    /// The emotion with the largest share; null if there was no face, and likewise.
    pub dominant: Option<&'a str>,
    /// The share of the total time of all faces with a known pose in which they looked towards the camera; absent if
    /// there were none, and likewise.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_or_none")]
    #[schemars(range(min = 0, max = 1))]
    pub facing: Option<f32>,
    /// The figures of each zone, by its name; absent if the source has no zones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, ZoneFigures<'static>>>")]
    pub zones: Option<ByName<'a, ZoneFigures<'a>>>,
}

/// Summary of the faces in a zone over the same window.
#[derive(Serialize, JsonSchema)]
pub struct ZoneFigures<'a> {
    /// Numbers of faces in the zone; null if too few different faces were seen for the privacy settings.
    pub faces: Option<AudienceFaces>,
    /// Each emotion's share of the time of these faces in the zone; null likewise.
    pub emotions: Option<Probabilities<'a>>,
    /// The emotion with the largest share; null if there was no face, and likewise.
    pub dominant: Option<&'a str>,
    /// The share of the time with a known pose in which these faces looked towards the camera; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rounded_or_none")]
    #[schemars(range(min = 0, max = 1))]
    pub facing: Option<f32>,
    /// How long these faces have been in the zone so far; absent if there was no face, or too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dwell_s: Option<Dwell>,
}

/// Times in a zone, in seconds.
#[derive(Serialize, JsonSchema)]
pub struct Dwell {
    /// Mean over the faces.
    #[serde(serialize_with = "rounded")]
    pub mean: f32,
    /// The longest.
    #[serde(serialize_with = "rounded")]
    pub max: f32,
}

/// Numbers of faces.
#[derive(Serialize, JsonSchema)]
pub struct AudienceFaces {
    /// In the latest frame.
    pub now: u32,
    /// Mean, weighted by time.
    #[serde(serialize_with = "rounded")]
    pub mean: f32,
    /// Maximum in one frame.
    pub max: u32,
    /// Number of different tracks.
    pub distinct: u32,
}
impl<'a> AudienceEvent<'a> {
    /// The event for a summary, without its figures if `privacy` forbids them.
    pub fn new(
        source: &'a str,
        time: Timestamp,
        labels: &'a [String],
        summary: &'a Summary,
        privacy: &PrivacyConfig,
    ) -> Self {
        let ZoneFigures { faces, emotions, dominant, facing, .. } = ZoneFigures::of(labels, summary, privacy);
        Self {
            v: VERSION,
            r#type: "audience",
            source,
            time: Time(time),
            window_s: summary.window_s,
            faces,
            emotions,
            dominant,
            facing,
            zones: None,
        }
    }
}

impl<'a> ZoneFigures<'a> {
    /// The figures of a zone, none if `privacy` forbids them.
    pub fn new(labels: &'a [String], summary: &'a ZoneSummary, privacy: &PrivacyConfig) -> Self {
        let figures = Self::of(labels, &summary.figures, privacy);
        let dwell_s = summary.dwell_s.filter(|_| figures.faces.is_some());
        Self { dwell_s: dwell_s.map(|(mean, max)| Dwell { mean, max }), ..figures }
    }

    /// The figures without times.
    fn of(labels: &'a [String], summary: &'a Summary, privacy: &PrivacyConfig) -> Self {
        let Summary { now, mean, max, distinct, ref shares, dominant, facing, .. } = *summary;
        if !privacy.tells_figures_of(distinct) {
            return Self { faces: None, emotions: None, dominant: None, facing: None, dwell_s: None };
        }
        Self {
            faces: Some(AudienceFaces { now, mean, max, distinct }),
            emotions: Some(Probabilities { labels, values: shares }),
            dominant: dominant.map(|index| labels[index].as_str()),
            facing,
            dwell_s: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::PrivacyMode;

    #[test]
    fn an_audience_is_written_as_the_contract_says() {
        let labels = ["angry", "happy"].map(str::to_owned);
        let mut summary = Summary {
            window_s: 10.0,
            now: 3,
            mean: 3.2,
            max: 5,
            distinct: 6,
            shares: vec![0.59, 0.41],
            dominant: Some(0),
            facing: None,
        };
        let mut privacy = PrivacyConfig::default();
        let written = |summary: &Summary, privacy: &PrivacyConfig| {
            let event = AudienceEvent::new("lobby", Timestamp::UNIX_EPOCH, &labels, summary, privacy);
            serde_json::to_string(&event)
        };
        assert_eq!(
            written(&summary, &privacy).unwrap(),
            concat!(
                r#"{"v":1,"type":"audience","source":"lobby","time":"1970-01-01T00:00:00.000Z","window_s":10.0,"#,
                r#""faces":{"now":3,"mean":3.2,"max":5,"distinct":6},"emotions":{"angry":0.59,"happy":0.41},"#,
                r#""dominant":"angry"}"#
            )
        );
        summary.dominant = None;
        assert!(written(&summary, &privacy).unwrap().ends_with(r#""dominant":null}"#));
        summary.facing = Some(0.25);
        assert!(written(&summary, &privacy).unwrap().ends_with(r#""dominant":null,"facing":0.25}"#));
        // Six faces are enough for five, and not for seven.
        (privacy.mode, privacy.min_faces) = (PrivacyMode::Aggregate, 5);
        assert!(written(&summary, &privacy).unwrap().contains(r#""distinct":6"#));
        privacy.min_faces = 7;
        let hidden = r#""window_s":10.0,"faces":null,"emotions":null,"dominant":null}"#;
        assert!(written(&summary, &privacy).unwrap().ends_with(hidden));
    }
}
