//! Settings of one source.

use super::SourceUri;
use emotiond_core::config::values;
use serde::{Deserialize, Serialize};

/// `[[source]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// What events call it; without it, its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Camera, file, folder, address or `-`.
    pub uri: SourceUri,
    /// Wanted width of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Wanted height of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Wanted frames per second of a camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// Frames of a live source beyond so many a second are passed over.
    #[serde(default, deserialize_with = "values::rate_or_none", skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<f32>,
    /// Whether a camera or address that is not there at the start is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// In place of `min_score` under `[detector]`.
    #[serde(default, deserialize_with = "values::ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// In place of `min_face_px` under `[detector]`.
    #[serde(default, deserialize_with = "values::face_px_or_none", skip_serializing_if = "Option::is_none")]
    pub min_face_px: Option<f32>,
    /// In place of `max_side_px` under `[detector]`.
    #[serde(default, deserialize_with = "values::side_px_or_none", skip_serializing_if = "Option::is_none")]
    pub max_side_px: Option<u32>,
    /// In place of `every` under `[detector]`.
    #[serde(default, deserialize_with = "values::count_or_none", skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
}

impl SourceConfig {
    /// A source with nothing but its address.
    pub fn new(uri: SourceUri) -> Self {
        Self {
            name: None,
            uri,
            width: None,
            height: None,
            fps: None,
            max_fps: None,
            wait: false,
            min_score: None,
            min_face_px: None,
            max_side_px: None,
            every: None,
        }
    }

    /// What events call it.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uri.to_string())
    }

    /// The same for people who look at its pictures: of a file, its name without the folder.
    pub fn short_name(&self) -> String {
        match &self.uri {
            SourceUri::Video(path) | SourceUri::Image(path) | SourceUri::Folder(path)
                if self.name.is_none() =>
            {
                path.file_name().map_or_else(|| self.name(), |name| name.to_string_lossy().into_owned())
            }
            SourceUri::Stdin if self.name.is_none() => "stdin".to_owned(),
            _ => self.name(),
        }
    }
}
