//! A decompressor of libjpeg-turbo.
//!
//! The crate `turbojpeg` reports the library's warnings as errors and does not tell them apart, so this module calls the
//! C functions that the crate exports.

use emotiond_core::picture::Color;
use std::{
    ffi::{CStr, c_int, c_void},
    ptr::NonNull,
};
use turbojpeg::raw;

/// The most scans of a progressive picture; encoders write about ten. Each scan is a pass over the whole picture, so a small
/// file of thousands of scans would occupy a thread for minutes.
const MOST_SCANS: c_int = 500;

/// The library's answer.
pub(super) enum Outcome {
    /// No complaint.
    Clean,
    /// It went on after a fault in the data; contains the first message.
    Warned(String),
    /// It gave up, unless it had warned before; contains the message.
    Failed(String),
}

/// A JPEG picture and its own decompressor. The library keeps tables and, after an error, its state.
pub(super) struct Turbo<'a> {
    handle: NonNull<c_void>,
    bytes: &'a [u8],
}

impl<'a> Turbo<'a> {
    /// Reads the picture's header. `None` if there is no memory for a decompressor.
    #[expect(unsafe_code)]
    pub fn open(bytes: &'a [u8]) -> Option<(Self, Outcome)> {
        // SAFETY: the function has no preconditions; a null pointer means failure.
        let handle = NonNull::new(unsafe { raw::tj3Init(raw::TJINIT_TJINIT_DECOMPRESS as c_int) })?;
        // SAFETY: the handle is valid.
        unsafe { raw::tj3Set(handle.as_ptr(), raw::TJPARAM_TJPARAM_SCANLIMIT as c_int, MOST_SCANS) };
        let turbo = Self { handle, bytes };
        // SAFETY: the handle is valid, and the pointer and the length are those of a slice.
        let result =
            unsafe { raw::tj3DecompressHeader(handle.as_ptr(), bytes.as_ptr(), bytes.len() as raw::size_t) };
        let outcome = turbo.outcome(result);
        Some((turbo, outcome))
    }

    /// Width and height, if the header contains them.
    pub fn size(&self) -> Option<(u32, u32)> {
        let width = u32::try_from(self.get(raw::TJPARAM_TJPARAM_JPEGWIDTH)).ok()?;
        Some((width, u32::try_from(self.get(raw::TJPARAM_TJPARAM_JPEGHEIGHT)).ok()?))
    }

    /// Width and height when each side is divided by `shrink`.
    pub fn shrunk(&self, shrink: u32) -> Option<(u32, u32)> {
        self.size().map(|(width, height)| (width.div_ceil(shrink), height.div_ceil(shrink)))
    }

    /// Whether the picture is one scan of Huffman codes, as from cameras.
    pub fn is_one_scan(&self) -> bool {
        let others = [
            raw::TJPARAM_TJPARAM_PROGRESSIVE,
            raw::TJPARAM_TJPARAM_ARITHMETIC,
            raw::TJPARAM_TJPARAM_LOSSLESS,
        ];
        others.into_iter().all(|kind| self.get(kind) == 0)
    }

    /// Whether its colours are those of printers.
    pub fn is_for_print(&self) -> bool {
        let colors = self.get(raw::TJPARAM_TJPARAM_COLORSPACE) as raw::TJCS;
        [raw::TJCS_TJCS_CMYK, raw::TJCS_TJCS_YCCK].contains(&colors)
    }

    /// Decompresses at 1/`shrink` of each side into `pixels` of the given colour: the rows of the shrunk picture from
    /// `first_row` to the last.
    #[expect(unsafe_code)]
    pub fn decompress(&mut self, color: Color, shrink: u32, first_row: u32, pixels: &mut [u8]) -> Outcome {
        if shrink != 1 && self.get(raw::TJPARAM_TJPARAM_LOSSLESS) != 0 {
            return Outcome::Failed("a lossless picture cannot be decoded at a reduced size".to_owned());
        }
        let Some((width, height)) = self.shrunk(shrink) else {
            return Outcome::Failed("its header contains no size".to_owned());
        };
        let rows = height.checked_sub(first_row).expect("the first row is inside the picture");
        let (row, format) = match color {
            Color::Rgb => (width as usize * 3, raw::TJPF_TJPF_RGB),
            Color::Gray => (width as usize, raw::TJPF_TJPF_GRAY),
        };
        assert_eq!(pixels.len(), row * rows as usize, "the buffer has the size of the rows");
        let handle = self.handle.as_ptr();
        let factor = raw::tjscalingfactor { num: 1, denom: shrink as c_int };
        let region = raw::tjregion { x: 0, y: first_row as c_int, w: 0, h: 0 };
        // SAFETY: the handle is valid. The bytes are those whose header gave the size, so that the library writes rows
        // of `row` bytes and, from the first row on, `rows` of them, which is the length of the buffer.
        let result = unsafe {
            let mut result = raw::tj3SetScalingFactor(handle, factor);
            if result == 0 && first_row > 0 {
                result = raw::tj3SetCroppingRegion(handle, region);
            }
            if result == 0 {
                result = raw::tj3Decompress8(
                    handle,
                    self.bytes.as_ptr(),
                    self.bytes.len() as raw::size_t,
                    pixels.as_mut_ptr(),
                    row as c_int,
                    format,
                );
            }
            result
        };
        self.outcome(result)
    }

    #[expect(unsafe_code)]
    fn get(&self, parameter: raw::TJPARAM) -> c_int {
        // SAFETY: the handle is valid.
        unsafe { raw::tj3Get(self.handle.as_ptr(), parameter as c_int) }
    }

    #[expect(unsafe_code)]
    fn outcome(&self, result: c_int) -> Outcome {
        if result == 0 {
            return Outcome::Clean;
        }
        // SAFETY: the handle is valid, and the message is a string that lives until the next call.
        let (code, message) = unsafe {
            let message = CStr::from_ptr(raw::tj3GetErrorStr(self.handle.as_ptr()));
            (raw::tj3GetErrorCode(self.handle.as_ptr()), message.to_string_lossy().into_owned())
        };
        if code as raw::TJERR == raw::TJERR_TJERR_WARNING {
            Outcome::Warned(message)
        } else {
            Outcome::Failed(message)
        }
    }
}

impl Drop for Turbo<'_> {
    #[expect(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the handle is valid and not used again.
        unsafe { raw::tj3Destroy(self.handle.as_ptr()) }
    }
}
