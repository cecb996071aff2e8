//! A captured picture and the results of its analysis. Each stage fills in its part. The same allocation travels from the
//! capture thread to the last stage and back, so that a warm pipeline allocates nothing.

use crate::{detect::Detection, memory::Room, track::Face, turn::Turn};
use emotiond_core::picture::{Color, PictureView};
use std::path::PathBuf;

/// The encoding of a captured frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A JPEG picture, as sent by webcams; it contains its size.
    Jpeg,
    /// A picture file of any supported format, with EXIF orientation.
    PictureFile,
    /// Packed 4:2:2, Y U Y V, limited range.
    Yuyv,
    /// The same in the order U Y V Y.
    Uyvy,
    /// Y plane, then interleaved UV at half size, limited range.
    Nv12,
    /// Y plane, then U and V planes, subsampled.
    Planar(Chroma),
    /// One byte per pixel.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How the chroma planes of a planar frame are subsampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Half the width and half the height.
    C420,
    /// Half the width.
    C422,
    /// Full size.
    C444,
}

/// How the detector runs on a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// Not at all: known faces are placed where the tracker predicts them.
    Skip,
    /// Not at all, because the picture has not changed since it was searched: known faces stay where they are.
    Still,
    /// At a reduced size, if all faces in view are large enough.
    Glance,
    /// At full size.
    #[default]
    Full,
}

/// A frame and the results of its analysis.
pub struct Frame {
    /// Frame number within the source from 0, dropped frames included.
    pub number: u64,
    /// Frame number among those that entered the pipeline, from 0.
    pub entry: u64,
    /// Presentation time in milliseconds from the start of a video or of stdin.
    pub pts_ms: Option<u64>,
    /// Path of the picture; `None` for cameras and videos.
    pub file: Option<PathBuf>,
    /// How the detector runs on it.
    pub search: Search,
    /// Smaller faces, by their longer side in pixels, may have been missed by the detector; 0 at full size.
    pub blind_below_px: f32,
    /// Whether only known faces were searched: what else was found starts no track.
    pub only_known: bool,
    /// The encoding of `bytes`.
    pub encoding: Encoding,
    /// Width of the captured frame; 0 if the encoding contains the size.
    pub width: u32,
    /// Height of the captured frame; likewise.
    pub height: u32,
    /// The captured bytes.
    pub bytes: Vec<u8>,
    /// The divisor of each side when a JPEG picture is decoded; 1 for full size. Boxes are always in pixels of the
    /// full-size picture.
    pub shrink: u32,
    /// How the picture is turned once it is decoded; the source's setting, which stays when the frame is cleared.
    pub turn: Turn,
    /// Width and height of the turned picture at full size; the decoder sets them.
    pub full_size: (u32, u32),
    /// Whether `picture` is decoded for the analysis. A picture without a change is not, unless it contains faces to read.
    pub is_decoded: bool,
    /// Whether the source's picture has changed recently.
    pub is_busy: bool,
    /// Whether it is the first frame since the source came up: its tracks were ended.
    pub is_first: bool,
    /// The decoded and turned picture.
    pub picture: Picture,
    /// The same at full size for whoever watches, if `picture` is shrunk or not decoded.
    pub whole: Picture,
    /// Detected faces.
    pub detections: Vec<Detection>,
    /// Tracked faces.
    pub faces: Vec<Face>,
    /// Indices of the faces whose emotion is read in this frame, ascending.
    pub read: Vec<usize>,
    /// The network's output: a row of probabilities per face that is read.
    pub probabilities: Vec<f32>,
    /// The readability of each face that is read, 0 to 1.
    pub readability: Vec<f32>,
    /// The room for its pictures, if they are large.
    pub room: Option<Room>,
}

/// Memory of a buffer that is kept although it is not used, in bytes.
const SPARE_BYTES: usize = 16 << 20;

