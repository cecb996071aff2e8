//! `[privacy]`: what may be told about people.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// `[privacy]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacyConfig {
    /// What is told.
    pub mode: PrivacyMode,
    /// In the mode `aggregate`, figures of fewer different faces are not told.
    #[serde(deserialize_with = "faces")]
    pub min_faces: u32,
}

/// What is told about people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PrivacyMode {
    /// Every face, and the audience.
    #[default]
    Full,
    /// The audience as a whole.
    Aggregate,
}

impl Default for PrivacyConfig {
    fn default() -> Self {
        Self { mode: PrivacyMode::Full, min_faces: 5 }
    }
}

impl PrivacyConfig {
    /// Whether single faces may be told.
    pub fn tells_faces(&self) -> bool {
        self.mode == PrivacyMode::Full
    }

    /// Whether figures of so many different faces may be told.
    pub fn tells_figures_of(&self, faces: u32) -> bool {
        self.tells_faces() || faces >= self.min_faces
    }
}

/// Figures of a single face are that face's.
fn faces<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let faces = u32::deserialize(deserializer)?;
    if faces < 2 {
        return Err(D::Error::custom("write at least 2: the figures of one face are that face's"));
    }
    Ok(faces)
}
