//! The `[[source]]` section.

use super::SourceUri;
use crate::{
    areas::{self, Areas, Polygon, Zone},
    hours::ActiveHours,
    turn::{Rotation, Turn},
};
use emotiond_core::{config::values, paths::shown};
use serde::{Deserialize, Serialize};

/// What happens when a live source ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnEnd {
    /// It is opened again.
    #[default]
    Reopen,
    /// It is finished, like a file.
    Stop,
}

/// How the pictures of an RTSP stream are transported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TCP, or UDP if the server refuses TCP.
    #[default]
    Auto,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// `[[source]]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Name in the events; by default the URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Camera, file, folder, URL or `-`.
    pub uri: SourceUri,
    /// Requested width of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Requested height of a camera's frames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Requested frame rate of a camera; frame rate of MJPEG on stdin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<u32>,
    /// Clockwise rotation of the pictures: 0, 90, 180 or 270 degrees.
    #[serde(default, skip_serializing_if = "Rotation::is_none")]
    pub rotate: Rotation,
    /// Whether the pictures are mirrored left to right, after the rotation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
    /// Maximum frame rate of a live source; frames above it are skipped.
    #[serde(default, deserialize_with = "values::rate_or_none", skip_serializing_if = "Option::is_none")]
    pub max_fps: Option<f32>,
    /// Whether to wait for a camera or network stream that is unavailable at the start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wait: bool,
    /// When it is read; always if there are no hours.
    #[serde(default, skip_serializing_if = "ActiveHours::is_always")]
    pub active: ActiveHours,
    /// Whether the subfolders of a folder are read too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recursive: bool,
    /// Areas in which faces, and changes of the picture, are ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<Polygon>,
    /// Areas with names.
    #[serde(default, deserialize_with = "areas::zones", skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// What happens when a network stream ends by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on_end: OnEnd,
    /// The transport of an RTSP stream.
    #[serde(default, skip_serializing_if = "is_default")]
    pub transport: Transport,
    /// Whether the certificate of an `https://` server is verified.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub tls_verify: bool,
    /// Whether a playlist of an `http://` server may lead to other hosts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_hosts: bool,
    /// Overrides `min_score` in `[detector]`.
    #[serde(default, deserialize_with = "values::ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Overrides `min_face_px` in `[detector]`.
    #[serde(default, deserialize_with = "values::face_px_or_none", skip_serializing_if = "Option::is_none")]
    pub min_face_px: Option<f32>,
    /// Overrides `max_side_px` in `[detector]`.
    #[serde(default, deserialize_with = "values::side_px_or_none", skip_serializing_if = "Option::is_none")]
    pub max_side_px: Option<u32>,
    /// Overrides `every` in `[detector]`.
    #[serde(default, deserialize_with = "values::count_or_none", skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
}

impl SourceConfig {
    /// A source with default settings.
    pub fn new(uri: SourceUri) -> Self {
        Self {
            name: None,
            uri,
            width: None,
            height: None,
            fps: None,
            rotate: Rotation::None,
            mirror: false,
            max_fps: None,
            wait: false,
            active: ActiveHours::default(),
            recursive: false,
            mask: Vec::new(),
            zones: Vec::new(),
            on_end: OnEnd::default(),
            transport: Transport::default(),
            tls_verify: true,
            other_hosts: false,
            min_score: None,
            min_face_px: None,
            max_side_px: None,
            every: None,
        }
    }

    /// Whether `other` is opened in the same way, so that a reader of one can go on as that of the other.
    pub fn opens_like(&self, other: &Self) -> bool {
        let how = |source: &Self| {
            let Self { uri, fps, recursive, on_end, transport, .. } = source.clone();
            let size = (source.width, source.height);
            (uri, size, fps, recursive, on_end, transport, source.tls_verify, source.other_hosts)
        };
        how(self) == how(other)
    }

    /// The areas of the picture.
    pub fn areas(&self) -> Areas {
        Areas { mask: self.mask.clone(), zones: self.zones.clone() }
    }

    /// How its pictures are turned.
    pub fn turn(&self) -> Turn {
        Turn { rotation: self.rotate, mirror: self.mirror }
    }

    /// The name in the events.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uri.to_string())
    }

    /// The name to display: for files and folders without a configured name, the file name without its folder.
    pub fn short_name(&self) -> String {
        match &self.uri {
            SourceUri::Video(path) | SourceUri::Image(path) | SourceUri::Folder(path)
                if self.name.is_none() =>
            {
                path.file_name().map_or_else(|| self.name(), |name| shown(name).into_owned())
            }
            SourceUri::Stdin if self.name.is_none() => "stdin".to_owned(),
            _ => self.name(),
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn yes() -> bool {
    true
}

fn is_yes(value: &bool) -> bool {
    *value
}
