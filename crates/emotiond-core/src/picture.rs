//! Decoded pictures, the input of detectors, crops and the overlay.

use fast_image_resize::{
    FilterType, PixelTrait, ResizeAlg, ResizeError, ResizeOptions, Resizer,
    images::{TypedImage, TypedImageRef},
    pixels::{U8, U8x3},
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
    out.resize(width as usize * height as usize * picture.color.channels(), 0);
    resize_part(resizer, picture, None, (width, height), out)
}

/// Resizes a part of `picture` into `out`, which has `size` pixels, with the same filter. The part has a left and an upper
/// edge, a width and a height; `None` is all of it.
///
/// # Errors
/// When a side is too long for the library, or the part is not inside the picture.
///
/// # Panics
/// When `out` is too short.
pub fn resize_part(
    resizer: &mut Resizer,
    picture: &PictureView,
    part: Option<[f64; 4]>,
    size: (u32, u32),
    out: &mut [u8],
) -> Result<(), ResizeError> {
    let mut options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    if let Some([left, top, width, height]) = part {
        options = options.crop(left, top, width, height);
    }
    // The library's function for any pixel is compiled for its thirteen kinds, which takes a minute.
    match picture.color {
        Color::Gray => resize_pixels::<U8>(resizer, picture, &options, size, out),
        Color::Rgb => resize_pixels::<U8x3>(resizer, picture, &options, size, out),
    }
}

fn resize_pixels<P: PixelTrait>(
    resizer: &mut Resizer,
    picture: &PictureView,
    options: &ResizeOptions,
    (width, height): (u32, u32),
    out: &mut [u8],
) -> Result<(), ResizeError> {
    let source = TypedImageRef::<P>::from_buffer(picture.width, picture.height, picture.data)
        .expect("a view's length fits its size");
    let mut target = TypedImage::<P>::from_buffer(width, height, out).expect("the buffer fits the size");
    resizer.resize_typed(&source, &mut target, options)
}

/// Luma of an RGB pixel according to ITU-R BT.601 in 16-bit fixed point. JPEG, OpenCV and Pillow use the same weights,
/// and so does the training data of emotion networks.
#[inline]
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((19_595 * u32::from(r) + 38_470 * u32::from(g) + 7_471 * u32::from(b) + 0x8000) >> 16) as u8
}
