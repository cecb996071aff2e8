//! Creates frames of rooms, empty or with a given number of faces from a portrait (Eileen Collins, NASA, public domain).

use crate::{
    decode::{DecodeError, FrameDecoder},
    frame::{Encoding, Frame},
};
use image::{RgbImage, imageops};

const PORTRAIT: &[u8] = include_bytes!("portrait.jpg");
/// A square around the head in the portrait: left, top and side.
const HEAD: (u32, u32, u32) = (118, 10, 220);
const JPEG_QUALITY: i32 = 90;

/// How far the heads have moved to the right in each frame, in pixels.
const SWAY: [u32; 8] = [0, 3, 6, 9, 12, 9, 6, 3];
/// The largest change of a pixel by noise, in an empty room.
const NOISE: u32 = 3;

/// Frames of `width` x `height` pixels with `faces` heads in a grid that sways, as JPEG.
///
/// # Errors
/// When the JPEG library fails.
pub(super) fn swaying_faces(width: u32, height: u32, faces: u32) -> Result<Vec<Vec<u8>>, DecodeError> {
    let head = portrait()?;
    let columns = (f64::from(faces).sqrt().ceil() as u32).max(1);
    let rows = faces.div_ceil(columns).max(1);
    let side = (width / columns).min(height / rows);
    let head = imageops::resize(&head, side, side, imageops::FilterType::Triangle);
    let frame = |sway: &u32| {
        let mut scene = RgbImage::from_pixel(width, height, image::Rgb([96, 104, 112]));
        for face in 0..faces {
            let (column, row) = (face % columns, face / columns);
            let left = column * (width / columns) + (width / columns - side) / 2 + sway;
            let top = row * (height / rows) + (height / rows - side) / 2;
            imageops::replace(&mut scene, &head, i64::from(left), i64::from(top));
        }
        jpeg(&scene)
    };
    SWAY.iter().map(frame).collect()
}

/// Frames of a room without people that differ by a camera's noise, as JPEG.
///
/// # Errors
/// When the JPEG library fails.
pub(super) fn empty_room(width: u32, height: u32) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut random = 1u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 16) % (2 * NOISE + 1)
    };
    let mut frame = |_| {
        jpeg(&RgbImage::from_fn(width, height, |x, y| {
            // A window in a wall, and a floor of tiles.
            let is_window = x / (width / 8) == 5 && y / (height / 6) == 1;
            let light = match (is_window, y > height * 2 / 3) {
                (true, _) => 210,
                (_, true) => 60 + (x / 40 + y / 40) % 2 * 25,
                _ => 110 + y * 40 / height,
            };
            image::Rgb([0, 4, 8].map(|tint| (light + tint + noise() - NOISE) as u8))
        }))
    };
    (0..SWAY.len()).map(&mut frame).collect()
}

fn jpeg(scene: &RgbImage) -> Result<Vec<u8>, DecodeError> {
    let pixels = turbojpeg::Image {
        pixels: scene.as_raw().as_slice(),
        width: scene.width() as usize,
        pitch: scene.width() as usize * 3,
        height: scene.height() as usize,
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
