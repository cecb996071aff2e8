//! Animated PNG and WebP pictures as videos.

use super::{Read, Source, SourceError, Stop, check_size};
use crate::frame::{Encoding, Frame};
use image::{
    AnimationDecoder, DynamicImage, Frames, ImageDecoder, ImageFormat, ImageReader, ImageResult,
    codecs::{png::PngDecoder, webp::WebPDecoder},
};
use std::{
    fs::File,
    io::{self, BufReader},
    path::Path,
};

/// An animation that is being read.
pub(super) struct AnimationSource {
    uri: String,
    frames: Frames<'static>,
    /// Time of the next frame from the start, in milliseconds.
    time_ms: f64,
    given: u64,
    stop: Stop,
}

impl AnimationSource {
    pub fn open(path: &Path, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let missing = |error: io::Error| SourceError::Missing { path: path.to_owned(), error };
        let uri = path.display().to_string();
        let damaged =
            |error: image::ImageError| SourceError::Video { uri: uri.clone(), reason: error.to_string() };
        let reader = ImageReader::open(path).map_err(missing)?.with_guessed_format().map_err(missing)?;
        let format = reader.format();
        let input = reader.into_inner();
        let frames = frames(format, input, |width, height| check_size(&uri, width, height, max_megapixels));
        let frames = frames.map_err(damaged)??;
        Ok(Self { uri, frames, time_ms: 0.0, given: 0, stop: stop.clone() })
    }
}

/// The frames, after `check` has accepted their size.
fn frames<E>(
    format: Option<ImageFormat>,
    input: BufReader<File>,
    check: impl Fn(u32, u32) -> Result<(), E>,
) -> ImageResult<Result<Frames<'static>, E>> {
    let checked = |(width, height): (u32, u32)| check(width, height);
    Ok(match format {
        Some(ImageFormat::Png) => {
            let decoder = PngDecoder::new(input)?;
            match checked(decoder.dimensions()) {
                Ok(()) => Ok(decoder.apng()?.into_frames()),
                Err(error) => Err(error),
            }
        }
        _ => {
            let decoder = WebPDecoder::new(input)?;
            checked(decoder.dimensions()).map(|()| decoder.into_frames())
        }
    })
}

impl Source for AnimationSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let Some(next) = self.frames.next() else { return Ok(Read::Ended) };
        let picture = match next {
            Ok(picture) => picture,
            Err(error) if self.given > 0 => {
                let given = self.given;
                tracing::warn!(
                    source = self.uri,
                    "the animation is damaged, {given} frames could be read: {error}"
                );
                return Ok(Read::Ended);
            }
            Err(error) => {
                return Err(SourceError::Video { uri: self.uri.clone(), reason: error.to_string() });
            }
        };
        let (numerator, denominator) = picture.delay().numer_denom_ms();
        frame.pts_ms = Some(self.time_ms.round() as u64);
        self.time_ms += f64::from(numerator) / f64::from(denominator.max(1));
        self.given += 1;
        let pixels = DynamicImage::from(picture.into_buffer()).into_rgb8();
        (frame.encoding, frame.width, frame.height) = (Encoding::Rgb, pixels.width(), pixels.height());
        frame.bytes.extend_from_slice(pixels.as_raw());
        Ok(Read::Frame)
    }
}
