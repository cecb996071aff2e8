//! Splits a stream of JPEG pictures by parsing JPEG's structure (ITU-T T.81, annex B), because an embedded thumbnail
//! also contains start and end markers. A damaged picture does not damage the following ones: if its structure is
//! invalid, the bytes taken for a part of it are searched for the start of the next picture.

use std::io::{self, BufRead, Read};

/// A picture without an end is cut off at this length, in bytes.
const LARGEST: usize = 64 << 20;
/// Length in bytes of the longest scan header, with four components, without its length field.
const LONGEST_SCAN_HEADER: u64 = 12;

const START: [u8; 2] = [0xFF, 0xD8];
const START_OF_IMAGE: u8 = 0xD8;
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const APP0: u8 = 0xE0;
const APP15: u8 = 0xEF;
const COMMENT: u8 = 0xFE;

/// Reads pictures from `input`. Before the first picture, it can also be used to read `input` directly.
pub(super) struct MjpegReader<R> {
    input: R,
    /// Bytes to read again before `input`, starting at `at`.
    again: Vec<u8>,
    at: usize,
}

impl<R: BufRead> MjpegReader<R> {
    pub fn new(input: R) -> Self {
        Self { input, again: Vec::new(), at: 0 }
    }

    /// Reads the next picture into `out`, from its start marker to its end marker, or up to where it is cut off;
    /// `false` at the end of the stream.
    pub fn read_picture(&mut self, out: &mut Vec<u8>) -> io::Result<bool> {
        out.clear();
        if !self.skip_to_start()? {
            return Ok(false);
        }
        out.extend_from_slice(&START);
        // The kind of the latest segment, and the offset from which `out` has not been searched for another start.
        let (mut kind, mut unsearched) = (START_OF_IMAGE, out.len());
        while out.len() < LARGEST {
            let before = out.len();
            let marker = self.next_marker(out)?;
            let is_plain = matches!(marker, Some(0..=0xBF | 0xD0..=0xD7));
            let is_sound = match kind {
                START_OF_SCAN => is_plain || marker == Some(END_OF_IMAGE),
                // Only these segments may contain an embedded picture.
                APP0..=APP15 | COMMENT => marker.is_some() && !is_plain && is_marker(&out[before..]),
                _ => false,
            };
            if !is_sound {
                if self.give_back_from_start(out, unsearched) {
                    return Ok(true);
                }
                unsearched = out.len().saturating_sub(3).max(unsearched);
            }
            match marker {
                None | Some(END_OF_IMAGE) => return Ok(true),
                Some(START_OF_IMAGE) => {
                    let whole = out.len() - START.len();
                    // A start marker alone is not a picture.
                    if whole > START.len() {
                        self.give_back(out, whole);
                        return Ok(true);
                    }
                    out.truncate(whole);
                }
                Some(_) if is_plain => {}
                Some(marker) => {
                    (kind, unsearched) = (marker, out.len());
                    let longest = if kind == START_OF_SCAN { LONGEST_SCAN_HEADER } else { u64::MAX };
                    self.read_segment(out, longest)?;
                }
            }
        }
        Ok(true)
    }

    /// Appends a segment's length field and at most `longest` of the bytes after it.
    fn read_segment(&mut self, out: &mut Vec<u8>, longest: u64) -> io::Result<()> {
        let at = out.len();
        self.by_ref().take(2).read_to_end(out)?;
        if let Ok(length) = <[u8; 2]>::try_from(&out[at..]) {
            let rest = u64::from(u16::from_be_bytes(length)).saturating_sub(2);
            self.by_ref().take(rest.min(longest)).read_to_end(out)?;
        }
        Ok(())
    }

    /// Appends up to and including the next `FF xx` and returns `xx`.
    fn next_marker(&mut self, out: &mut Vec<u8>) -> io::Result<Option<u8>> {
        self.read_until(0xFF, out)?;
        loop {
            let mut byte = [0];
            if self.read(&mut byte)? == 0 {
                return Ok(None);
            }
            out.push(byte[0]);
            if byte[0] != 0xFF {
                return Ok(Some(byte[0]));
            }
        }
    }

