//! JPEG pictures: which faults in the data are accepted.

use super::{
    DecodeError,
    thumbnail::{SQUARE, Thumbnail},
    turbo::{Outcome, Turbo},
};
use crate::frame::Picture;
use emotiond_core::picture::Color;

/// Bytes that are Huffman codes of something in any table, and no marker. They are more than the ten blocks of the largest
/// unit need, 64 coefficients of at most 26 bits each, because the first blocks may lie outside the picture.
const FILLER: [u8; 4096] = [0x5B; 4096];

/// What the library fills in where data are missing: all coefficients are zero.
const MID_GRAY: [u8; 3] = [128; 3];

/// What the last row is filled with before it is decoded.
const UNREACHED: u8 = 0;

/// A JPEG picture whose header is read.
pub(super) struct Jpeg<'a> {
    bytes: &'a [u8],
    turbo: Turbo<'a>,
    size: (u32, u32),
}

impl<'a> Jpeg<'a> {
    /// Reads the picture's header.
    pub fn open(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let (turbo, outcome) = Turbo::open(bytes).ok_or(DecodeError::Panic)?;
        if let Outcome::Failed(message) = outcome {
            return Err(DecodeError::Jpeg(message));
        }
        // After a warning and then an error, there is no size.
        let size = turbo.size().ok_or(DecodeError::NoSize)?;
        Ok(Self { bytes, turbo, size })
    }

    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Whether its colours are those of printers (CMYK), which the library cannot convert to RGB.
    pub fn is_for_print(&self) -> bool {
        self.turbo.is_for_print()
    }

    /// Memory that the library keeps for each pixel while it decodes: with several scans, all coefficients, two bytes each.
    pub fn kept_bytes_per_pixel(&self) -> u64 {
        if self.turbo.is_one_scan() { 0 } else { 6 }
    }

    /// Decodes at 1/`shrink` of each side, which saves most of the work.
    ///
    /// What the library only warns of is accepted, such as spare bytes before a marker, which some cameras send in each
    /// frame; but not a picture whose data ends early. With progressive pictures, which cameras do not send, that
    /// cannot be told, so no warning is accepted.
    pub fn decode(&mut self, shrink: u32, picture: &mut Picture) -> Result<(), DecodeError> {
        let (width, height) = self.turbo.shrunk(shrink).ok_or(DecodeError::NoSize)?;
        picture.resize(width, height);
        let last_row = picture.pixels.len() - width as usize * 3;
        // If the library gives up early, these pixels are not those that `is_whole` finds.
        picture.pixels[last_row..].fill(UNREACHED);
        match self.turbo.decompress(Color::Rgb, shrink, 0, &mut picture.pixels) {
            Outcome::Clean => Ok(()),
            Outcome::Warned(message) if !self.is_whole(shrink, picture) => Err(DecodeError::Jpeg(message)),
            Outcome::Warned(_) => Ok(()),
            Outcome::Failed(message) => Err(DecodeError::Jpeg(message)),
        }
    }

    /// Fills `thumbnail` with the picture's luma at an eighth of its sides, for which the library needs one coefficient of
    /// each block. Returns false if the picture cannot be decoded.
    pub fn thumbnail(&mut self, thumbnail: &mut Thumbnail) -> bool {
        let Some((width, height)) = self.turbo.shrunk(SQUARE) else { return false };
        let luma = thumbnail.resize(width as usize, height as usize);
        match self.turbo.decompress(Color::Gray, SQUARE, 0, luma) {
            Outcome::Clean => true,
            // The colours may be what is missing.
            Outcome::Warned(_) => self.decode(SQUARE, &mut Picture::default()).is_ok(),
            Outcome::Failed(_) => false,
        }
    }

    /// Whether a picture with a fault has all its data. The library's warnings have no kind, so the picture is decoded a
    /// second time, with more bytes at the end of the data: it changes only if some of them are needed. Where data are
    /// missing, it is gray, so if its last pixel is not, at most the last row can change.
    fn is_whole(&self, shrink: u32, picture: &Picture) -> bool {
        if !self.turbo.is_one_scan() {
            return false;
        }
        let end =
            self.bytes.windows(2).rposition(|marker| marker == [0xFF, 0xD9]).unwrap_or(self.bytes.len());
        let (data, rest) = self.bytes.split_at(end);
        // Half of a marker, or of a byte 255 in the codes, would make a marker with the filler.
        let codes = data.iter().rposition(|byte| *byte != 0xFF).map_or(0, |last| last + 1);
        let longer = [&data[..codes], &FILLER, rest].concat();
        let Some((mut turbo, _)) = Turbo::open(&longer) else { return false };
        if turbo.shrunk(shrink) != Some((picture.width, picture.height)) {
            return false;
        }
        let first_row = if picture.pixels.ends_with(&MID_GRAY) { 0 } else { picture.height - 1 };
        let compared = &picture.pixels[first_row as usize * picture.width as usize * 3..];
        let mut again = vec![!UNREACHED; compared.len()];
        turbo.decompress(Color::Rgb, shrink, first_row, &mut again);
        again == compared
    }
}
