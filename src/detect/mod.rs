//! Face detection: one trait, three detectors, and the whole picture as a face.
mod centerface;
mod config;
mod finder;
mod free_dimensions;
mod input;
mod nms;
mod plan;
mod regions;
mod seetaface;
mod tiles;
mod whole;
mod yunet;

pub use config::{DetectorConfig, TileRule};
pub use finder::FaceFinder;
pub use nms::suppress;
pub use plan::{DetectorChoice, DetectorPlan};
pub use regions::may_pay;

use crate::{landmarks::Landmarks, pose::Pose};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    geometry::BoundingBox,
    picture::PictureView,
    runtime::one_line,
};
use ndarray::{ArrayView, Dimension, StrideShape};
use ort::session::SessionOutputs;
use thiserror::Error;

/// A detected face, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Bounding box; it may extend beyond the picture.
    pub bounds: BoundingBox,
    /// The detector's confidence, 0 to 1.
    pub score: f32,
    /// Eyes, nose and mouth; `None` if the detector gives no landmarks.
    pub landmarks: Option<Landmarks>,
    /// Head pose, computed from the landmarks.
    pub pose: Option<Pose>,
}

impl Detection {
    /// The face in its picture resized by `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        Self {
            bounds: self.bounds.scaled(factor),
            landmarks: self.landmarks.map(|points| points.scaled(factor)),
            ..*self
        }
    }

    /// The face in a picture that contains its picture at this place.
    fn moved(&self, left: f32, top: f32) -> Self {
        let bounds = BoundingBox { x: self.bounds.x + left, y: self.bounds.y + top, ..self.bounds };
        Self { bounds, landmarks: self.landmarks.map(|points| points.moved(left, top)), ..*self }
    }
}

/// Detection settings of a source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectSettings {
    /// Minimum score of returned faces.
    pub min_score: f32,
    /// Minimum length of a returned face's longer side, in pixels of the picture.
    pub min_face_px: f32,
    /// A larger picture is downscaled so that its longest side has this length, in pixels.
    pub max_side_px: u32,
    /// If two boxes overlap by more (intersection over union), the one with the lower score is discarded.
    pub nms_iou: f32,
    /// If a face of `min_face_px` is smaller than this in the detector's input, the picture is searched in tiles; `None`:
    /// never.
    pub tiled_below_px: Option<f32>,
}

/// Why detection failed.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The network failed.
    #[error("the face detector failed: {}", one_line(.0))]
    Runtime(#[from] ort::Error),
    /// The file contains another network.
    #[error("it is not the detector's network: the output {0} is missing or has the wrong size")]
    Output(&'static str),
    /// The picture could not be resized.
    #[error("the picture cannot be resized for the face detector: {0}")]
    Resize(#[from] fast_image_resize::ResizeError),
    /// The detector panicked.
    #[error("the face detector failed unexpectedly on this picture")]
    Panic,
}

impl ExitsWith for DetectError {
    fn exit(&self) -> Exit {
        Exit::Software
    }
}

/// A face detector.
pub(crate) trait Detector {
    /// Replaces `found` by the faces in the picture, sorted by descending score.
    ///
    /// # Errors
    /// When detection fails on this picture; the detector remains usable.
    fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError>;
}

/// The output `name` as an array of this shape, which must have as many values.
fn output<'a, D: Dimension>(
    outputs: &'a SessionOutputs,
    name: &'static str,
    shape: impl Into<StrideShape<D>>,
) -> Result<ArrayView<'a, f32, D>, DetectError> {
    let wrong = || DetectError::Output(name);
    let (_, values) = outputs.get(name).ok_or_else(wrong)?.try_extract_tensor::<f32>()?;
    let shape = shape.into();
    if shape.size() != values.len() {
        return Err(wrong());
    }
    ArrayView::from_shape(shape, values).map_err(|_| wrong())
}

/// Computes the poses of faces. `roll_gain` corrects for landmarks that underestimate the in-plane rotation.
fn fill_poses(found: &mut [Detection], roll_gain: f32) {
    for face in found {
        face.pose = face.landmarks.and_then(|points| Pose::of(&points));
        if let Some(pose) = &mut face.pose {
            pose.roll = (pose.roll * roll_gain).clamp(-180.0, 180.0);
        }
    }
}

/// The last step of all detectors: applies the limits of `settings`, suppresses overlaps and sorts.
fn finish(settings: &DetectSettings, found: &mut Vec<Detection>) {
    found.retain(|face| {
        let size = face.bounds.w.max(face.bounds.h);
        face.score >= settings.min_score && size >= settings.min_face_px && size.is_finite()
    });
    suppress(found, settings.nms_iou);
}
