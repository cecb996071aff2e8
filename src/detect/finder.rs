//! Searches pictures with a detector: whole ones, and parts of them.

use super::{
    DetectError, DetectSettings, Detection, Detector, regions, suppress,
    tiles::{Tile, tiles},
};
use emotiond_core::picture::PictureView;
use std::mem;

/// The centre of a known face may have moved out of its box by half of this part of its sides.
const MOVES: f32 = 1.0;

/// A detector and its memory. Each vision thread has its own.
pub struct FaceFinder {
    detector: Box<dyn Detector>,
    /// The pixels of a part.
    pixels: Vec<u8>,
    /// The faces in a part.
    part: Vec<Detection>,
    regions: Vec<Tile>,
    /// Faces that were found in the same scene a moment ago.
    known: Vec<Detection>,
}

impl FaceFinder {
    pub(super) fn new(detector: Box<dyn Detector>) -> Self {
        Self { detector, pixels: Vec::new(), part: Vec::new(), regions: Vec::new(), known: Vec::new() }
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
        self.search_parts(picture, tiles((picture.width, picture.height), settings), settings, found)
    }

    /// Sets the faces that were found in the same scene a moment ago.
    pub fn know(&mut self, faces: &[Detection]) {
        self.known.clear();
        self.known.extend_from_slice(faces);
    }

    /// Replaces `found` by the faces around known ones. Returns false if one of these with at least `sure_score` is not
    /// found, or if it costs little more to search the whole picture; `found` is incomplete then.
    ///
    /// # Errors
    /// When detection fails on this picture; the finder remains usable.
    pub fn detect_known(
        &mut self,
        picture: &PictureView,
        sure_score: f32,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<bool, DetectError> {
        found.clear();
        let mut regions = mem::take(&mut self.regions);
        let pays = regions::plan(&mut regions, &self.known, (picture.width, picture.height), settings);
        let searched =
            if pays { self.search_parts(picture, regions.drain(..), settings, found) } else { Ok(()) };
        self.regions = regions;
        searched?;
        // At the edge of a region, things sometimes look like faces.
        found.retain(|face| self.known.iter().any(|known| may_be(face, known)));
        let mut sure = self.known.iter().filter(|face| face.score >= sure_score);
        Ok(pays && sure.all(|known| found.iter().any(|face| may_be(face, known))))
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

/// Whether a face lies where a known one may have moved.
fn may_be(face: &Detection, known: &Detection) -> bool {
    let (place, (x, y)) = (known.bounds.enlarged(MOVES), face.bounds.center());
    (0.0..=place.w).contains(&(x - place.x)) && (0.0..=place.h).contains(&(y - place.y))
}
