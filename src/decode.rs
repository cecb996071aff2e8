//! Decodes captured bytes to RGB pixels.

use crate::{
    catch_panic::catch_panic,
    frame::{Chroma, Encoding, Frame, Picture},
};
use emotiond_core::exit::{Exit, ExitsWith};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, metadata::Orientation};
use std::io::Cursor;
use thiserror::Error;
use turbojpeg::{Colorspace, DecompressHeader, Decompressor};
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

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
        "the picture has {width}x{height} pixels, more than the limit of {limit_megapixels} megapixels: reduce its size, or raise `max_megapixels` under [limits] in the config"
    )]
    TooLarge {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The limit.
        limit_megapixels: f64,
    },
    /// The JPEG decoder failed.
    #[error("not an intact JPEG picture: {0}")]
    Jpeg(#[from] turbojpeg::Error),
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

    /// Width and height of the frame's picture, as far as they are known without decoding it.
    ///
    /// # Errors
    /// When the frame is a JPEG picture with an invalid header.
    pub fn size(&self, frame: &Frame) -> Result<(u32, u32), DecodeError> {
        if frame.encoding != Encoding::Jpeg {
            return Ok((frame.width, frame.height));
        }
        let (_, header) = open_jpeg(&frame.bytes)?;
        Ok((header.width as u32, header.height as u32))
    }

    /// Decodes `frame.bytes` into `frame.picture`; JPEG pictures at the size given by `frame.shrink`.
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
        match frame.encoding {
            Encoding::Jpeg => {
                let (jpeg, header) = open_jpeg(&frame.bytes)?;
                self.decode_jpeg(jpeg, &header, &frame.bytes, frame.shrink, &mut frame.picture)?;
                (frame.width, frame.height) = (header.width as u32, header.height as u32);
                Ok(())
            }
            Encoding::PictureFile => self.decode_file(&frame.bytes, &mut frame.picture),
            _ => {
                self.check_size(frame.width as usize, frame.height as usize)?;
                decode_raw(frame)
            }
        }
    }

    /// Decodes at 1/`shrink` of each side, which saves most of the work.
    fn decode_jpeg(
        &self,
        mut jpeg: Decompressor,
        header: &DecompressHeader,
        bytes: &[u8],
        shrink: u32,
        picture: &mut Picture,
    ) -> Result<(), DecodeError> {
        self.check_size(header.width, header.height)?;
        let factor = turbojpeg::ScalingFactor::new(1, shrink as usize);
        jpeg.set_scaling_factor(factor)?;
        let (width, height) = (factor.scale(header.width), factor.scale(header.height));
        picture.resize(width as u32, height as u32);
        let output = turbojpeg::Image {
            pixels: &mut picture.pixels[..],
            width,
            pitch: width * 3,
            height,
            format: turbojpeg::PixelFormat::RGB,
        };
        Ok(jpeg.decompress(bytes, output)?)
    }

    /// Decodes a picture file of any supported format and applies its EXIF orientation.
    fn decode_file(&self, bytes: &[u8], picture: &mut Picture) -> Result<(), DecodeError> {
        let reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .map_err(|error| DecodeError::Picture(image::ImageError::IoError(error)))?;
        let format = reader.format();
        let mut decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        self.check_size(width as usize, height as usize)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        // The same decoder as for cameras: it is faster, and it reports truncated pictures, which others fill with
        // gray.
        if format == Some(ImageFormat::Jpeg) {
            let (jpeg, header) = open_jpeg(bytes)?;
            // It cannot convert CMYK to RGB; the other decoder can.
            if !matches!(header.colorspace, Colorspace::CMYK | Colorspace::YCCK) {
                self.decode_jpeg(jpeg, &header, bytes, 1, picture)?;
                if orientation == Orientation::NoTransforms {
                    return Ok(());
                }
                let pixels = std::mem::take(&mut picture.pixels);
                let upright = image::RgbImage::from_raw(picture.width, picture.height, pixels);
                return turn(upright.ok_or(DecodeError::Panic)?.into(), orientation, picture);
            }
        }
        turn(DynamicImage::from_decoder(decoder)?, orientation, picture)
    }

    fn check_size(&self, width: usize, height: usize) -> Result<(), DecodeError> {
        if width.saturating_mul(height) > self.max_pixels {
            return Err(DecodeError::TooLarge {
                width,
                height,
                limit_megapixels: self.max_pixels as f64 / 1e6,
            });
        }
        Ok(())
    }
}

