//! Searches pictures with a detector: whole ones, and parts of them.

use super::{
    DetectError, DetectSettings, Detection, Detector, suppress,
    tiles::{Tile, tiles},
};
use emotiond_core::picture::PictureView;

/// A detector and its memory. Each vision thread has its own.
pub struct FaceFinder {
    detector: Box<dyn Detector>,
    /// The pixels of a part.
    pixels: Vec<u8>,
    /// The faces in a part.
    part: Vec<Detection>,
}

impl FaceFinder {
    pub(super) fn new(detector: Box<dyn Detector>) -> Self {
        Self { detector, pixels: Vec::new(), part: Vec::new() }
    }

    /// Replaces `found` by the faces in the picture, sorted by descending score. Where `settings` ask for tiles, it is also
    /// searched in these.
    ///
    /// # Errors
    /// When detection fails on this picture; the finder remains usable.
    pub fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        self.detector.detect(picture, settings, found)?;
        self.search_parts(picture, tiles(picture.width, picture.height, settings), settings, found)
    }

    /// Adds the faces in parts of the picture to `found`. A face that the edge of a part cuts is left out: it is whole in
    /// another part or in the whole picture.
    fn search_parts(
        &mut self,
        picture: &PictureView,
        parts: impl Iterator<Item = Tile>,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        let before = found.len();
        for part in parts {
            let settings = DetectSettings { max_side_px: part.side_px(), ..*settings };
            let view = part.cut(picture, &mut self.pixels);
            self.detector.detect(&view, &settings, &mut self.part)?;
            let whole = self.part.iter().filter(|face| !part.cuts(face, picture));
            let (left, top) = (part.columns.start as f32, part.rows.start as f32);
            found.extend(whole.map(|face| face.moved(left, top)));
        }
        if found.len() > before {
            suppress(found, settings.nms_iou);
        }
        Ok(())
    }
}
