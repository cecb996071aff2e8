//! Faces in a picture: one trait, three detectors.
mod centerface;
mod config;
mod free_dimensions;
mod input;
mod nms;
mod plan;
mod seetaface;
mod yunet;

pub use config::DetectorConfig;
pub use nms::suppress;
pub use plan::{DetectorChoice, DetectorPlan};

use crate::{landmarks::Landmarks, pose::Pose};
use emotiond_core::{
    exit::{Exit, ExitsWith},
    geometry::BoundingBox,
    picture::PictureView,
    runtime::one_line,
};
use ort::session::SessionOutputs;
use thiserror::Error;

/// A face as a detector found it, in pixels of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where it is; it may reach over the picture's edge.
    pub bounds: BoundingBox,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// Where eyes, nose and mouth are; `None` from a detector that does not say.
    pub landmarks: Option<Landmarks>,
    /// Which way it looks, after them.
    pub pose: Option<Pose>,
}

impl Detection {
    /// The face where it lies once its picture is resized by `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        Self {
            bounds: self.bounds.scaled(factor),
            landmarks: self.landmarks.map(|points| points.scaled(factor)),
            ..*self
        }
    }
}

/// What a detector is asked for; it may differ from source to source.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectSettings {
    /// Faces below this score are not returned.
    pub min_score: f32,
    /// Faces whose longer side is smaller are not returned, in pixels of the picture.
    pub min_face_px: f32,
    /// The picture is made smaller until its longest side fits, in pixels.
    pub max_side_px: u32,
    /// Of two boxes that overlap more, the one with the lower score goes.
    pub nms_iou: f32,
}

/// Why a picture could not be searched.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The network failed.
    #[error("the face detector failed: {}", one_line(.0))]
    Runtime(#[from] ort::Error),
    /// The file holds another network.
    #[error("it is another network than the detector's: its output {0} is missing or of the wrong size")]
    Output(&'static str),
    /// The picture could not be resized.
    #[error("the picture cannot be resized for the face detector: {0}")]
    Resize(#[from] fast_image_resize::ResizeError),
    /// Foreign code panicked.
    #[error("the face detector gave up on this picture")]
    Panic,
}

impl ExitsWith for DetectError {
    fn exit(&self) -> Exit {
        Exit::Software
    }
}

/// Finds faces. One lives in each vision thread.
pub trait Detector {
    /// Replaces `found` by the picture's faces, best first.
    ///
    /// # Errors
    /// When the detector fails on this picture; it can be used on.
    fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError>;
}

/// The values of the output `name`, which must be `len`.
fn output<'a>(outputs: &'a SessionOutputs, name: &'static str, len: usize) -> Result<&'a [f32], DetectError> {
    let value = outputs.get(name).ok_or(DetectError::Output(name))?;
    let (_, values) = value.try_extract_tensor::<f32>()?;
    if values.len() == len { Ok(values) } else { Err(DetectError::Output(name)) }
}

/// Fills in which way faces look, of a detector whose landmarks follow a tilt by so little that `roll_gain` makes up for
/// it best.
fn fill_poses(found: &mut [Detection], roll_gain: f32) {
    for face in found {
        face.pose = face.landmarks.and_then(|points| Pose::of(&points));
        if let Some(pose) = &mut face.pose {
            pose.roll = (pose.roll * roll_gain).clamp(-180.0, 180.0);
        }
    }
}

/// What all detectors do at the end: drop what is not asked for, suppress overlaps, sort.
fn finish(settings: &DetectSettings, found: &mut Vec<Detection>) {
    found.retain(|face| {
        let size = face.bounds.w.max(face.bounds.h);
        face.score >= settings.min_score && size >= settings.min_face_px && size.is_finite()
    });
    suppress(found, settings.nms_iou);
}
