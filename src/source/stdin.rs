//! A stream on stdin: Y4M, which its first bytes tell, or MJPEG: JPEG pictures with anything between and before them.

use super::{Read, Source, SourceError, Stop, check_size, mjpeg::MjpegReader, polled::PolledReader};
use crate::frame::{Chroma, Encoding, Frame};
use std::io::{BufRead, BufReader, Read as _, Stdin};

/// Frames per second if the stream does not specify it.
const DEFAULT_FPS: f64 = 30.0;

type Input = MjpegReader<BufReader<PolledReader<Stdin>>>;

/// The stream and its format.
pub(super) struct StdinSource {
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

impl StdinSource {
    /// Waits for the first bytes. `fps` is the frame rate of an MJPEG stream, which does not contain it.
    pub fn open(fps: Option<u32>, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let stdin = PolledReader::new(std::io::stdin(), stop);
        let mut input = MjpegReader::new(BufReader::with_capacity(1 << 20, stdin));
        let mut fps = fps.map_or(DEFAULT_FPS, f64::from);
        let start = input.fill_buf().map_err(|error| SourceError::Stdin(error.to_string()))?;
        let format = match start {
            [] if !stop.is_set() => return Err(SourceError::Stdin("it is empty".to_owned())),
            [b'Y', ..] => y4m_header(&mut input, &mut fps, max_megapixels)?,
            // A stream of a camera may begin with headers, or in the middle of a picture.
            _ => Format::Mjpeg,
        };
        Ok(Self { input, format, fps, given: 0, line: Vec::new(), stop: stop.clone() })
    }

    fn fill(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        match self.format {
            Format::Mjpeg => {
                frame.encoding = Encoding::Jpeg;
                (frame.width, frame.height) = (0, 0);
                let is_there = self
                    .input
                    .read_picture(&mut frame.bytes)
                    .map_err(|error| SourceError::Stdin(error.to_string()))?;
                match is_there {
                    true => Ok(Read::Frame),
                    false if self.given > 0 || self.stop.is_set() => Ok(Read::Ended),
                    false => Err(SourceError::Stdin("it is neither MJPEG nor Y4M".to_owned())),
                }
            }
            Format::Y4m { width, height, encoding, frame_bytes } => {
                self.line.clear();
                if read_line(&mut self.input, &mut self.line) == 0 {
                    return Ok(Read::Ended);
                }
                if !self.line.starts_with(b"FRAME") {
                    return Err(SourceError::Stdin("a Y4M frame does not begin with FRAME".to_owned()));
                }
                (frame.encoding, frame.width, frame.height) = (encoding, width, height);
                frame.bytes.resize(frame_bytes, 0);
                match self.input.read_exact(&mut frame.bytes) {
                    Ok(()) => Ok(Read::Frame),
                    Err(_) if self.given > 0 || self.stop.is_set() => Ok(Read::Ended),
                    Err(_) => Err(SourceError::Stdin("the first Y4M frame is cut off".to_owned())),
                }
            }
        }
    }
}

impl Source for StdinSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let read = self.fill(frame)?;
        if read == Read::Frame {
            frame.pts_ms = Some((self.given as f64 * 1000.0 / self.fps).round() as u64);
            self.given += 1;
        }
        Ok(if self.stop.is_set() { Read::Ended } else { read })
    }
}

/// Reads the stream's header, for example `YUV4MPEG2 W640 H480 F30:1 C420jpeg`.
fn y4m_header(input: &mut Input, fps: &mut f64, max_megapixels: f64) -> Result<Format, SourceError> {
    let wrong = |what: &str| SourceError::Stdin(format!("the Y4M header {what}"));
    let mut line = Vec::new();
    read_line(input, &mut line);
    let header = String::from_utf8_lossy(&line);
    let mut words = header.split_whitespace();
    if words.next() != Some("YUV4MPEG2") {
        return Err(wrong("is invalid: it does not begin with YUV4MPEG2"));
    }
    let (mut width, mut height, mut encoding) = (0u32, 0u32, Encoding::Planar(Chroma::C420));
    for word in words {
        match word.split_at(1) {
            ("W", number) => width = number.parse().unwrap_or(0),
            ("H", number) => height = number.parse().unwrap_or(0),
            ("F", rate) => *fps = parse_rate(rate).unwrap_or(*fps),
            ("C", space) => {
                encoding = colour_space(space)
                    .ok_or_else(|| wrong(&format!("has the unsupported colour space {space}")))?;
            }
            _ => {}
        }
    }
    let (w, h) = (width as usize, height as usize);
    if w == 0 || h == 0 || w > 1 << 15 || h > 1 << 15 {
        return Err(wrong("has no valid width and height"));
    }
    check_size("stdin", width, height, max_megapixels)?;
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
