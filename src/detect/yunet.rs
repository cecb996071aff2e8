//! YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023), the file of OpenCV's model zoo.

use super::{
    DetectError, DetectSettings, Detection, Detector, fill_poses, finish,
    input::{InputPacker, PlaneOrder},
    output,
};
use crate::landmarks::Landmarks;
use emotiond_core::{
    geometry::{BoundingBox, Point},
    picture::PictureView,
};
use ort::session::Session;

const STRIDES: [usize; 3] = [8, 16, 32];
const CLASS: [&str; 3] = ["cls_8", "cls_16", "cls_32"];
const OBJECTNESS: [&str; 3] = ["obj_8", "obj_16", "obj_32"];
const BOXES: [&str; 3] = ["bbox_8", "bbox_16", "bbox_32"];
/// Its landmarks underestimate the in-plane rotation; this value is best on pasted faces, see docs/pose.md.
const ROLL_GAIN: f32 = 1.5;
const LANDMARKS: [&str; 3] = ["kps_8", "kps_16", "kps_32"];

/// The detector and its network.
pub(super) struct YuNet {
    session: Session,
    input: InputPacker,
}

impl YuNet {
    pub fn new(session: Session) -> Self {
        Self { session, input: InputPacker::new() }
    }
}

impl Detector for YuNet {
    fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        found.clear();
        self.input.pack(picture, settings.max_side_px, PlaneOrder::Bgr)?;
        let (width, height) = (self.input.width, self.input.height);
        let outputs = self.session.run(ort::inputs![self.input.tensor()?])?;
        for (level, &stride) in STRIDES.iter().enumerate() {
            let count = (width / stride) * (height / stride);
            let class = output(&outputs, CLASS[level], count)?;
            let objectness = output(&outputs, OBJECTNESS[level], count)?;
            let boxes = output(&outputs, BOXES[level], 4 * count)?;
            let landmarks = output(&outputs, LANDMARKS[level], 10 * count)?;
            let cells =
                Cells { class, objectness, boxes, landmarks, columns: width / stride, stride: stride as f32 };
            cells.collect(settings.min_score, 1.0 / self.input.scale, found);
        }
        drop(outputs);
        finish(settings, found);
        fill_poses(found, ROLL_GAIN);
        Ok(())
    }
}

/// One level of the network's output: a face for each cell of a grid.
struct Cells<'a> {
    class: &'a [f32],
    objectness: &'a [f32],
    boxes: &'a [f32],
    landmarks: &'a [f32],
    columns: usize,
    stride: f32,
}

impl Cells<'_> {
    fn collect(&self, min_score: f32, to_picture: f32, found: &mut Vec<Detection>) {
        // The score is the geometric mean of class and objectness.
        let min_product = min_score * min_score;
        for (cell, (&class, &objectness)) in self.class.iter().zip(self.objectness).enumerate() {
            let product = class.clamp(0.0, 1.0) * objectness.clamp(0.0, 1.0);
            if product < min_product {
                continue;
            }
            let offsets = &self.boxes[cell * 4..][..4];
            let (column, row) = ((cell % self.columns) as f32, (cell / self.columns) as f32);
            let place = |x: f32, y: f32| Point::new((column + x) * self.stride, (row + y) * self.stride);
            let center = place(offsets[0], offsets[1]);
            let (w, h) = (offsets[2].exp() * self.stride, offsets[3].exp() * self.stride);
            let bounds = BoundingBox::new(center.x - w / 2.0, center.y - h / 2.0, w, h);
            let (points, _) = self.landmarks.as_chunks::<10>();
            let landmarks = Some(Landmarks::decode(&points[cell], place));
            found.push(Detection { bounds, score: product.sqrt(), landmarks, pose: None }.scaled(to_picture));
        }
    }
}
