//! A small picture of a frame's luma, made without decoding the frame.

use crate::frame::{Encoding, Frame};

/// Side in pixels of the square that becomes a pixel of a thumbnail: that of a JPEG block.
pub(super) const SQUARE: u32 = 8;

/// Luma of a frame at an eighth of its sides.
#[derive(Clone, Debug, Default)]
pub struct Thumbnail {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values.
    pub luma: Vec<u8>,
}

impl Thumbnail {
    /// Sets the size; returns the pixels, whose values are unspecified.
    pub(super) fn resize(&mut self, width: usize, height: usize) -> &mut [u8] {
        (self.width, self.height) = (width, height);
        self.luma.resize(width * height, 0);
        &mut self.luma
    }
}

/// Fills `thumbnail` with the means of an uncompressed frame's squares; of RGB, that of all three colours. Returns false if
/// the frame is compressed, or too small.
pub(super) fn of_raw(frame: &Frame, thumbnail: &mut Thumbnail) -> bool {
    // Bytes of a pixel, the first of luma, and the distance between two of them.
    let (pixel, first, step) = match frame.encoding {
        Encoding::Yuyv => (2, 0, 2),
        Encoding::Uyvy => (2, 1, 2),
        Encoding::Nv12 | Encoding::Planar(_) | Encoding::Gray => (1, 0, 1),
        Encoding::Rgb | Encoding::Bgr => (3, 0, 1),
        Encoding::Jpeg | Encoding::PictureFile => return false,
    };
    let square = SQUARE as usize;
    let row = frame.width as usize * pixel;
    let (columns, rows) = (frame.width as usize / square, frame.height as usize / square);
    let Some(bytes) = frame.bytes.get(..row * rows * square) else { return false };
    if columns == 0 || rows == 0 {
        return false;
    }
    let values = (square * square * pixel / step) as u32;
    let luma = thumbnail.resize(columns, rows);
    for (line, band) in luma.chunks_exact_mut(columns).zip(bytes.chunks_exact(row * square)) {
        for (column, mean) in line.iter_mut().enumerate() {
            let squares = band.chunks_exact(row).map(|row| &row[column * square * pixel..][..square * pixel]);
            let sum: u32 = squares.map(|part| sum(part, first, step)).sum();
            *mean = ((sum + values / 2) / values) as u8;
        }
    }
    true
}

fn sum(bytes: &[u8], first: usize, step: usize) -> u32 {
    match step {
        1 => bytes.iter().map(|&byte| u32::from(byte)).sum(),
        _ => bytes[first..].iter().step_by(step).map(|&byte| u32::from(byte)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decode::FrameDecoder,
        frame::Chroma,
        turn::{Rotation, Turn},
    };

    /// A frame of 33x17 pixels, whose left half is dark.
    fn frame(encoding: Encoding) -> Frame {
        let (width, height) = (33, 17);
        let luma = |at: usize| if at % width < 16 { 40 } else { 200 };
        let pixels = 0..width * height;
        let bytes: Vec<u8> = match encoding {
            Encoding::Yuyv => pixels.flat_map(|at| [luma(at), 128]).collect(),
            Encoding::Uyvy => pixels.flat_map(|at| [128, luma(at)]).collect(),
            Encoding::Rgb | Encoding::Bgr => pixels.flat_map(|at| [luma(at); 3]).collect(),
            Encoding::Jpeg => {
                let pixels: Vec<u8> = pixels.flat_map(|at| [luma(at); 3]).collect();
                let format = turbojpeg::PixelFormat::RGB;
                let image = turbojpeg::Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
                turbojpeg::compress(image, 95, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec()
            }
            _ => pixels.map(luma).chain([128; 4 * 33 * 17]).collect(),
        };
        let (width, height) = (width as u32, height as u32);
        Frame { encoding, width, height, bytes, ..Frame::default() }
    }

    #[test]
    fn every_encoding_shows_the_same_without_being_decoded() {
        let encodings = [
            Encoding::Jpeg,
            Encoding::Yuyv,
            Encoding::Uyvy,
            Encoding::Nv12,
            Encoding::Planar(Chroma::C420),
            Encoding::Gray,
            Encoding::Rgb,
            Encoding::Bgr,
        ];
        for encoding in encodings {
            let mut frame = frame(encoding);
            frame.turn = Turn { rotation: Rotation::Quarter, mirror: false };
            let mut thumbnail = Thumbnail::default();
            assert!(FrameDecoder::new(1.0).thumbnail(&mut frame, &mut thumbnail).unwrap());
            assert_eq!(frame.full_size, (17, 33));
            for row in thumbnail.luma.chunks_exact(thumbnail.width).take(2) {
                let near = |value: u8, expected: u8| value.abs_diff(expected) <= 3;
                assert!(near(row[0], 40) && near(row[1], 40) && near(row[3], 200), "{encoding:?} {row:?}");
            }
        }
    }

    #[test]
    fn a_jpeg_with_spare_bytes_before_its_end_is_shown() {
        let mut spare = frame(Encoding::Jpeg);
        let end = spare.bytes.len() - 2;
        spare.bytes.splice(end..end, [0; 7]);
        assert!(FrameDecoder::new(1.0).thumbnail(&mut spare, &mut Thumbnail::default()).unwrap());
    }

    #[test]
    fn what_cannot_be_seen_is_not_shown() {
        let decoder = FrameDecoder::new(1.0);
        let mut thumbnail = Thumbnail::default();
        let mut short = Frame { width: 64, height: 64, bytes: vec![0; 100], ..Frame::default() };
        assert!(!decoder.thumbnail(&mut short, &mut thumbnail).unwrap());
        let mut cut = frame(Encoding::Jpeg);
        cut.bytes.truncate(cut.bytes.len() - 6);
        assert!(!decoder.thumbnail(&mut cut, &mut thumbnail).unwrap());
        let mut file = Frame { encoding: Encoding::PictureFile, ..Frame::default() };
        assert!(!decoder.thumbnail(&mut file, &mut thumbnail).unwrap());
    }
}
