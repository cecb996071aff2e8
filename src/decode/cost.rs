//! The memory that a frame takes while it is decoded and analysed.

use super::{FrameDecoder, jpeg::Jpeg};
use crate::{
    catch_panic::catch_panic,
    frame::{Encoding, Frame},
    turn::Turn,
};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};
use std::io::Cursor;

/// Bytes of a decoded pixel.
const RGB_BYTES: u64 = 3;

/// What decoding a picture takes.
struct Cost {
    pixels: u64,
    bytes_per_pixel: u64,
}

impl FrameDecoder {
    /// Bytes that the frame takes until it is analysed, at most: its own and those of the frames that are read `ahead`, its
    /// picture, and what decoders need meanwhile. 0 if it will be refused.
    pub fn needed_bytes(&self, frame: &Frame, ahead: usize, is_shown: bool) -> u64 {
        let cost = catch_panic(|| self.cost(frame)).ok().flatten();
        let Some(Cost { pixels, bytes_per_pixel }) = cost else { return 0 };
        let is_turned = frame.turn != Turn::default();
        let shown = if is_shown && frame.encoding == Encoding::Jpeg { RGB_BYTES } else { 0 };
        let turned = if is_turned { RGB_BYTES } else { 0 };
        frame.bytes.len() as u64 * (1 + ahead as u64) + pixels * (bytes_per_pixel + shown + turned)
    }

    fn cost(&self, frame: &Frame) -> Option<Cost> {
        let mut bytes_per_pixel = RGB_BYTES;
        let size = match frame.encoding {
            Encoding::Jpeg => {
                let jpeg = Jpeg::open(&frame.bytes).ok()?;
                bytes_per_pixel += jpeg.kept_bytes_per_pixel();
                jpeg.size()
            }
            Encoding::PictureFile => {
                let reader = ImageReader::new(Cursor::new(&frame.bytes)).with_guessed_format().ok()?;
                let format = reader.format();
                let mut decoder = reader.into_decoder().ok()?;
                let color = decoder.color_type();
                let decoded = u64::from(color.bytes_per_pixel());
                bytes_per_pixel += match format {
                    Some(ImageFormat::Jpeg) => Jpeg::open(&frame.bytes).ok()?.kept_bytes_per_pixel(),
                    Some(ImageFormat::Png) if color == ColorType::Rgb8 => 0,
                    Some(ImageFormat::Png) => decoded,
                    // Their decoders need a second picture, at most.
                    _ => 2 * decoded,
                };
                if decoder.orientation().is_ok_and(|orientation| orientation != Orientation::NoTransforms) {
                    bytes_per_pixel += decoded;
                }
                decoder.dimensions()
            }
            // The bytes become the picture.
            Encoding::Rgb => {
                bytes_per_pixel = 0;
                (frame.width, frame.height)
            }
            _ => (frame.width, frame.height),
        };
        self.check_size(size).ok()?;
        Some(Cost { pixels: u64::from(size.0) * u64::from(size.1), bytes_per_pixel })
    }
}
