//! SeetaFace (Wu et al., "Funnel-structured cascade for multi-view face detection with alignment-awareness", 2016)
//! through rustface; its model is part of the binary.

use super::{DetectError, DetectSettings, Detection, Detector, finish, input::shrunk_size};
use crate::catch_panic::catch_panic;
use emotiond_core::{
    geometry::BoundingBox,
    levels::Stretch,
    picture::{Color, PictureView, luma, resize},
};
use fast_image_resize::Resizer;

const MODEL: &[u8] = include_bytes!("../../models/seeta_fd_frontal_v1.0.bin");

/// The smallest face that the cascade detects, in pixels of its input.
const SMALLEST_FACE_PX: f32 = 40.0;
/// The cascade's score that maps to 0.5.
const EVEN_SCORE: f64 = 2.0;
/// Maximum enlargement of the input, because the cost of the cascade is proportional to the area.
const MOST_ENLARGED: f32 = 3.0;

/// The detector and its memory.
pub(super) struct SeetaFace {
    cascade: Box<dyn rustface::Detector>,
    resizer: Resizer,
    gray: Vec<u8>,
    resized: Vec<u8>,
    stretched: Vec<u8>,
}

impl SeetaFace {
    pub fn new() -> Self {
        Self {
            cascade: cascade(),
            resizer: Resizer::new(),
            gray: Vec::new(),
            resized: Vec::new(),
            stretched: Vec::new(),
        }
    }
}

fn cascade() -> Box<dyn rustface::Detector> {
    let model = rustface::read_model(MODEL).expect("the embedded model is whole");
    let mut cascade = rustface::create_detector_with_model(model);
    cascade.set_min_face_size(SMALLEST_FACE_PX as u32);
    cascade.set_pyramid_scale_factor(0.8);
    cascade.set_slide_window_step(4, 4);
    cascade
}

impl Detector for SeetaFace {
    fn detect(
        &mut self,
        picture: &PictureView,
        settings: &DetectSettings,
        found: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        found.clear();
        let (width, height) = searched_size(picture.width, picture.height, settings);
        if width.min(height) < SMALLEST_FACE_PX as u32 {
            return Ok(());
        }
        let gray = to_gray(picture, &mut self.gray);
        let pixels = if (width, height) == (picture.width, picture.height) {
            gray.data
        } else {
            resize(&mut self.resizer, &gray, width, height, &mut self.resized)?;
            &self.resized
        };
        let stretch = Stretch::of_scene(pixels);
        let pixels = if stretch == Stretch::NONE {
            pixels
        } else {
            self.stretched.clear();
            self.stretched.extend(pixels.iter().map(|&pixel| stretch.apply(pixel)));
            &self.stretched
        };
        let threshold = cascade_score(settings.min_score);
        let cascade = &mut self.cascade;
        let faces = catch_panic(|| {
            cascade.set_score_thresh(threshold);
            cascade.detect(&rustface::ImageData::new(pixels, width, height))
        });
        let Ok(faces) = faces else {
            // Its state may be inconsistent after a panic.
            self.cascade = self::cascade();
            return Err(DetectError::Panic);
        };
        let to_picture = picture.width as f32 / width as f32;
        found.extend(faces.iter().map(|face| {
            let area = face.bbox();
            let bounds =
                BoundingBox::new(area.x() as f32, area.y() as f32, area.width() as f32, area.height() as f32);
            Detection {
                bounds: bounds.scaled(to_picture),
                score: unit_score(face.score()),
                landmarks: None,
                pose: None,
            }
        }));
        finish(settings, found);
        Ok(())
    }
}

/// The size of the cascade's input, so that faces of `min_face_px` have the smallest detectable size, within
/// `max_side_px`.
fn searched_size(width: u32, height: u32, settings: &DetectSettings) -> (u32, u32) {
    let factor = (SMALLEST_FACE_PX / settings.min_face_px.max(1.0)).min(MOST_ENLARGED);
    let longest = (width.max(height) as f32 * factor).round() as u32;
    let longest = longest.min(settings.max_side_px.max(SMALLEST_FACE_PX as u32));
    if longest <= width.max(height) {
        return shrunk_size(width, height, longest);
    }
    let factor = longest as f32 / width.max(height) as f32;
    ((width as f32 * factor).round() as u32, (height as f32 * factor).round() as u32)
}

fn to_gray<'a>(picture: &PictureView<'a>, memory: &'a mut Vec<u8>) -> PictureView<'a> {
    match picture.color {
        Color::Gray => *picture,
        Color::Rgb => {
            memory.clear();
            memory.extend(picture.data.chunks_exact(3).map(|p| luma(p[0], p[1], p[2])));
            PictureView::new(picture.width, picture.height, Color::Gray, memory)
        }
    }
}

/// Maps the cascade's score, which has no upper limit, to 0 to 1.
fn unit_score(score: f64) -> f32 {
    (score / (score + EVEN_SCORE)) as f32
}

/// The inverse of [`unit_score`], limited to scores that the cascade accepts.
fn cascade_score(score: f32) -> f64 {
    let score = f64::from(score.clamp(0.01, 0.99));
    EVEN_SCORE * score / (1.0 - score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest;

    fn settings(min_face_px: f32, max_side_px: u32) -> DetectSettings {
        DetectSettings { min_score: 0.5, min_face_px, max_side_px, nms_iou: 0.3, tiled_below_px: None }
    }

    #[test]
    fn the_picture_is_scaled_so_that_the_smallest_face_fits_the_cascade() {
        assert_eq!(searched_size(640, 480, &settings(40.0, 1280)), (640, 480));
        assert_eq!(searched_size(640, 480, &settings(80.0, 1280)), (320, 240));
        assert_eq!(searched_size(640, 480, &settings(20.0, 1280)), (1280, 960));
        assert_eq!(searched_size(640, 480, &settings(20.0, 800)), (800, 600));
    }

    /// The checksum is documented in `models/seeta_fd_frontal_v1.0.md`.
    #[test]
    fn the_embedded_model_is_the_published_one() {
        let sum = format!("{:x}", sha2::Sha256::digest(MODEL));
        assert_eq!(sum, "c4619d066ed35e84d9a8e842860b0dff567aba0cbb139881075538761db3ff5d");
    }

    #[test]
    fn scores_go_there_and_back() {
        for score in [0.1, 0.5, 0.9] {
            assert!((unit_score(cascade_score(score)) - score).abs() < 1e-6);
        }
    }

    #[test]
    fn empty_pictures_and_odd_sizes_find_nothing_and_do_no_harm() {
        let mut detector = SeetaFace::new();
        let mut found = Vec::new();
        for (width, height) in [(1, 1), (1, 500), (41, 41), (100, 57)] {
            let pixels = vec![0; width * height];
            let picture = PictureView::new(width as u32, height as u32, Color::Gray, &pixels);
            detector.detect(&picture, &settings(40.0, 1280), &mut found).unwrap();
            assert!(found.is_empty());
        }
    }
}
