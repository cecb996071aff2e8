//! Converts a picture to a detection network's input: downscaled, padded to a multiple of the stride, as planar floats.

use super::DetectError;
use emotiond_core::picture::{Color, PictureView, resize};
use fast_image_resize::Resizer;
use ort::value::TensorRef;

/// The networks halve their input five times.
const STRIDE: usize = 32;

/// The order of a network's colour planes.
#[derive(Clone, Copy)]
pub(super) enum PlaneOrder {
    Rgb,
    Bgr,
}

/// Resizes and packs pictures; reuses its memory.
pub(super) struct InputPacker {
    resizer: Resizer,
    resized: Vec<u8>,
    /// `[3, height, width]` values of 0 to 255.
    pub planes: Vec<f32>,
    /// Columns of a plane, a multiple of 32.
    pub width: usize,
    /// Rows of a plane, a multiple of 32.
    pub height: usize,
    /// Scale of the input relative to the picture.
    pub scale: f32,
}

impl InputPacker {
    pub fn new() -> Self {
        Self {
            resizer: Resizer::new(),
            resized: Vec::new(),
            planes: Vec::new(),
            width: 0,
            height: 0,
            scale: 1.0,
        }
    }

    /// Fills `planes` with `picture`, downscaled to a longest side of at most `max_side_px` and padded with black.
    pub fn pack(
        &mut self,
        picture: &PictureView,
        max_side_px: u32,
        order: PlaneOrder,
    ) -> Result<(), DetectError> {
        let (width, height) = shrunk_size(picture.width, picture.height, max_side_px);
        self.scale = width as f32 / picture.width as f32;
        let pixels = if (width, height) == (picture.width, picture.height) {
            picture.data
        } else {
            resize(&mut self.resizer, picture, width, height, &mut self.resized)?;
            &self.resized
        };
        self.width = (width as usize).next_multiple_of(STRIDE);
        self.height = (height as usize).next_multiple_of(STRIDE);
        self.planes.resize(3 * self.width * self.height, 0.0);
        pack_planes(
            pixels,
            picture.color,
            width as usize,
            height as usize,
            order,
            self.width,
            &mut self.planes,
        );
        Ok(())
    }

    /// The packed picture, `[1, 3, height, width]`.
    pub fn tensor(&self) -> ort::Result<TensorRef<'_, f32>> {
        TensorRef::from_array_view(([1, 3, self.height, self.width], &self.planes[..]))
    }
}

/// The size with the same aspect ratio whose longest side is at most `max_side_px`; never empty.
pub(super) fn shrunk_size(width: u32, height: u32, max_side_px: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= max_side_px {
        return (width, height);
    }
    let shrink = |side: u32| {
        ((u64::from(side) * u64::from(max_side_px) + u64::from(longest) / 2) / u64::from(longest)).max(1)
            as u32
    };
    (shrink(width), shrink(height))
}

/// Splits `pixels` into three planes of `stride` columns and as many rows as fit into `planes`; pads with zeros.
fn pack_planes(
    pixels: &[u8],
    color: Color,
    width: usize,
    height: usize,
    order: PlaneOrder,
    stride: usize,
    planes: &mut [f32],
) {
    let plane_len = planes.len() / 3;
    let (first, rest) = planes.split_at_mut(plane_len);
    let (second, third) = rest.split_at_mut(plane_len);
    let (red, green, blue) = match order {
        PlaneOrder::Rgb => (first, second, third),
        PlaneOrder::Bgr => (third, second, first),
    };
    let channels = color.channels();
    for (y, row) in pixels.chunks_exact(width * channels).take(height).enumerate() {
        let span = y * stride..y * stride + width;
        let (red, green, blue) = (&mut red[span.clone()], &mut green[span.clone()], &mut blue[span]);
        match color {
            Color::Rgb => {
                for (((pixel, r), g), b) in row.chunks_exact(3).zip(red).zip(green).zip(blue) {
                    (*r, *g, *b) = (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
                }
            }
            Color::Gray => {
                for (((&luma, r), g), b) in row.iter().zip(red).zip(green).zip(blue) {
                    (*r, *g, *b) = (f32::from(luma), f32::from(luma), f32::from(luma));
                }
            }
        }
    }
    // The memory is reused, so pixels of an earlier, larger picture must be cleared from the padding.
    for plane in planes.chunks_exact_mut(plane_len) {
        for row in plane.chunks_exact_mut(stride).take(height) {
            row[width..].fill(0.0);
        }
        plane[height * stride..].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_side_is_kept_to() {
        assert_eq!(shrunk_size(640, 480, 1280), (640, 480));
        assert_eq!(shrunk_size(1280, 720, 640), (640, 360));
        assert_eq!(shrunk_size(20_000, 3, 640), (640, 1));
    }

    #[test]
    fn planes_are_ordered_and_padding_is_black_even_when_memory_is_used_again() {
        let mut packer = InputPacker::new();
        let white = vec![255; 64 * 64 * 3];
        packer.pack(&PictureView::new(64, 64, Color::Rgb, &white), 640, PlaneOrder::Rgb).unwrap();
        let pixels = [1, 2, 3, 4, 5, 6];
        packer.pack(&PictureView::new(2, 1, Color::Rgb, &pixels), 640, PlaneOrder::Bgr).unwrap();
        assert_eq!((packer.width, packer.height, packer.planes.len()), (32, 32, 3 * 32 * 32));
        assert_eq!([packer.planes[0], packer.planes[1]], [3.0, 6.0]);
        assert_eq!([packer.planes[2048], packer.planes[2049]], [1.0, 4.0]);
        assert_eq!(packer.planes.iter().sum::<f32>(), 21.0);
    }
}