/// Reads the picture's header with a new decompressor. libjpeg would otherwise keep tables, and after an error also its
/// state, for the next picture, which may come from another source.
fn open_jpeg(bytes: &[u8]) -> Result<(Decompressor, DecompressHeader), DecodeError> {
    let mut jpeg = Decompressor::new()?;
    let header = jpeg.read_header(bytes).map_err(|error| match error {
        // Then the size is still -1.
        turbojpeg::Error::IntegerOverflow(_) => DecodeError::NoSize,
        other => other.into(),
    })?;
    Ok((jpeg, header))
}

/// Joins the lines of a decoder's message.
fn one_line(error: &image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn turn(mut image: DynamicImage, orientation: Orientation, picture: &mut Picture) -> Result<(), DecodeError> {
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    (picture.width, picture.height) = rgb.dimensions();
    picture.pixels = rgb.into_raw();
    Ok(())
}

/// Uncompressed formats. Cameras and Y4M use the limited range of BT.601 unless they say otherwise.
fn decode_raw(frame: &mut Frame) -> Result<(), DecodeError> {
    let (width, height) = (frame.width, frame.height);
    let (w, h) = (width as usize, height as usize);
    let needed = match frame.encoding {
        Encoding::Yuyv => w * h * 2,
        Encoding::Nv12 => w * h + 2 * w.div_ceil(2) * h.div_ceil(2),
        Encoding::Planar(chroma) => w * h + 2 * chroma_size(chroma, w, h).0 * chroma_size(chroma, w, h).1,
        Encoding::Gray => w * h,
        Encoding::Rgb | Encoding::Bgr => w * h * 3,
        Encoding::Jpeg | Encoding::PictureFile => unreachable!("decoded elsewhere"),
    };
    if w == 0 || h == 0 || frame.bytes.len() < needed {
        return Err(DecodeError::Short { got: frame.bytes.len(), needed, width, height });
    }
    if frame.encoding == Encoding::Rgb {
        frame.bytes.truncate(needed);
        frame.adopt_bytes(width, height);
        return Ok(());
    }
    let bytes = &frame.bytes[..needed];
    frame.picture.resize(width, height);
    let rgb = &mut frame.picture.pixels[..];
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    match frame.encoding {
        Encoding::Yuyv => {
            let packed = YuvPackedImage { yuy: bytes, yuy_stride: width * 2, width, height };
            yuv::yuyv422_to_rgb(&packed, rgb, width * 3, range, matrix)?;
        }
        Encoding::Nv12 => {
            let (y_plane, uv_plane) = bytes.split_at(w * h);
            let planes = YuvBiPlanarImage {
                y_plane,
                y_stride: width,
                uv_plane,
                uv_stride: width.div_ceil(2) * 2,
                width,
                height,
            };
            yuv::yuv_nv12_to_rgb(&planes, rgb, width * 3, range, matrix, YuvConversionMode::Balanced)?;
        }
        Encoding::Planar(chroma) => {
            let (chroma_width, chroma_height) = chroma_size(chroma, w, h);
            let (y_plane, rest) = bytes.split_at(w * h);
            let (u_plane, v_plane) = rest.split_at(chroma_width * chroma_height);
            let stride = chroma_width as u32;
            let planes = YuvPlanarImage {
                y_plane,
                y_stride: width,
                u_plane,
                u_stride: stride,
                v_plane,
                v_stride: stride,
                width,
                height,
            };
            match chroma {
                Chroma::C420 => yuv::yuv420_to_rgb(&planes, rgb, width * 3, range, matrix)?,
                Chroma::C422 => yuv::yuv422_to_rgb(&planes, rgb, width * 3, range, matrix)?,
                Chroma::C444 => yuv::yuv444_to_rgb(&planes, rgb, width * 3, range, matrix)?,
            }
        }
        Encoding::Gray => rgb.chunks_exact_mut(3).zip(bytes).for_each(|(pixel, &y)| pixel.fill(y)),
        Encoding::Bgr => rgb
            .chunks_exact_mut(3)
            .zip(bytes.chunks_exact(3))
            .for_each(|(to, from)| to.copy_from_slice(&[from[2], from[1], from[0]])),
        Encoding::Rgb | Encoding::Jpeg | Encoding::PictureFile => unreachable!("decoded elsewhere"),
    }
    Ok(())
}

fn chroma_size(chroma: Chroma, width: usize, height: usize) -> (usize, usize) {
    match chroma {
        Chroma::C420 => (width.div_ceil(2), height.div_ceil(2)),
        Chroma::C422 => (width.div_ceil(2), height),
        Chroma::C444 => (width, height),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!((frame.picture.width, frame.picture.height, frame.size()), (width, height, (33, 100)));
            let view = frame.picture.view();
            assert!(view.row(2)[0].abs_diff(40) < 5 && view.row(height - 3)[0].abs_diff(200) < 5);
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
