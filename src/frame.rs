//! One frame on its way through the pipeline. The same box travels from the capture to the events and back to the
//! capture, so that a warm pipeline allocates nothing: each stage fills in its part of it.

use crate::{detect::Detection, track::Face};
use emotiond_core::picture::{Color, PictureView};
use jiff::Timestamp;
use std::{path::PathBuf, time::Instant};

/// How the bytes of a captured frame are to be read. Sizes in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A JPEG picture, as webcams send them; it carries its own size.
    Jpeg,
    /// The bytes of a picture file of any kind, with EXIF orientation.
    PictureFile,
    /// Packed 4:2:2, Y U Y V, limited range.
    Yuyv,
    /// Y plane, then interleaved UV at half size, limited range.
    Nv12,
    /// Y plane, then U and V planes, subsampled.
    Planar(Chroma),
    /// One byte a pixel.
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

/// A source's state, told in `source` events.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceState {
    /// Frames come.
    Up,
    /// Frames were to come and do not.
    Stalled(String),
    /// The source went away.
    Down(String),
    /// No more frames will come.
    Ended(String),
}

/// What travels: a picture, or the news that the source's state has changed, in its place between the pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content {
    /// The bytes of a picture.
    #[default]
    Picture,
    /// A change of state.
    State(SourceState),
}

/// How a frame is searched for faces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// Not at all: known faces stand where they are foreseen.
    Skip,
    /// At a reduced size, where all faces in sight are large enough for that.
    Glance,
    /// At full size.
    #[default]
    Full,
}

/// One frame and all that becomes known of it.
pub struct Frame {
    /// Index of its source.
    pub source: usize,
    /// Its place in the order in which the source's frames leave the pipeline: no gaps, dropped frames have none.
    pub ticket: u64,
    /// The source's own count from 0 on, dropped frames included.
    pub number: u64,
    /// When it was captured; for files, when it was read.
    pub time: Timestamp,
    /// The same on the monotonic clock.
    pub captured: Instant,
    /// Presentation time in milliseconds from the start of the file, where there is one.
    pub pts_ms: Option<u64>,
    /// The picture's file; `None` for cameras and videos.
    pub file: Option<PathBuf>,
    /// A picture, or a change of the source's state.
    pub content: Content,
    /// How it is to be searched for faces.
    pub search: Search,
    /// Longer side of the smallest face that its search would have found for sure, in pixels; 0 at full size.
    pub blind_below_px: f32,
    /// How `bytes` are to be read.
    pub encoding: Encoding,
    /// Width as captured; where the encoding carries its own, 0 until it is decoded.
    pub width: u32,
    /// Height as captured; likewise.
    pub height: u32,
    /// The bytes as captured.
    pub bytes: Vec<u8>,
    /// Into how many parts each side is divided when a JPEG picture is decoded: 1 for the whole picture. Boxes are told in
    /// pixels of the whole picture in any case.
    pub shrink: u32,
    /// The decoded picture.
    pub picture: Picture,
    /// Faces as the detector found them.
    pub detections: Vec<Detection>,
    /// Faces with their identities.
    pub faces: Vec<Face>,
    /// Identities that are lost with this frame.
    pub lost: Vec<u64>,
    /// The network's answer: a row of probabilities a face.
    pub probabilities: Vec<f32>,
    /// How readable each face is, 0 to 1.
    pub readability: Vec<f32>,
    /// Why this frame could not be used.
    pub error: Option<String>,
}

/// An owned picture whose memory is used again.
#[derive(Default)]
pub struct Picture {
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes, RGB.
    pub pixels: Vec<u8>,
}

impl Picture {
    /// Sets the size; the pixels' values are then unspecified.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        self.pixels.resize(width as usize * height as usize * 3, 0);
    }

    /// Becomes a copy of `other`; keeps its memory.
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
            source: 0,
            ticket: 0,
            number: 0,
            time: Timestamp::UNIX_EPOCH,
            captured: Instant::now(),
            pts_ms: None,
            file: None,
            content: Content::Picture,
            search: Search::Full,
            blind_below_px: 0.0,
            encoding: Encoding::Rgb,
            width: 0,
            height: 0,
            bytes: Vec::new(),
            shrink: 1,
            picture: Picture::default(),
            detections: Vec::new(),
            faces: Vec::new(),
            lost: Vec::new(),
            probabilities: Vec::new(),
            readability: Vec::new(),
            error: None,
        }
    }
}

impl Frame {
    /// Takes the captured bytes, which are RGB pixels already, for the picture: no copy, and one large buffer in
    /// place of two.
    pub fn adopt_bytes(&mut self, width: u32, height: u32) {
        std::mem::swap(&mut self.bytes, &mut self.picture.pixels);
        (self.picture.width, self.picture.height) = (width, height);
    }

    /// Empties the frame for the next capture; keeps its memory.
    pub fn clear(&mut self) {
        let adopted =
            self.encoding == Encoding::Rgb && self.picture.pixels.capacity() > self.bytes.capacity();
        if adopted {
            std::mem::swap(&mut self.bytes, &mut self.picture.pixels);
        }
        self.pts_ms = None;
        self.file = None;
        self.content = Content::Picture;
        self.search = Search::Full;
        self.blind_below_px = 0.0;
        self.bytes.clear();
        self.shrink = 1;
        self.detections.clear();
        self.faces.clear();
        self.lost.clear();
        self.probabilities.clear();
        self.readability.clear();
        self.error = None;
    }

    /// Width and height of the whole picture, once it is decoded.
    pub fn size(&self) -> (u32, u32) {
        if self.shrink == 1 { (self.picture.width, self.picture.height) } else { (self.width, self.height) }
    }

    /// Stamps the frame with the present.
    pub fn stamp(&mut self) {
        self.time = Timestamp::now();
        self.captured = Instant::now();
    }
}
