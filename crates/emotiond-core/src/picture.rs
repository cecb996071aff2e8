//! Decoded pictures, the input of detectors, crops and the overlay.

use fast_image_resize::{
    FilterType, PixelType, ResizeAlg, ResizeError, ResizeOptions, Resizer,
    images::{Image, ImageRef},
};

/// The pixel format of a decoded picture, which is stored row by row without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// One byte per pixel: luma.
    Gray,
    /// Three bytes per pixel: red, green, blue.
    Rgb,
}

impl Color {
    /// Bytes per pixel.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// A borrowed picture: `height` rows of `width` pixels, top to bottom.
#[derive(Clone, Copy, Debug)]
pub struct PictureView<'a> {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Layout of a pixel.
    pub color: Color,
    /// `width * height * channels` bytes.
    pub data: &'a [u8],
}

impl<'a> PictureView<'a> {
    /// A view over `data`.
    ///
    /// # Panics
    /// When `data` is not exactly `width * height * channels` bytes long.
    pub fn new(width: u32, height: u32, color: Color, data: &'a [u8]) -> Self {
        assert_eq!(
            data.len(),
            width as usize * height as usize * color.channels(),
            "pixels do not fit the size"
        );
        Self { width, height, color, data }
    }

    /// One row's bytes.
    pub fn row(&self, y: u32) -> &'a [u8] {
        let stride = self.width as usize * self.color.channels();
        &self.data[y as usize * stride..][..stride]
    }
}

/// Resizes `picture` into `out` with a filter that averages over the area of each pixel, to avoid aliasing.
///
/// # Errors
/// When a side is too long for the library.
pub fn resize(
    resizer: &mut Resizer,
    picture: &PictureView,
    width: u32,
    height: u32,
    out: &mut Vec<u8>,
) -> Result<(), ResizeError> {
    let pixel = match picture.color {
        Color::Gray => PixelType::U8,
        Color::Rgb => PixelType::U8x3,
    };
    out.resize(width as usize * height as usize * picture.color.channels(), 0);
    let source = ImageRef::new(picture.width, picture.height, picture.data, pixel)
        .expect("a view's length fits its size");
    let mut target = Image::from_slice_u8(width, height, out, pixel).expect("its length was set");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    resizer.resize(&source, &mut target, &options)
}

/// Luma of an RGB pixel according to ITU-R BT.601 in 16-bit fixed point. JPEG, OpenCV and Pillow use the same weights,
/// and so does the training data of emotion networks.
#[inline]
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000) >> 16) as u8
}
