//! Decodes captured bytes to RGB pixels.
mod cost;
mod jpeg;
mod raw;
mod thumbnail;
mod turbo;

pub use thumbnail::Thumbnail;

use crate::{
    catch_panic::catch_panic,
    frame::{Encoding, Frame, Picture},
};
use emotiond_core::exit::{Exit, ExitsWith};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};
use jpeg::Jpeg;
use std::{io::Cursor, mem};
use thiserror::Error;

/// Why a frame cannot be decoded.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The frame has fewer bytes than its size requires.
    #[error("the frame has {got} bytes, but {width}x{height} pixels need {needed}")]
    Short {
        /// Bytes of the frame.
        got: usize,
        /// Bytes required.
        needed: usize,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The picture has more pixels than the limit allows.
    #[error(
        "the picture has {width}x{height} pixels, more than the limit of {limit_megapixels} megapixels: reduce its size, or raise `max_megapixels` under [limits] in the config and, if the memory is limited, `memory_mb` or the limit of the system"
    )]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The limit.
        limit_megapixels: f64,
    },
    /// The JPEG decoder failed.
    #[error("not an intact JPEG picture: {0}")]
    Jpeg(String),
    /// The header of a JPEG picture ends before the picture's size.
    #[error("not an intact JPEG picture: its header contains no size")]
    NoSize,
    /// The bytes are not a picture in a supported format.
    #[error("not a picture in a supported format: {}", one_line(.0))]
    Picture(#[from] image::ImageError),
    /// The frame has no bytes.
    #[error("it is empty")]
    Empty,
    /// The pixel converter failed.
    #[error("the pixels cannot be converted: {0}")]
    Convert(#[from] yuv::YuvError),
    /// A decoder panicked.
    #[error("the decoder failed unexpectedly; the picture is probably damaged")]
    Panic,
}

impl ExitsWith for DecodeError {
    fn exit(&self) -> Exit {
        Exit::Software
    }
}

/// Decodes frames. It keeps no state between pictures, so a damaged picture cannot affect the next one.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    max_pixels: usize,
}

impl FrameDecoder {
    /// A decoder that rejects pictures of more than `max_megapixels` before it allocates memory for them.
    pub fn new(max_megapixels: f64) -> Self {
        Self { max_pixels: (max_megapixels * 1e6) as usize }
    }

    /// Width and height of the frame's turned picture, as far as they are known without decoding it.
    ///
    /// # Errors
    /// When the frame is a JPEG picture with an invalid header.
    pub fn size(&self, frame: &Frame) -> Result<(u32, u32), DecodeError> {
        let size = match frame.encoding {
            Encoding::Jpeg => Jpeg::open(&frame.bytes)?.size(),
            _ => (frame.width, frame.height),
        };
        Ok(frame.turn.size(size))
    }

    /// Decodes `frame.bytes` into `frame.picture` and turns it; JPEG pictures at the size given by `frame.shrink`.
    ///
    /// # Errors
    /// When the bytes are not an intact picture, when it is too large, or when a decoder panics.
    pub fn decode(&self, frame: &mut Frame) -> Result<(), DecodeError> {
        catch_panic(|| self.decode_unguarded(frame)).unwrap_or(Err(DecodeError::Panic))
    }

    fn decode_unguarded(&self, frame: &mut Frame) -> Result<(), DecodeError> {
        if frame.bytes.is_empty() {
            return Err(DecodeError::Empty);
        }
        let mut size = None;
        match frame.encoding {
            Encoding::Jpeg => {
                let mut jpeg = Jpeg::open(&frame.bytes)?;
                self.decode_jpeg(&mut jpeg, frame.shrink, &mut frame.picture)?;
                size = Some(frame.turn.size(jpeg.size()));
            }
            Encoding::PictureFile => self.decode_file(&frame.bytes, &mut frame.picture)?,
            _ => {
                self.check_size((frame.width, frame.height))?;
                raw::decode(frame)?;
            }
        }
        let Picture { width, height, pixels } = &mut frame.picture;
        (*width, *height) = frame.turn.apply((*width, *height), pixels);
        frame.full_size = size.unwrap_or((*width, *height));
        Ok(())
    }

    /// Decodes the picture at full size for whoever watches, if the analysis did without. What is wrong with it is told
    /// by the analysis alone.
    pub fn decode_shown(&self, frame: &mut Frame) {
        let is_shrunk = frame.shrink != 1;
        if frame.is_decoded && !is_shrunk {
            return;
        }
        if frame.encoding != Encoding::Jpeg {
            let _ = self.decode(frame);
            return;
        }
        // The analysis keeps its picture.
        let shrink = mem::replace(&mut frame.shrink, 1);
        mem::swap(&mut frame.picture, &mut frame.whole);
        let _ = self.decode(frame);
        mem::swap(&mut frame.picture, &mut frame.whole);
        frame.shrink = shrink;
    }