/// Gives the memory of a buffer back that `used` bytes do not need, so that one monstrous picture is not paid for ever.
fn give_back(buffer: &mut Vec<u8>, used: usize) {
    if buffer.capacity() / 4 > used && buffer.capacity() - used > SPARE_BYTES {
        buffer.truncate(used);
        buffer.shrink_to(used);
    }
}

/// An owned picture whose memory is reused.
#[derive(Default)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `width * height * 3` bytes, RGB.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Sets the size. The values of the pixels are unspecified afterwards.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        let bytes = width as usize * height as usize * 3;
        give_back(&mut self.pixels, bytes);
        self.pixels.resize(bytes, 0);
    }

    /// Copies `other` into this picture; reuses its memory.
    pub fn copy_from(&mut self, other: &Self) {
        self.resize(other.width, other.height);
        self.pixels.copy_from_slice(&other.pixels);
    }

    /// A view of the pixels.
    pub fn view(&self) -> PictureView<'_> {
        PictureView::new(self.width, self.height, Color::Rgb, &self.pixels)
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self {
            number: 0,
            entry: 0,
            pts_ms: None,
            file: None,
            search: Search::Full,
            blind_below_px: 0.0,
            only_known: false,
            encoding: Encoding::Rgb,
            width: 0,
            height: 0,
            bytes: Vec::new(),
            shrink: 1,
            turn: Turn::default(),
            full_size: (0, 0),
            is_decoded: true,
            is_busy: true,
            is_first: false,
            picture: Picture::default(),
            whole: Picture::default(),
            detections: Vec::new(),
            faces: Vec::new(),
            read: Vec::new(),
            probabilities: Vec::new(),
            readability: Vec::new(),
            room: None,
        }
    }
}

impl Frame {
    /// Uses the captured bytes, which are already RGB pixels, as the picture, without a copy or a second large buffer.
    pub fn adopt_bytes(&mut self, width: u32, height: u32) {
        std::mem::swap(&mut self.bytes, &mut self.picture.pixels);
        (self.picture.width, self.picture.height) = (width, height);
    }

    /// Clears the frame for the next capture; keeps its memory.
    pub fn clear(&mut self) {
        let adopted =
            self.encoding == Encoding::Rgb && self.picture.pixels.capacity() > self.bytes.capacity();
        if adopted {
            std::mem::swap(&mut self.bytes, &mut self.picture.pixels);
        }
        self.pts_ms = None;
        self.file = None;
        self.search = Search::Full;
        self.blind_below_px = 0.0;
        self.only_known = false;
        let used = self.bytes.len();
        self.bytes.clear();
        give_back(&mut self.bytes, used);
        self.shrink = 1;
        (self.is_decoded, self.is_busy, self.is_first) = (true, true, false);
        self.detections.clear();
        self.faces.clear();
        self.read.clear();
        self.probabilities.clear();
        self.readability.clear();
    }

    /// Gives the memory of large pictures back, as soon as nobody needs them.
    pub fn give_back(&mut self) {
        if let Some(room) = self.room.take() {
            (self.bytes, self.picture.pixels, self.whole.pixels) = (Vec::new(), Vec::new(), Vec::new());
            drop(room);
        }
    }

    /// The picture at full size, if it is decoded for whoever watches.
    pub fn shown(&mut self) -> &mut Picture {
        let is_apart = self.encoding == Encoding::Jpeg && (self.shrink != 1 || !self.is_decoded);
        if is_apart { &mut self.whole } else { &mut self.picture }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_a_monstrous_picture_is_given_back() {
        let mut frame = Frame::default();
        frame.bytes.resize(64 << 20, 0);
        frame.clear();
        assert!(frame.bytes.capacity() >= 64 << 20, "the next picture may be as large");
        frame.bytes.resize(1 << 20, 0);
        frame.clear();
        assert!(frame.bytes.capacity() < 2 << 20);
        frame.picture.resize(8000, 4000);
        frame.picture.resize(640, 480);
        assert!(frame.picture.pixels.capacity() < 2 << 20);
        assert_eq!(frame.picture.pixels.len(), 640 * 480 * 3);
    }
}
