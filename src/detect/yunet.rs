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
use ndarray::{ArrayView2, ArrayView3};
use ort::session::Session;
use std::array;

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
            let grid = (height / stride, width / stride);
            let level = Level {
                class: output(&outputs, CLASS[level], grid)?,
                objectness: output(&outputs, OBJECTNESS[level], grid)?,
                boxes: output(&outputs, BOXES[level], (grid.0, grid.1, 4))?,
                landmarks: output(&outputs, LANDMARKS[level], (grid.0, grid.1, 10))?,
                stride: stride as f32,
            };
            level.collect(settings.min_score, 1.0 / self.input.scale, found);
        }
        drop(outputs);
        finish(settings, found);
        fill_poses(found, ROLL_GAIN);
        Ok(())
    }
}

/// One level of the network's output: a face for each cell of a grid `[rows, columns]`.
struct Level<'a> {
    class: ArrayView2<'a, f32>,
    objectness: ArrayView2<'a, f32>,
    /// Centre and logarithmic size relative to the cell, `[rows, columns, 4]`.
    boxes: ArrayView3<'a, f32>,
    /// x and y of five points relative to the cell, `[rows, columns, 10]`.
    landmarks: ArrayView3<'a, f32>,
    /// Input pixels per cell.
    stride: f32,
}

impl Level<'_> {
    fn collect(&self, min_score: f32, to_picture: f32, found: &mut Vec<Detection>) {
        // The score is the geometric mean of class and objectness.
        let min_product = min_score * min_score;
        for ((cell, &class), &objectness) in self.class.indexed_iter().zip(&self.objectness) {
            let product = class.clamp(0.0, 1.0) * objectness.clamp(0.0, 1.0);
            if product < min_product {
                continue;
            }
            let (row, column) = (cell.0 as f32, cell.1 as f32);
            let offset = |index: usize| self.boxes[[cell.0, cell.1, index]];
            let place = |x: f32, y: f32| Point::new((column + x) * self.stride, (row + y) * self.stride);
            let center = place(offset(0), offset(1));
            let (w, h) = (offset(2).exp() * self.stride, offset(3).exp() * self.stride);
            let bounds = BoundingBox::new(center.x - w / 2.0, center.y - h / 2.0, w, h);
            let numbers = array::from_fn(|index| self.landmarks[[cell.0, cell.1, index]]);
            let landmarks = Some(Landmarks::decode(&numbers, place));
            found.push(Detection { bounds, score: product.sqrt(), landmarks, pose: None }.scaled(to_picture));
        }
    }
}
