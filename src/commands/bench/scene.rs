//! Creates frames with a given number of faces from a portrait (Eileen Collins, NASA, public domain).

use crate::{
    decode::{DecodeError, FrameDecoder},
    frame::{Encoding, Frame},
};
use image::{RgbImage, imageops};

const PORTRAIT: &[u8] = include_bytes!("portrait.jpg");
/// A square around the head in the portrait: left, top and side.
const HEAD: (u32, u32, u32) = (118, 10, 220);
const JPEG_QUALITY: i32 = 90;

/// A frame of `width` x `height` pixels with `faces` heads in a grid, as JPEG.
///
/// # Errors
/// When the JPEG library fails.
pub(super) fn jpeg_with_faces(width: u32, height: u32, faces: u32) -> Result<Vec<u8>, DecodeError> {
    let head = portrait()?;
    let columns = (f64::from(faces).sqrt().ceil() as u32).max(1);
    let rows = faces.div_ceil(columns).max(1);
    let side = (width / columns).min(height / rows);
    let head = imageops::resize(&head, side, side, imageops::FilterType::Triangle);
    let mut scene = RgbImage::from_pixel(width, height, image::Rgb([96, 104, 112]));
    for face in 0..faces {
        let (column, row) = (face % columns, face / columns);
        let left = column * (width / columns) + (width / columns - side) / 2;
        let top = row * (height / rows) + (height / rows - side) / 2;
        imageops::replace(&mut scene, &head, i64::from(left), i64::from(top));
    }
    let pixels = turbojpeg::Image {
        pixels: scene.as_raw().as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    let jpeg = turbojpeg::compress(pixels, JPEG_QUALITY, turbojpeg::Subsamp::Sub2x2);
    Ok(jpeg.map_err(|error| DecodeError::Jpeg(error.to_string()))?.to_vec())
}

fn portrait() -> Result<RgbImage, DecodeError> {
    let mut frame = Frame { encoding: Encoding::Jpeg, bytes: PORTRAIT.to_vec(), ..Frame::default() };
    FrameDecoder::new(1.0).decode(&mut frame)?;
    let picture = RgbImage::from_raw(frame.picture.width, frame.picture.height, frame.picture.pixels);
    let (left, top, side) = HEAD;
    Ok(imageops::crop_imm(&picture.ok_or(DecodeError::Panic)?, left, top, side, side).to_image())
}
