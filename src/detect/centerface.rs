//! CenterFace (Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2020).

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
use std::array;

/// Input pixels per cell of the heat map.
const STRIDE: f32 = 4.0;

/// Output names of the heat map `[1, 1, h, w]`, the logarithmic size `[1, 2, h, w]`, the offset `[1, 2, h, w]` and the
/// landmarks `[1, 10, h, w]`: y and x of each point relative to the box's corner, as fractions of the box.
const HEAT: &str = "537";
const SIZE: &str = "538";
const OFFSET: &str = "539";
const LANDMARKS: &str = "540";

/// The detector and its network.
pub(super) struct CenterFace {
    session: Session,
    input: InputPacker,
}

impl CenterFace {
    pub fn new(session: Session) -> Self {
        Self { session, input: InputPacker::new() }
    }
}

impl Detector for CenterFace {
    fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        found.clear();
        self.input.pack(picture, settings.max_side_px, PlaneOrder::Rgb)?;
        let (width, height) = (self.input.width, self.input.height);
        let outputs = self.session.run(ort::inputs![self.input.tensor()?])?;
        let (rows, columns) = (height / STRIDE as usize, width / STRIDE as usize);
        let heat = output(&outputs, HEAT, (rows, columns))?;
        let size = output(&outputs, SIZE, (2, rows, columns))?;
        let offset = output(&outputs, OFFSET, (2, rows, columns))?;
        let landmarks = output(&outputs, LANDMARKS, (10, rows, columns))?;
        let certain = heat.indexed_iter().filter(|(_, score)| **score >= settings.min_score);
        for ((row, column), &score) in certain {
            let [h, w] = [0, 1].map(|axis| size[[axis, row, column]].exp() * STRIDE);
            let cy = (row as f32 + offset[[0, row, column]] + 0.5) * STRIDE;
            let cx = (column as f32 + offset[[1, row, column]] + 0.5) * STRIDE;
            let bounds = BoundingBox::new(cx - w / 2.0, cy - h / 2.0, w, h);
            let numbers = array::from_fn(|index| landmarks[[index, row, column]]);
            let place = |y: f32, x: f32| Point::new(bounds.x + x * w, bounds.y + y * h);
            let landmarks = Some(Landmarks::decode(&numbers, place));
            found.push(Detection { bounds, score, landmarks, pose: None }.scaled(1.0 / self.input.scale));
        }
        drop(outputs);
        finish(settings, found);
        fill_poses(found, 1.0);
        Ok(())
    }
}
