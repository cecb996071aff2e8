//! The tables of the file, each with its defaults.

use super::values;
use crate::{
    detect::DetectorChoice,
    face::Framing,
    runtime::{Precision, ProviderChoice},
    source::SourceUri,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[log]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// error, warn, info, debug, trace, or a filter such as `info,emotiond::source=debug`.
    #[serde(deserialize_with = "values::log_level")]
    pub level: String,
    /// JSON lines in place of text.
    pub json: bool,
}

/// `[detector]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DetectorConfig {
    /// Which one.
    pub name: DetectorChoice,
    /// Its ONNX file, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Least score, 0 to 1; without it, the detector's own.
    #[serde(deserialize_with = "values::ratio_or_none", skip_serializing_if = "Option::is_none")]
    pub min_score: Option<f32>,
    /// Least longer side of a face in pixels of the source's frame.
    #[serde(deserialize_with = "values::face_px")]
    pub min_face_px: f32,
    /// Longest side at which faces are searched, in pixels.
    #[serde(deserialize_with = "values::side_px")]
    pub max_side_px: u32,
    /// Overlap over which the weaker of two boxes goes.
    #[serde(deserialize_with = "values::ratio")]
    pub nms_iou: f32,
    /// Every so many frames are searched; between them, faces stand where they are foreseen.
    #[serde(deserialize_with = "values::count")]
    pub every: u32,
    /// Least seconds from one search of a source to the next.
    #[serde(deserialize_with = "values::interval")]
    pub interval_s: f32,
    /// Every so many searches are at full size; the others are at a reduced one while all faces in sight are large.
    #[serde(deserialize_with = "values::count")]
    pub full_every: u32,
}

/// `[model]`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// The ONNX file, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What is added to a detector's box, as a part of its longer side; without it, the detector's measured best.
    #[serde(deserialize_with = "values::margin_or_none", skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
    /// Emotions in the order of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// `gray` or `rgb`.
    #[serde(deserialize_with = "values::color_or_none", skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Side of the input in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Subtracted from pixels of 0 to 255, one number a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// Multiplied after that, one number a channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Vec<f32>>,
    /// `raw`, or `auto` for a model that expects brightness and contrast to be taken out of each crop.
    #[serde(deserialize_with = "values::levels_or_none", skip_serializing_if = "Option::is_none")]
    pub levels: Option<String>,
}

impl ModelConfig {
    /// The framing that was `measured` for the detector, with the margin that is asked for.
    pub fn framing(&self, measured: Framing) -> Framing {
        Framing { margin: self.margin.unwrap_or(measured.margin), ..measured }
    }
}

/// `[runtime]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// Execution provider.
    pub ep: ProviderChoice,
    /// How finely TensorRT and OpenVINO compute.
    pub precision: Precision,
    /// The library `libonnxruntime.so`, in place of the installed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<PathBuf>,
    /// Threads inside one network's run.
    #[serde(deserialize_with = "values::threads")]
    pub intra_threads: usize,
    /// Where TensorRT and OpenVINO keep what they build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_dir: Option<PathBuf>,
}

/// `[tracker]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerConfig {
    /// Overlap with the place where a face is foreseen from which it is taken for the same.
    #[serde(deserialize_with = "values::ratio")]
    pub min_iou: f32,
    /// Seconds after which a face that is not seen any more is lost.
    #[serde(deserialize_with = "values::seconds")]
    pub lost_after_s: f32,
    /// A face is announced once the detector has seen it in so many searches on end, ...
    #[serde(deserialize_with = "values::count")]
    pub announce_hits: u32,
    /// ... or at once with a score from here on.
    #[serde(deserialize_with = "values::ratio")]
    pub announce_score: f32,
}

/// `[smoothing]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SmoothingConfig {
    /// Seconds in which an old value fades to 37 %; 0 turns smoothing off.
    #[serde(deserialize_with = "values::seconds")]
    pub time_constant_s: f32,
    /// Another emotion is shown once it is so many times as probable, ...
    #[serde(deserialize_with = "values::ratio_from_one")]
    pub lead: f32,
    /// ... or ahead for so many seconds.
    #[serde(deserialize_with = "values::seconds")]
    pub hold_s: f32,
    /// Whether a face that is hard to read changes less, and one that cannot be read keeps its emotion.
    pub by_readability: bool,
}

/// `[pose]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoseConfig {
    /// A face looks towards the camera while it is turned to a side by no more than so many degrees, ...
    #[serde(deserialize_with = "values::degrees")]
    pub facing_yaw_deg: f32,
    /// ... and up or down by no more than these.
    #[serde(deserialize_with = "values::degrees")]
    pub facing_pitch_deg: f32,
    /// Seconds in which an old pose fades to 37 %; 0 turns smoothing off.
    #[serde(deserialize_with = "values::seconds")]
    pub time_constant_s: f32,
    /// Seconds for which a face must look the other way before it counts.
    #[serde(deserialize_with = "values::seconds")]
    pub hold_s: f32,
}

/// `[audience]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudienceConfig {
    /// Seconds that an `audience` event looks back.
    #[serde(deserialize_with = "values::window")]
    pub window_s: f32,
    /// Seconds from one to the next; 0 turns them off.
    #[serde(deserialize_with = "values::seconds")]
    pub every_s: f32,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Larger pictures are refused, in millions of pixels.
    #[serde(deserialize_with = "values::megapixels")]
    pub max_megapixels: f64,
    /// Threads that decode and detect; 0 takes one a core.
    #[serde(deserialize_with = "values::threads_or_auto")]
    pub vision_threads: usize,
    /// A live source that gives no frame for so many seconds is told to be stalled.
    #[serde(deserialize_with = "values::patience")]
    pub stalled_after_s: f32,
}

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

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), json: false }
    }
}

impl Default for DetectorConfig {
    fn default() -> Self {
        Self {
            name: DetectorChoice::Auto,
            file: None,
            min_score: None,
            min_face_px: 24.0,
            max_side_px: 960,
            nms_iou: 0.3,
            every: 1,
            interval_s: 0.0,
            full_every: 5,
        }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            ep: ProviderChoice::Auto,
            precision: Precision::Full,
            library: None,
            intra_threads: 1,
            cache_dir: None,
        }
    }
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self { min_iou: 0.2, lost_after_s: 2.0, announce_hits: 3, announce_score: 0.8 }
    }
}

impl Default for SmoothingConfig {
    fn default() -> Self {
        Self { time_constant_s: 0.25, lead: 1.5, hold_s: 0.5, by_readability: true }
    }
}

impl Default for PoseConfig {
    fn default() -> Self {
        Self { facing_yaw_deg: 25.0, facing_pitch_deg: 20.0, time_constant_s: 0.2, hold_s: 0.3 }
    }
}

impl Default for AudienceConfig {
    fn default() -> Self {
        Self { window_s: 10.0, every_s: 10.0 }
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { max_megapixels: 64.0, vision_threads: 0, stalled_after_s: 3.0 }
    }
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
