//! Cuts square crops out of pictures.

use super::{Framing, square, upright::turn_upright};
use crate::{
    classify::description::InputSpec,
    geometry::BoundingBox,
    picture::{Color, PictureView, luma, resize_part},
};
use fast_image_resize::Resizer;
use std::f32::consts::SQRT_2;

/// A face that is tilted by less than this is not rotated, in degrees; measured, see docs/pose.md.
const LEAST_ROLL_DEG: f32 = 5.0;

/// A face whose head is tilted.
#[derive(Clone, Copy, Debug)]
pub struct TiltedFace {
    /// The upright bounding box, as from a detector.
    pub bounds: BoundingBox,
    /// Clockwise rotation of the head in the picture plane, in degrees.
    pub roll_deg: f32,
}

/// A part of a picture in pixels; it may extend beyond the picture.
struct Region {
    left: i64,
    top: i64,
    width: usize,
    height: usize,
}

/// Cuts faces out of pictures. Its buffers are reused, so that it normally does not allocate memory.
pub struct Cropper {
    resizer: Resizer,
    region: Vec<u8>,
    /// Buffer of the pixels before rotation.
    tilted: Vec<u8>,
}

impl Default for Cropper {
    fn default() -> Self {
        Self::new()
    }
}

impl Cropper {
    /// A cropper with empty buffers.
    pub fn new() -> Self {
        Self { resizer: Resizer::new(), region: Vec::new(), tilted: Vec::new() }
    }

    /// Writes the square crop of `face` placed by `framing` into `out`: `spec.crop_len()` bytes, row by row, in the
    /// colour of `spec`. Outside the picture, the pixels of the border are repeated.
    ///
    /// # Panics
    /// When `out` has another length.
    pub fn crop(
        &mut self,
        picture: &PictureView,
        face: &BoundingBox,
        framing: Framing,
        spec: &InputSpec,
        out: &mut [u8],
    ) {
        assert_eq!(out.len(), spec.crop_len(), "the crop's buffer does not fit the model's input");
        self.resample(picture, &square(face, framing), spec.color, spec.size, out);
        if spec.colorless {
            remove_color(out, spec.color);
        }
    }

    /// The same for a face that is tilted: the square is tilted with the face and rotated
    /// upright. A face with a small tilt is not rotated.
    ///
    /// # Panics
    /// When `out` has another length.
    pub fn crop_upright(
        &mut self,
        picture: &PictureView,
        face: &TiltedFace,
        framing: Framing,
        spec: &InputSpec,
        out: &mut [u8],
    ) {
        let &TiltedFace { bounds: ref face, roll_deg } = face;
        if roll_deg.abs() < LEAST_ROLL_DEG || !roll_deg.is_finite() {
            return self.crop(picture, face, framing, spec, out);
        }
        assert_eq!(out.len(), spec.crop_len(), "the crop's buffer does not fit the model's input");
        let (sin, cos) = roll_deg.to_radians().sin_cos();
        let upright = square(face, framing);
        // `down` is measured along the face's own vertical axis.
        let (cx, cy) = face.center();
        let down = upright.center().1 - cy;
        let (cx, cy) = (cx - sin * down, cy + cos * down);
        // The upright square that contains the tilted square at any angle, resized to twice the crop's resolution,
        // which averages smaller details.
        let side = upright.w * SQRT_2;
        let around = BoundingBox::new(cx - side / 2.0, cy - side / 2.0, side, side);
        let size = (2.0 * spec.size as f32 * SQRT_2).ceil() as usize;
        let mut tilted = std::mem::take(&mut self.tilted);
        tilted.resize(size * size * spec.color.channels(), 0);
        self.resample(picture, &around, spec.color, size, &mut tilted);
        turn_upright(&tilted, size, (sin, cos), spec, out);
        self.tilted = tilted;
        if spec.colorless {
            remove_color(out, spec.color);
        }
    }

    /// Writes the square, made `size` pixels wide, into `out`.
    fn resample(
        &mut self,
        picture: &PictureView,
        square: &BoundingBox,
        color: Color,
        size: usize,
        out: &mut [u8],
    ) {
        let square = within_reach(square, picture);
        let (left, top) = (square.x.floor(), square.y.floor());
        // Never empty: a box of size zero becomes one pixel.
        let width = ((square.x + square.w).ceil() - left).max(1.0);
        let height = ((square.y + square.h).ceil() - top).max(1.0);
        let (width, height) = (width as usize, height as usize);
        self.copy_region(picture, color, &Region { left: left as i64, top: top as i64, width, height });
        if width == size && height == size && square.w == width as f32 {
            out.copy_from_slice(&self.region);
            return;
        }
        let side = f64::from(square.w.max(f32::EPSILON)).min(width as f64).min(height as f64);
        let offset = |inner: f32, extent: usize| f64::from(inner).clamp(0.0, extent as f64 - side);
        let part = [offset(square.x - left, width), offset(square.y - top, height), side, side];
        let region = PictureView::new(width as u32, height as u32, color, &self.region);
        resize_part(&mut self.resizer, &region, Some(part), (size as u32, size as u32), out)
            .expect("the crop lies inside the region");
    }