    /// Fills `thumbnail` with the frame's luma, averaged over squares of 8 pixels, before it is turned. Returns whether
    /// that is possible without decoding the picture.
    ///
    /// # Errors
    /// When the frame is a JPEG picture with an invalid header.
    pub fn thumbnail(&self, frame: &mut Frame, thumbnail: &mut Thumbnail) -> Result<bool, DecodeError> {
        let look = || match frame.encoding {
            Encoding::Jpeg => {
                let mut jpeg = Jpeg::open(&frame.bytes)?;
                self.check_size(jpeg.size())?;
                Ok((jpeg.size(), jpeg.thumbnail(thumbnail)))
            }
            _ => Ok(((frame.width, frame.height), thumbnail::of_raw(frame, thumbnail))),
        };
        let (size, is_seen) = catch_panic(look).unwrap_or(Err(DecodeError::Panic))?;
        frame.full_size = frame.turn.size(size);
        Ok(is_seen)
    }

    fn decode_jpeg(&self, jpeg: &mut Jpeg, shrink: u32, picture: &mut Picture) -> Result<(), DecodeError> {
        self.check_size(jpeg.size())?;
        jpeg.decode(shrink, picture)
    }

    /// Decodes a picture file of any supported format and applies its EXIF orientation.
    fn decode_file(&self, bytes: &[u8], picture: &mut Picture) -> Result<(), DecodeError> {
        let reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|error| DecodeError::Picture(image::ImageError::IoError(error)))?;
        let format = reader.format();
        let mut decoder = reader.into_decoder()?;
        self.check_size(decoder.dimensions())?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        // The same decoder as for cameras: it is faster, and it reports truncated pictures, which others fill with
        // gray.
        if format == Some(ImageFormat::Jpeg) {
            let mut jpeg = Jpeg::open(bytes)?;
            // The other decoder can convert these colours.
            if !jpeg.is_for_print() {
                self.decode_jpeg(&mut jpeg, 1, picture)?;
                if orientation == Orientation::NoTransforms {
                    return Ok(());
                }
                let pixels = std::mem::take(&mut picture.pixels);
                let upright = image::RgbImage::from_raw(picture.width, picture.height, pixels);
                return orient(upright.ok_or(DecodeError::Panic)?.into(), orientation, picture);
            }
        }
        orient(DynamicImage::from_decoder(decoder)?, orientation, picture)
    }

    fn check_size(&self, (width, height): (u32, u32)) -> Result<(), DecodeError> {
        if (width as usize).saturating_mul(height as usize) > self.max_pixels {
            return Err(DecodeError::TooLarge {
                width,
                height,
                limit_megapixels: self.max_pixels as f64 / 1e6,
            });
        }
        Ok(())
    }
}

