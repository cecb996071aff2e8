//! A stream on stdin or in a named pipe: Y4M, which begins with its name, or MJPEG, JPEG pictures with anything between
//! and before them.

use super::{Read, Source, SourceError, Stop, check_size, mjpeg::MjpegReader, polled::PolledReader};
use crate::{
    frame::{Chroma, Encoding, Frame},
    system::{OwnedPipe, own},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
};

/// Frames per second if the stream does not specify it.
const DEFAULT_FPS: f64 = 30.0;
/// The first word of a Y4M stream.
pub(super) const Y4M: &[u8] = b"YUV4MPEG2";

type Input = MjpegReader<BufReader<PolledReader<File>>>;

/// A stream on stdin or in a pipe, and its format.
pub struct RawStreamSource {
    /// `stdin`, or the path of a named pipe.
    uri: String,
    max_megapixels: f64,
    input: Input,
    format: Format,
    fps: f64,
    given: u64,
    /// Memory for the header line of each Y4M frame.
    line: Vec<u8>,
    stop: Stop,
}

enum Format {
    Mjpeg,
    Y4m { width: u32, height: u32, encoding: Encoding, frame_bytes: usize },
}

impl RawStreamSource {
    /// Reads stdin; waits for its first bytes. `fps` is the frame rate of an MJPEG stream, which does not contain it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_stdin(fps: Option<u32>, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let stdin = own(&io::stdin());
        let stdin = stdin.map_err(|error| unreadable("stdin", error.to_string()))?;
        Self::open(stdin, "stdin".to_owned(), fps, max_megapixels, stop)
    }

    /// The same for any file or reading end of a pipe; `uri` is used in errors.
    ///
    /// # Errors
    /// When it is empty, or begins as Y4M with an unusable header.
    pub fn open(
        pipe: OwnedPipe,
        uri: String,
        fps: Option<u32>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let input = PolledReader::new(File::from(pipe), stop);
        let mut input = MjpegReader::new(BufReader::with_capacity(1 << 20, input));
        let mut fps = fps.map_or(DEFAULT_FPS, f64::from);
        let format = match input.fill_buf().map_err(|error| unreadable(&uri, error.to_string()))? {
            [] if !stop.is_set() => return Err(unreadable(&uri, "it is empty")),
            [b'Y', ..] => {
                let mut line = Vec::new();
                read_line(&mut input, &mut line);
                y4m_format(&line, &mut fps, max_megapixels).map_err(|reason| unreadable(&uri, reason))?
            }
            // A stream of a camera may begin with headers, or in the middle of a picture.
            _ => Format::Mjpeg,
        };
        Ok(Self { uri, max_megapixels, input, format, fps, given: 0, line: Vec::new(), stop: stop.clone() })
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        match self.format {
            Format::Mjpeg => {
                frame.encoding = Encoding::Jpeg;
                (frame.width, frame.height) = (0, 0);
                let is_there = self
                    .input
                    .read_picture(&mut frame.bytes)
                    .map_err(|error| unreadable(&self.uri, error.to_string()))?;
                match is_there {
                    true => Ok(Read::Frame),
                    false if self.given > 0 || self.stop.is_set() => Ok(Read::Ended),
                    false => Err(unreadable(&self.uri, "it is neither MJPEG nor Y4M")),
                }
            }
            Format::Y4m { .. } => self.fill_y4m(frame),
        }
    }

    fn fill_y4m(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        self.line.clear();
        if read_line(&mut self.input, &mut self.line) == 0 {
            return Ok(Read::Ended);
        }
        // Another stream follows on the same pipe.
        if self.line.starts_with(Y4M) {
            self.format = y4m_format(&self.line, &mut self.fps, self.max_megapixels)
                .map_err(|reason| unreadable(&self.uri, reason))?;
            return self.fill_y4m(frame);
        }
        let Format::Y4m { width, height, encoding, frame_bytes } = self.format else {
            return Ok(Read::Ended);
        };
        if !self.line.starts_with(b"FRAME") {
            return Err(unreadable(&self.uri, "a Y4M frame does not begin with FRAME"));
        }
        (frame.encoding, frame.width, frame.height) = (encoding, width, height);
        frame.bytes.resize(frame_bytes, 0);
        match self.input.read_exact(&mut frame.bytes) {
            Ok(()) => Ok(Read::Frame),
            Err(_) if self.stop.is_set() => Ok(Read::Ended),
            Err(_) if self.given > 0 => {
                tracing::warn!(source = self.uri, "the stream is cut off within frame {}", self.given);
                Ok(Read::Ended)
            }
            Err(_) => Err(unreadable(&self.uri, "the first Y4M frame is cut off")),
        }
    }
}

impl Source for RawStreamSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let read = self.fill(frame)?;
        if read == Read::Frame {
            frame.pts_ms = Some((self.given as f64 * 1000.0 / self.fps).round() as u64);
            self.given += 1;
        }
        Ok(if self.stop.is_set() { Read::Ended } else { read })
    }
}

fn unreadable(uri: &str, reason: impl Into<String>) -> SourceError {
    SourceError::Pipe { uri: uri.to_owned(), reason: reason.into() }
}

/// Parses a stream's header, for example `YUV4MPEG2 W640 H480 F30:1 C420jpeg`.
fn y4m_format(line: &[u8], fps: &mut f64, max_megapixels: f64) -> Result<Format, String> {
    let header = String::from_utf8_lossy(line);
    let mut words = header.split_whitespace();
    if words.next().map(str::as_bytes) != Some(Y4M) {
        return Err("the Y4M header does not begin with YUV4MPEG2".to_owned());
    }
    let (mut width, mut height, mut encoding) = (0u32, 0u32, Encoding::Planar(Chroma::C420));
    for word in words {
        match word.split_at_checked(1).unwrap_or_default() {
            ("W", number) => width = number.parse().unwrap_or(0),
            ("H", number) => height = number.parse().unwrap_or(0),
            ("F", rate) => *fps = parse_rate(rate).unwrap_or(*fps),
            ("C", space) => {
                let unsupported = || format!("the Y4M header has the unsupported colour space {space}");
                encoding = colour_space(space).ok_or_else(unsupported)?;
            }
            _ => {}
        }
    }
    let (w, h) = (width as usize, height as usize);
    if w == 0 || h == 0 || w > 1 << 15 || h > 1 << 15 {
        return Err("the Y4M header has no valid width and height".to_owned());
    }
    check_size("stdin", width, height, max_megapixels).map_err(|error| error.to_string())?;
    let frame_bytes = match encoding {
        Encoding::Planar(Chroma::C420) => w * h + 2 * w.div_ceil(2) * h.div_ceil(2),
        Encoding::Planar(Chroma::C422) => w * h + 2 * w.div_ceil(2) * h,
        Encoding::Planar(Chroma::C444) => w * h * 3,
        _ => w * h,
    };
    Ok(Format::Y4m { width, height, encoding, frame_bytes })
}

fn colour_space(name: &str) -> Option<Encoding> {
    match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Some(Encoding::Planar(Chroma::C420)),
        "422" => Some(Encoding::Planar(Chroma::C422)),
        "444" => Some(Encoding::Planar(Chroma::C444)),
        "mono" => Some(Encoding::Gray),
        _ => None,
    }
}

fn parse_rate(text: &str) -> Option<f64> {
    let (numerator, denominator) = text.split_once(':')?;
    let rate = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

/// Reads one line with its line ending; returns its length, 0 at the end of the stream.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> usize {
    // A read error is treated as the end of the stream.
    input.take(4096).read_until(b'\n', line).unwrap_or(0)
}
