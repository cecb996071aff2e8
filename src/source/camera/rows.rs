//! Cuts the rows of a camera's buffer to the picture's width: drivers may align them to more bytes (`bytesperline`).

use super::formats::Readable;
use crate::frame::{Chroma, Encoding};

/// The layout of a camera's frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub encoding: Encoding,
    pub width: u32,
    pub height: u32,
    is_v_first: bool,
    /// Bytes from one row to the next in the first plane; 0 if the driver does not tell.
    stride: usize,
}

/// One plane of a frame: bytes of a row, bytes from one row to the next, number of rows.
#[derive(Clone, Copy)]
struct Plane {
    row: usize,
    stride: usize,
    rows: usize,
}

impl Plane {
    fn new(row: usize, stride: usize, rows: usize) -> Self {
        Self { row, stride: stride.max(row), rows }
    }
}

impl Rows {
    pub fn new(format: &Readable, width: u32, height: u32, bytes_per_line: u32) -> Self {
        let Readable { encoding, is_v_first, .. } = *format;
        Self { encoding, width, height, is_v_first, stride: bytes_per_line as usize }
    }

    /// Appends the frame in `buffer` without the bytes between the rows; the U plane before the V plane.
    pub fn append(&self, buffer: &[u8], frame: &mut Vec<u8>) {
        let planes = self.planes();
        if planes.is_empty() {
            frame.extend_from_slice(buffer);
            return;
        }
        let mut rest = buffer;
        let mut data: Vec<(Plane, &[u8])> = Vec::with_capacity(planes.len());
        for plane in planes {
            let (own, after) = rest.split_at(rest.len().min(plane.stride * plane.rows));
            data.push((plane, own));
            rest = after;
        }
        if self.is_v_first {
            data.swap(1, 2);
        }
        for (plane, bytes) in data {
            for row in bytes.chunks(plane.stride) {
                frame.extend_from_slice(&row[..row.len().min(plane.row)]);
            }
        }
    }

    /// The planes in the buffer; none if it contains a JPEG picture. The rows of chroma planes are aligned as those of
    /// the first plane are: interleaved chroma has the same stride, separate planes half of it.
    fn planes(&self) -> Vec<Plane> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
        let first = |row| Plane::new(row, self.stride, height);
        match self.encoding {
            Encoding::Jpeg | Encoding::PictureFile => vec![],
            Encoding::Yuyv | Encoding::Uyvy => vec![first(width * 2)],
            Encoding::Gray => vec![first(width)],
            Encoding::Rgb | Encoding::Bgr => vec![first(width * 3)],
            Encoding::Nv12 => vec![first(width), Plane::new(half_width * 2, self.stride, half_height)],
            Encoding::Planar(chroma) => {
                let (row, stride, rows) = match chroma {
                    Chroma::C420 => (half_width, self.stride.div_ceil(2), half_height),
                    Chroma::C422 => (half_width, self.stride.div_ceil(2), height),
                    Chroma::C444 => (width, self.stride, height),
                };
                let plane = Plane::new(row, stride, rows);
                vec![first(width), plane, plane]
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
