//! Home Assistant: the discovery message of a device (device-based, of Home Assistant 2024.11 and later), and the small
//! messages that its entities read.

use crate::wire::{SourceStatus, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds after which an entity without a message is unavailable; messages come at least every [`REPEAT_S`].
const EXPIRE_AFTER_S: u64 = 100;
/// A message that has not changed is repeated after this many seconds.
pub const REPEAT_S: u64 = 30;
/// The emotions of the delivered models.
const EMOTIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

/// What Home Assistant is told of a device.
pub struct Discovery {
    device: String,
    /// The topic of the device's state.
    status: String,
    /// The topics of each source begin with these, by its name.
    sources: BTreeMap<String, Source>,
    /// The emotions that were seen.
    emotions: BTreeSet<String>,
    /// Whether sources can be paused.
    can_pause: bool,
    /// Whether the states of sources are sent.
    has_states: bool,
}

/// A source as Home Assistant sees it.
struct Source {
    topic: String,
    /// Its last part, a name in letters, digits, `_` and `-`.
    level: String,
    has_facing: bool,
}

impl Discovery {
    /// A device without sources, whose state is in the topic `status`.
    pub fn new(device: &str, status: String, can_pause: bool, has_states: bool) -> Self {
        let emotions = EMOTIONS.map(str::to_owned).into();
        let sources = BTreeMap::new();
        Self { device: device.to_owned(), status, sources, emotions, can_pause, has_states }
    }

    /// Learns of sources and emotions. Returns whether there is something new to tell. `topic` gives a source's topic.
    pub fn learn(&mut self, status: &Status, mut topic: impl FnMut(&str) -> String) -> bool {
        let mut is_new = false;
        for source in &status.sources {
            let known = self.sources.entry(source.name.clone()).or_insert_with(|| {
                is_new = true;
                let topic = topic(&source.name);
                let level = topic.rsplit('/').next().unwrap_or_default().to_owned();
                Source { topic, level, has_facing: false }
            });
            is_new |= source.facing.is_some() && !known.has_facing;
            known.has_facing |= source.facing.is_some();
            for emotion in source.emotions.iter().flat_map(BTreeMap::keys) {
                is_new |= self.emotions.insert(emotion.clone());
            }
        }
        is_new
    }

    /// The topic and the payload of the discovery message; none without sources.
    pub fn message(&self, prefix: &str) -> Option<(String, String)> {
        if self.sources.is_empty() {
            return None;
        }
        let version = env!("CARGO_PKG_VERSION");
        let id = format!("emotiond_{}", self.device);
        let components: serde_json::Map<String, Value> =
            self.sources.iter().flat_map(|(name, source)| self.entities(name, source)).collect();
        let message = json!({
            "device": {
                "identifiers": [id],
                "name": format!("emotiond {}", self.device),
                "manufacturer": "emotiond",
                "model": "emotiond",
                "sw_version": version,
            },
            "origin": { "name": "emotiond", "sw_version": version },
            "components": components,
        });
        Some((format!("{prefix}/device/{id}/config"), message.to_string()))
    }

    /// The entities of a source, by their identifiers.
    fn entities(&self, name: &str, source: &Source) -> Vec<(String, Value)> {
        let topic = &source.topic;
        let mut entities = vec![
            (
                "faces",
                json!({
                    "platform": "sensor", "name": format!("{name} faces"), "icon": "mdi:face-recognition",
                    "state_topic": format!("{topic}/now"), "value_template": "{{ value_json.faces }}",
                    "state_class": "measurement", "expire_after": EXPIRE_AFTER_S,
                }),
            ),
            (
                "emotion",
                json!({
                    "platform": "sensor", "name": format!("{name} emotion"), "icon": "mdi:emoticon-outline",
                    "state_topic": format!("{topic}/now"), "value_template": "{{ value_json.dominant }}",
                    "device_class": "enum", "options": self.emotions, "expire_after": EXPIRE_AFTER_S,
                }),
            ),
            (
                "occupancy",
                json!({
                    "platform": "binary_sensor", "name": format!("{name} occupancy"), "device_class": "occupancy",
                    "state_topic": format!("{topic}/now"), "value_template": "{{ value_json.occupancy }}",
                    "expire_after": EXPIRE_AFTER_S,
                }),
            ),
            (
                "appearance",
                json!({
                    "platform": "event", "name": format!("{name} face"), "icon": "mdi:account-eye-outline",
                    "state_topic": format!("{topic}/appearance"), "event_types": ["new", "end"],
                }),
            ),
        ];
        if source.has_facing {
            let template = "{{ none if value_json.facing is none else (value_json.facing * 100) | round }}";
            entities.push((
                "attention",
                json!({
                    "platform": "sensor", "name": format!("{name} attention"), "icon": "mdi:eye-outline",
                    "state_topic": format!("{topic}/now"), "value_template": template,
                    "unit_of_measurement": "%", "state_class": "measurement", "expire_after": EXPIRE_AFTER_S,
                }),
            ));
        }
        let device = json!({ "topic": self.status });
        let state = json!({
            "topic": format!("{topic}/state"),
            "value_template": "{{ 'online' if value_json.state == 'up' else 'offline' }}",
        });
        let both = if self.has_states { json!([device, state]) } else { json!([device]) };
        entities.iter_mut().for_each(|(_, entity)| entity["availability"] = both.clone());
        if self.can_pause {
            entities.push((
                "enabled",
                json!({
                    "platform": "switch", "name": format!("{name} enabled"), "icon": "mdi:camera-outline",
                    "command_topic": format!("{topic}/set"), "state_topic": format!("{topic}/enabled"),
                    "availability": [device],
                }),
            ));
        }
        let named = |(kind, mut entity): (&str, Value)| {
            let id = format!("emotiond_{}_{}_{kind}", self.device, source.level);
            entity["unique_id"] = id.clone().into();
            entity["availability_mode"] = "all".into();
            (format!("{}_{kind}", source.level), entity)
        };
        entities.into_iter().map(named).collect()
    }
}

/// The figures of a source that the entities show.
pub fn figures(source: &SourceStatus) -> String {
    #[derive(Serialize)]
    struct Figures<'a> {
        state: &'a str,
        faces: Option<u32>,
        occupancy: Option<&'static str>,
        dominant: Option<&'a str>,
        facing: Option<f32>,
    }
    let figures = Figures {
        state: &source.state,
        faces: source.faces,
        occupancy: source.faces.map(|faces| if faces > 0 { "ON" } else { "OFF" }),
        dominant: source.dominant.as_deref(),
        facing: source.facing,
    };
    serde_json::to_string(&figures).unwrap_or_default()
}

/// The message of a face that has appeared or was lost; none for other lines.
pub fn appearance(face: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Face {
        phase: String,
        emotion: String,
        duration_s: Option<f32>,
    }
    #[derive(Serialize)]
    struct Appearance {
        event_type: String,
        emotion: String,
        duration_s: Option<f32>,
    }
    let Face { phase, emotion, duration_s } = serde_json::from_str(face).ok()?;
    let message = Appearance { event_type: phase, emotion, duration_s };
    matches!(message.event_type.as_str(), "new" | "end").then(|| serde_json::to_string(&message).ok())?
}