    /// Skips past the next `FF D8`; `false` at the end of the stream.
    fn skip_to_start(&mut self) -> io::Result<bool> {
        let mut previous = 0;
        for _ in 0..LARGEST {
            let mut byte = [0];
            if self.read(&mut byte)? == 0 {
                return Ok(false);
            }
            if [previous, byte[0]] == START {
                return Ok(true);
            }
            previous = byte[0];
        }
        Err(io::Error::other(format!("it contains no JPEG picture within {} MiB", LARGEST >> 20)))
    }

    /// Searches `out`, starting at `from`, for the start of another picture. If found, moves it out of `out` to be read
    /// again and returns `true`.
    fn give_back_from_start(&mut self, out: &mut Vec<u8>, from: usize) -> bool {
        let is_start = |bytes: &[u8]| bytes[..2] == START && bytes[2] == 0xFF && bytes[3] >= 0xC0;
        let start = out[from..].windows(4).position(is_start);
        if let Some(start) = start {
            self.give_back(out, from + start);
        }
        start.is_some()
    }

    fn give_back(&mut self, out: &mut Vec<u8>, from: usize) {
        self.again.drain(..self.at);
        self.again.splice(..0, out.drain(from..));
        self.at = 0;
    }
}

impl<R: BufRead> Read for MjpegReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Large reads, such as raw frames, bypass the input's buffer.
        if self.at == self.again.len() {
            return self.input.read(out);
        }
        let count = (&self.again[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

impl<R: BufRead> BufRead for MjpegReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.again.len() { self.input.fill_buf() } else { Ok(&self.again[self.at..]) }
    }

    fn consume(&mut self, count: usize) {
        if self.at == self.again.len() {
            self.input.consume(count);
        } else {
            self.at += count;
        }
    }
}

/// Whether `bytes` are a marker preceded only by fill bytes.
fn is_marker(bytes: &[u8]) -> bool {
    bytes[..bytes.len() - 1].iter().all(|&byte| byte == 0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn jpeg() -> Vec<u8> {
        let image = image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 4, y as u8 * 5, 200]));
        let mut bytes = Vec::new();
        image.write_to(&mut io::Cursor::new(&mut bytes), image::ImageFormat::Jpeg).unwrap();
        bytes
    }

    fn pictures(stream: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = MjpegReader::new(io::BufReader::with_capacity(7, stream));
        let mut all = Vec::new();
        let mut out = Vec::new();
        while reader.read_picture(&mut out).unwrap() {
            all.push(out.clone());
        }
        assert!(out.is_empty());
        all
    }

    #[test]
    fn pictures_are_split_whatever_lies_between_and_inside_them() {
        let plain = jpeg();
        // An EXIF-like segment that contains a complete JPEG picture.
        let mut nested = vec![0xFF, 0xD8, 0xFF, 0xE1];
        nested.extend(((plain.len() + 2) as u16).to_be_bytes());
        nested.extend(&plain);
        nested.extend(&plain[2..]);
        let stream = [&plain[..], b"--boundary\r\n", &nested, &[0xFF; 5], &plain, &plain[..100]].concat();
        assert_eq!(pictures(&stream), [&plain[..], &nested, &plain, &plain[..100]]);
        let doubled = [&START[..], &plain, &plain].concat();
        assert_eq!(pictures(&doubled), [&plain[..], &plain]);
    }

    #[test]
    fn a_picture_that_is_cut_anywhere_leaves_those_after_it_whole() {
        let good = jpeg();
        // After the first segment, which may contain an embedded picture.
        for length in 20..good.len() {
            let all = pictures(&[&good[..length], &good, &good].concat());
            assert_eq!(all.len(), 3, "cut at {length}");
            assert_eq!(all[0], &good[..length]);
            assert!(all[1] == good && all[2] == good, "cut at {length}");
        }
    }

    proptest! {
        #[test]
        fn a_flipped_bit_leaves_the_pictures_after_it_whole(at in 2usize..100_000, bit in 0u8..8) {
            let good = jpeg();
            let mut bad = good.clone();
            // Without its start and end markers, the picture could not be found.
            bad[2 + at % (good.len() - 4)] ^= 1 << bit;
            let all = pictures(&[&bad[..], &good, &good, &good].concat());
            prop_assert!(all.len() >= 4 && all[all.len() - 3..].iter().all(|picture| *picture == good));
        }
    }
}