/// Joins the lines of a decoder's message.
fn one_line(error: &image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn orient(
    mut image: DynamicImage,
    orientation: Orientation,
    picture: &mut Picture,
) -> Result<(), DecodeError> {
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    (picture.width, picture.height) = rgb.dimensions();
    picture.pixels = rgb.into_raw();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frame::Chroma,
        turn::{Rotation, Turn},
    };

    fn decoded(encoding: Encoding, width: u32, height: u32, bytes: Vec<u8>) -> Result<Frame, DecodeError> {
        let mut frame = Frame { encoding, width, height, bytes, ..Frame::default() };
        FrameDecoder::new(1.0).decode(&mut frame).map(|()| frame)
    }

    #[test]
    fn each_raw_format_gives_gray_for_neutral_chroma() {
        let y = 126; // (126 - 16) * 255 / 219 = 128
        let cases = [
            (Encoding::Yuyv, [y, 128].repeat(6 * 4)),
            (Encoding::Nv12, [vec![y; 24], vec![128; 12]].concat()),
            (Encoding::Planar(Chroma::C420), [vec![y; 24], vec![128; 12]].concat()),
            (Encoding::Planar(Chroma::C422), [vec![y; 24], vec![128; 24]].concat()),
            (Encoding::Planar(Chroma::C444), [vec![y; 24], vec![128; 48]].concat()),
            (Encoding::Gray, vec![128; 24]),
            (Encoding::Rgb, vec![128; 72]),
        ];
        for (encoding, bytes) in cases {
            let frame = decoded(encoding, 6, 4, bytes).unwrap();
            assert_eq!(frame.picture.pixels.len(), 72);
            assert!(
                frame.picture.pixels.iter().all(|&p| p.abs_diff(128) <= 1),
                "{encoding:?} {:?}",
                frame.picture.pixels
            );
        }
    }

    #[test]
    fn uyvy_is_yuyv_in_another_order() {
        let yuyv: Vec<u8> = (0..48).map(|i| (i * 37 % 200 + 20) as u8).collect();
        let uyvy = yuyv.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        let pixels = |encoding, bytes| decoded(encoding, 6, 4, bytes).unwrap().picture.pixels;
        assert_eq!(pixels(Encoding::Uyvy, uyvy), pixels(Encoding::Yuyv, yuyv));
    }

    #[test]
    fn sizes_and_pixels_are_those_of_the_turned_picture() {
        let turn = Turn { rotation: Rotation::Quarter, mirror: false };
        let mut frame = Frame { encoding: Encoding::Gray, width: 3, height: 2, turn, ..Frame::default() };
        frame.bytes.extend([1, 2, 3, 4, 5, 6]);
        let decoder = FrameDecoder::new(1.0);
        assert_eq!(decoder.size(&frame).unwrap(), (2, 3));
        decoder.decode(&mut frame).unwrap();
        assert_eq!(frame.full_size, (2, 3));
        let grays: Vec<u8> = frame.picture.pixels.iter().step_by(3).copied().collect();
        assert_eq!(grays, [4, 1, 5, 2, 6, 3]);
        frame.clear();
        assert_eq!(frame.turn, turn);
    }

    #[test]
    fn bgr_is_turned_round() {
        assert_eq!(decoded(Encoding::Bgr, 1, 1, vec![1, 2, 3]).unwrap().picture.pixels, [3, 2, 1]);
    }

    #[test]
    fn a_jpeg_picture_is_decoded_at_a_part_of_its_size() {
        let pixels = [[40, 40, 40], [200, 200, 200]].map(|pixel| pixel.repeat(33 * 50)).concat();
        let image = turbojpeg::Image {
            pixels: &pixels[..],
            width: 33,
            pitch: 99,
            height: 100,
            format: turbojpeg::PixelFormat::RGB,
        };
        let jpeg = turbojpeg::compress(image, 95, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec();
        let decoder = FrameDecoder::new(1.0);
        let mut frame = Frame { encoding: Encoding::Jpeg, bytes: jpeg, ..Frame::default() };
        assert_eq!(decoder.size(&frame).unwrap(), (33, 100));
        for (shrink, width, height) in [(2, 17, 50), (4, 9, 25), (1, 33, 100)] {
            frame.shrink = shrink;
            decoder.decode(&mut frame).unwrap();
            assert_eq!(
                (frame.picture.width, frame.picture.height, frame.full_size),
                (width, height, (33, 100))
            );
            let view = frame.picture.view();
            assert!(view.row(2)[0].abs_diff(40) < 5 && view.row(height - 3)[0].abs_diff(200) < 5);
        }
        frame.turn = Turn { rotation: Rotation::ThreeQuarters, mirror: true };
        assert_eq!(decoder.size(&frame).unwrap(), (100, 33));
        for (shrink, width, height) in [(2, 50, 17), (4, 25, 9), (1, 100, 33)] {
            frame.shrink = shrink;
            decoder.decode(&mut frame).unwrap();
            assert_eq!(
                (frame.picture.width, frame.picture.height, frame.full_size),
                (width, height, (100, 33))
            );
            let row = frame.picture.view().row(3);
            assert!(row[6].abs_diff(200) < 5 && row[row.len() - 6].abs_diff(40) < 5);
        }
    }

    #[test]
    fn a_short_frame_is_refused_and_a_long_one_is_cut() {
        assert!(matches!(
            decoded(Encoding::Yuyv, 6, 4, vec![0; 47]),
            Err(DecodeError::Short { needed: 48, .. })
        ));
        assert!(decoded(Encoding::Yuyv, 6, 4, vec![0; 4096]).is_ok());
        assert!(matches!(decoded(Encoding::Yuyv, 6, 4, vec![]), Err(DecodeError::Empty)));
    }

    #[test]
    fn a_picture_over_the_limit_is_refused_before_it_is_decoded() {
        let mut png = Vec::new();
        image::GrayImage::new(2000, 1000).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        let message = decoded(Encoding::PictureFile, 0, 0, png).err().unwrap().to_string();
        assert!(message.contains("2000x1000") && message.contains("max_megapixels"), "{message}");
    }

    #[test]
    fn text_is_no_picture() {
        assert!(decoded(Encoding::PictureFile, 0, 0, b"this is not a picture at all".to_vec()).is_err());
        assert!(decoded(Encoding::Jpeg, 0, 0, b"nor is this".to_vec()).is_err());
    }
}
