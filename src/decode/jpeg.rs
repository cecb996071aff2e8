//! JPEG pictures: which faults in the data are accepted.

use super::{
    DecodeError,
    turbo::{Outcome, Turbo},
};
use crate::frame::Picture;

/// What the library fills in where a picture's data ends early: all coefficients are zero.
const MID_GRAY: [u8; 3] = [128; 3];

/// Bytes that are Huffman codes of something in any table, and no marker.
const FILLER: [u8; 64] = [0x5B; 64];

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

    /// Decodes at 1/`shrink` of each side, which saves most of the work.
    ///
    /// What the library only warns of is accepted, such as spare bytes before a marker, which some cameras send in each
    /// frame; but not a picture whose data ends early. With progressive pictures, which cameras do not send, that
    /// cannot be told, so no warning is accepted.
    pub fn decode(&mut self, shrink: u32, picture: &mut Picture) -> Result<(), DecodeError> {
        let (width, height) = self.turbo.shrunk(shrink).ok_or(DecodeError::NoSize)?;
        picture.resize(width, height);
        // If the library gives up before the last pixel, it looks like one whose data is missing.
        if let Some(last_pixel) = picture.pixels.last_chunk_mut() {
            *last_pixel = MID_GRAY;
        }
        match self.turbo.decompress(shrink, &mut picture.pixels) {
            Outcome::Clean => Ok(()),
            Outcome::Warned(_) if self.turbo.is_one_scan() && self.is_whole(shrink, &picture.pixels) => {
                Ok(())
            }
            Outcome::Warned(message) | Outcome::Failed(message) => Err(DecodeError::Jpeg(message)),
        }
    }

    /// Whether a picture with a fault has data for its last pixel. The library's warnings have no kind, so the picture
    /// itself must tell: where data is missing, it is gray. If it may really be gray there, it is decoded a second time
    /// with more bytes at the end of its data: a whole picture does not change, because it needs none of them.
    fn is_whole(&self, shrink: u32, pixels: &[u8]) -> bool {
        if !pixels.ends_with(&MID_GRAY) {
            return true;
        }
        let end =
            self.bytes.windows(2).rposition(|marker| marker == [0xFF, 0xD9]).unwrap_or(self.bytes.len());
        let (data, rest) = self.bytes.split_at(end);
        let longer = [data, &FILLER, rest].concat();
        let Some((mut turbo, _)) = Turbo::open(&longer) else { return false };
        if turbo.shrunk(shrink) != self.turbo.shrunk(shrink) {
            return false;
        }
        let mut again = vec![0; pixels.len()];
        turbo.decompress(shrink, &mut again);
        again == pixels
    }
}