    /// Fills `self.region` with the pixels of `region`, in `color`.
    fn copy_region(&mut self, picture: &PictureView, color: Color, region: &Region) {
        let &Region { left, top, width, height } = region;
        self.region.clear();
        let last_x = i64::from(picture.width) - 1;
        let last_y = i64::from(picture.height) - 1;
        for y in 0..height as i64 {
            let row = picture.row((top + y).clamp(0, last_y) as u32);
            // Numbers of columns left of, inside and right of the picture.
            let inside = left.clamp(0, last_x + 1)..(left + width as i64).clamp(0, last_x + 1);
            let before = (inside.start - left).min(width as i64).max(0) as usize;
            let after = width - before - inside.clone().count();
            repeat_pixel(&mut self.region, row, picture.color, color, 0, before);
            let channels = picture.color.channels();
            convert(
                &mut self.region,
                &row[inside.start as usize * channels..inside.end as usize * channels],
                picture.color,
                color,
            );
            repeat_pixel(&mut self.region, row, picture.color, color, last_x as usize, after);
        }
    }
}

/// Replaces each channel of the pixels by their luma.
fn remove_color(pixels: &mut [u8], color: Color) {
    if color == Color::Rgb {
        for pixel in pixels.chunks_exact_mut(3) {
            pixel.fill(luma(pixel[0], pixel[1], pixel[2]));
        }
    }
}

/// Limits the position and size of a square from a broken detection far outside the picture, because its pixels would
/// need too much memory. Other squares are unchanged.
fn within_reach(square: &BoundingBox, picture: &PictureView) -> BoundingBox {
    let reach = 4.0 * picture.width.max(picture.height) as f32;
    let (cx, cy) = square.center();
    if square.w <= reach && cx.abs() <= 2.0 * reach && cy.abs() <= 2.0 * reach {
        return *square;
    }
    let side = square.w.min(reach);
    let near = |center: f32| if center.is_nan() { 0.0 } else { center.clamp(-reach, reach) };
    BoundingBox::new(near(cx) - side / 2.0, near(cy) - side / 2.0, side, side)
}

fn repeat_pixel(region: &mut Vec<u8>, row: &[u8], from: Color, to: Color, x: usize, count: usize) {
    let pixel = &row[x * from.channels()..][..from.channels()];
    for _ in 0..count {
        convert(region, pixel, from, to);
    }
}

