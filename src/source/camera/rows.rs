//! Cuts the rows of a camera's buffer to the picture's width: drivers may align them to more bytes (`bytesperline`).

use super::formats::Readable;
use crate::frame::{Chroma, Encoding};

/// The layout of a camera's frames.
#[derive(Debug)]
pub(super) struct Rows {
    pub encoding: Encoding,
    pub width: u32,
    pub height: u32,
    /// The planes in the order of the encoding; none for a JPEG picture.
    planes: Vec<Plane>,
}

/// One plane of a frame.
#[derive(Clone, Copy, Debug)]
struct Plane {
    /// Where it begins in the buffer.
    start: usize,
    /// Bytes of a row.
    row: usize,
    /// Bytes from one row to the next.
    stride: usize,
    rows: usize,
}

impl Plane {
    /// The first plane.
    fn first(row: usize, stride: usize, rows: usize) -> Self {
        Self { start: 0, row, stride: stride.max(row), rows }
    }

    /// The plane that follows this one in the buffer.
    fn followed_by(&self, row: usize, stride: usize, rows: usize) -> Self {
        Self { start: self.end(), ..Self::first(row, stride, rows) }
    }

    fn end(&self) -> usize {
        self.start + self.stride * self.rows
    }
}

impl Rows {
    /// Rows of the first plane are `bytes_per_line` bytes apart; 0 if the driver does not tell. Those of chroma planes
    /// follow from it: interleaved chroma has the same distance, separate planes have half of it.
    pub fn new(format: &Readable, width: u32, height: u32, bytes_per_line: u32) -> Self {
        let (w, h, stride) = (width as usize, height as usize, bytes_per_line as usize);
        let (half_w, half_h) = (w.div_ceil(2), h.div_ceil(2));
        let luma = Plane::first(w, stride, h);
        let planes = match format.encoding {
            Encoding::Jpeg | Encoding::PictureFile => vec![],
            Encoding::Yuyv | Encoding::Uyvy => vec![Plane::first(w * 2, stride, h)],
            Encoding::Rgb | Encoding::Bgr => vec![Plane::first(w * 3, stride, h)],
            Encoding::Gray => vec![luma],
            Encoding::Nv12 => vec![luma, luma.followed_by(half_w * 2, stride, half_h)],
            Encoding::Planar(chroma) => {
                let (row, stride, rows) = match chroma {
                    Chroma::C420 => (half_w, stride.div_ceil(2), half_h),
                    Chroma::C422 => (half_w, stride.div_ceil(2), h),
                    Chroma::C444 => (w, stride, h),
                };
                let one = luma.followed_by(row, stride, rows);
                let other = one.followed_by(row, stride, rows);
                if format.is_v_first { vec![luma, other, one] } else { vec![luma, one, other] }
            }
        };
        Self { encoding: format.encoding, width, height, planes }
    }

    /// Appends the frame in `buffer` without the bytes between the rows.
    pub fn append(&self, buffer: &[u8], frame: &mut Vec<u8>) {
        if self.planes.is_empty() {
            frame.extend_from_slice(buffer);
        }
        for plane in &self.planes {
            let data = &buffer[plane.start.min(buffer.len())..plane.end().min(buffer.len())];
            for row in data.chunks(plane.stride) {
                frame.extend_from_slice(&row[..row.len().min(plane.row)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::camera::formats::readable;
    use v4l::FourCC;

    /// The frame as it is passed on, from a buffer whose planes have these bytes a row, strides and rows. A byte of a
    /// picture tells its plane and its row; those between the rows are 255.
    fn cut(
        code: &[u8; 4],
        width: u32,
        height: u32,
        stride: u32,
        planes: &[(usize, usize, usize)],
    ) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (plane, &(row, stride, rows)) in planes.iter().enumerate() {
            for number in 0..rows {
                buffer.extend(std::iter::repeat_n((plane * 100 + number) as u8, row));
                buffer.extend(std::iter::repeat_n(255, stride - row));
            }
        }
        let mut frame = Vec::new();
        Rows::new(readable(FourCC::new(code)).unwrap(), width, height, stride).append(&buffer, &mut frame);
        frame
    }

    fn plane(number: usize, row: usize, rows: usize) -> Vec<u8> {
        (0..rows).flat_map(|y| std::iter::repeat_n((number * 100 + y) as u8, row)).collect()
    }

    #[test]
    fn rows_are_cut_to_the_width() {
        for (code, bytes) in [(b"YUYV", 2), (b"UYVY", 2), (b"GREY", 1), (b"RGB3", 3), (b"BGR3", 3)] {
            let row = 6 * bytes;
            for stride in [row, row + 2, row + 50] {
                let got = cut(code, 6, 4, stride as u32, &[(row, stride, 4)]);
                assert_eq!(got, plane(0, row, 4), "{code:?} {stride}");
            }
            // A driver that does not tell.
            assert_eq!(cut(code, 6, 4, 0, &[(row, row, 4)]), plane(0, row, 4));
        }
    }

    #[test]
    fn rows_of_chroma_planes_follow_those_of_the_first_one() {
        for (width, stride) in [(6usize, 6), (6, 16), (7, 7), (7, 32)] {
            let half = width.div_ceil(2);
            let interleaved = [(width, stride, 4), (half * 2, stride.max(half * 2), 2)];
            let got = cut(b"NV12", width as u32, 4, stride as u32, &interleaved);
            assert_eq!(got, [plane(0, width, 4), plane(1, half * 2, 2)].concat());
            let chroma = (half, stride.div_ceil(2), 2);
            let planes = [(width, stride, 4), chroma, chroma];
            let (y, first, second) = (plane(0, width, 4), plane(1, half, 2), plane(2, half, 2));
            let got = cut(b"YU12", width as u32, 4, stride as u32, &planes);
            assert_eq!(got, [&y[..], &first, &second].concat());
            let got = cut(b"YV12", width as u32, 4, stride as u32, &planes);
            assert_eq!(got, [&y[..], &second, &first].concat());
        }
    }

    #[test]
    fn what_is_missing_stays_missing() {
        assert_eq!(cut(b"NV12", 4, 4, 8, &[(4, 8, 3)]), plane(0, 4, 3));
        assert!(cut(b"YV12", 4, 4, 8, &[]).is_empty());
        // The last row may end without the bytes that follow the others.
        assert_eq!(cut(b"GREY", 4, 2, 8, &[(4, 8, 1), (4, 4, 1)]).len(), 8);
        assert_eq!(cut(b"MJPG", 4, 2, 8, &[(300, 300, 1)]), plane(0, 300, 1));
    }
}
