//! No detector: every picture is a face already, such as a crop from another program.

use super::{DetectError, DetectSettings, Detection, Detector};
use emotiond_core::{geometry::BoundingBox, picture::PictureView};

/// Takes the whole picture as one face, of any size.
pub struct WholePicture;

impl Detector for WholePicture {
    fn detect(
        &mut self,
        picture: &PictureView,
        _settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        let bounds = BoundingBox::new(0.0, 0.0, picture.width as f32, picture.height as f32);
        found.clear();
        found.push(Detection { bounds, score: 1.0, landmarks: None, pose: None });
        Ok(())
    }
}