/// Appends `pixels` in the colour `to`.
fn convert(region: &mut Vec<u8>, pixels: &[u8], from: Color, to: Color) {
    match (from, to) {
        (Color::Gray, Color::Gray) | (Color::Rgb, Color::Rgb) => region.extend_from_slice(pixels),
        (Color::Rgb, Color::Gray) => region.extend(pixels.chunks_exact(3).map(|p| luma(p[0], p[1], p[2]))),
        (Color::Gray, Color::Rgb) => region.extend(pixels.iter().flat_map(|&p| [p, p, p])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_the_right_size_passes_unchanged() {
        let pixels: Vec<u8> = (0..48 * 48).map(|i| (i * 7 % 256) as u8).collect();
        let picture = PictureView::new(48, 48, Color::Gray, &pixels);
        let mut out = vec![0; 48 * 48];
        let whole = BoundingBox::new(0.0, 0.0, 48.0, 48.0);
        Cropper::new().crop(&picture, &whole, Framing::default(), &InputSpec::fer2013(), &mut out);
        assert_eq!(out, pixels);
    }

    #[test]
    fn a_face_beyond_the_border_repeats_its_pixels() {
        let pixels = [[10, 20, 30]; 64 * 64].concat();
        let picture = PictureView::new(64, 64, Color::Rgb, &pixels);
        for face in [
            BoundingBox::new(-30.0, -30.0, 40.0, 40.0),
            BoundingBox::new(50.5, 60.25, 40.0, 33.0),
            BoundingBox::new(-500.0, 10.0, 20.0, 20.0),
            BoundingBox::new(3.0, 3.0, 0.0, 0.0),
        ] {
            let mut out = vec![0; 48 * 48];
            Cropper::new().crop(
                &picture,
                &face,
                Framing { margin: 0.3, down: 0.0 },
                &InputSpec::fer2013(),
                &mut out,
            );
            assert!(out.iter().all(|&p| p == luma(10, 20, 30)), "{face:?}");
        }
    }

    #[test]
    fn a_gradient_keeps_its_direction_and_range() {
        let pixels: Vec<u8> = (0..200 * 200).map(|i| (i % 200) as u8).collect();
        let picture = PictureView::new(200, 200, Color::Gray, &pixels);
        let mut out = vec![0; 48 * 48];
        let face = BoundingBox::new(50.0, 50.0, 96.0, 96.0);
        Cropper::new().crop(&picture, &face, Framing::default(), &InputSpec::fer2013(), &mut out);
        assert!(out[..48].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            (out[0] as i32 - 51).abs() <= 1 && (out[47] as i32 - 145).abs() <= 1,
            "{} {}",
            out[0],
            out[47]
        );
    }

    #[test]
    fn a_tilted_face_is_cut_out_like_the_same_face_upright() {
        // Asymmetric waves around the middle of the picture.
        let wave = |x: f32, y: f32| {
            128.0 + 60.0 * (x / 9.0).sin() * (y / 13.0).cos() + 40.0 * ((x + 2.0 * y) / 31.0).sin()
        };
        let picture = |roll_deg: f32| -> Vec<u8> {
            let (sin, cos) = roll_deg.to_radians().sin_cos();
            let at = |x: f32, y: f32| wave(x * cos + y * sin, y * cos - x * sin);
            let places = (0..300 * 300).map(|i| ((i % 300) as f32 - 149.5, (i / 300) as f32 - 149.5));
            places.flat_map(|(x, y)| [at(x, y) as u8; 3]).collect()
        };
        let face = BoundingBox::new(150.0 - 55.0, 150.0 - 60.0, 110.0, 120.0);
        let framing = Framing { margin: -0.1, down: 0.1 };
        for color in [Color::Gray, Color::Rgb] {
            let spec = InputSpec { color, ..InputSpec::fer2013() };
            let crop = |roll_deg: f32| {
                let pixels = picture(roll_deg);
                let view = PictureView::new(300, 300, Color::Rgb, &pixels);
                let mut out = vec![0; spec.crop_len()];
                let face = TiltedFace { bounds: face, roll_deg };
                Cropper::new().crop_upright(&view, &face, framing, &spec, &mut out);
                out
            };
            let upright = crop(0.0);
            for roll_deg in [-170.0, -90.0, -30.0, LEAST_ROLL_DEG, 12.0, 45.0] {
                let differences = crop(roll_deg).into_iter().zip(&upright).map(|(a, b)| a.abs_diff(*b));
                let most = differences.max().unwrap();
                assert!(most <= 6, "{roll_deg} degrees: {most}");
            }
        }
    }

    #[test]
    fn a_network_that_has_seen_no_colour_gets_none() {
        let pixels: Vec<u8> = (0..100 * 100 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let picture = PictureView::new(100, 100, Color::Rgb, &pixels);
        let face = BoundingBox::new(20.3, 30.1, 50.0, 60.0);
        let gray = InputSpec::fer2013();
        let rgb = InputSpec { color: Color::Rgb, ..gray.clone() };
        for roll_deg in [0.0, 30.0] {
            let crop = |spec: &InputSpec| {
                let mut out = vec![0; spec.crop_len()];
                let face = TiltedFace { bounds: face, roll_deg };
                Cropper::new().crop_upright(&picture, &face, Framing::default(), spec, &mut out);
                out
            };
            let colorless = crop(&InputSpec { colorless: true, ..rgb.clone() });
            assert!(crop(&rgb).chunks_exact(3).any(|pixel| pixel[0] != pixel[1]));
            assert!(colorless.chunks_exact(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
            let luma = colorless.chunks_exact(3).map(|pixel| pixel[0]);
            assert!(luma.zip(crop(&gray)).all(|(a, b)| a.abs_diff(b) <= 2));
        }
    }

    #[test]
    fn a_face_that_is_hardly_tilted_is_cut_out_as_it_is() {
        let pixels: Vec<u8> = (0..100 * 100).map(|i| (i * 7 % 251) as u8).collect();
        let picture = PictureView::new(100, 100, Color::Gray, &pixels);
        let (spec, face) = (InputSpec::fer2013(), BoundingBox::new(20.3, 30.1, 50.0, 60.0));
        let crop = |roll_deg: f32| {
            let mut out = vec![0; spec.crop_len()];
            let face = TiltedFace { bounds: face, roll_deg };
            Cropper::new().crop_upright(&picture, &face, Framing::default(), &spec, &mut out);
            out
        };
        assert_eq!(crop(LEAST_ROLL_DEG - 0.1), crop(0.0));
        assert_eq!(crop(f32::NAN), crop(0.0));
        assert_ne!(crop(LEAST_ROLL_DEG + 0.1), crop(0.0));
    }
}
