//! Converts a picture to a detection network's input: downscaled, padded to a multiple of the stride, as planar floats.

use super::DetectError;
use emotiond_core::{
    levels::Stretch,
    picture::{Color, PictureView, resize},
};
use fast_image_resize::Resizer;
use ndarray::{ArrayView1, ArrayViewMut3, Axis, Zip, s};
use ort::value::TensorRef;

/// The networks halve their input five times.
pub(super) const STRIDE: usize = 32;

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

    /// Fills `planes` with `picture`, downscaled to a longest side of at most `max_side_px` and padded with black. A dim or
    /// pale picture is stretched.
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
        let planes = ArrayViewMut3::from_shape((3, self.height, self.width), &mut self.planes);
        let mut planes = planes.expect("the memory has the size of the planes");
        pack_planes(&PictureView::new(width, height, picture.color, pixels), order, planes.view_mut());
        let stretch = Stretch::of_scene(pixels);
        if stretch != Stretch::NONE {
            planes
                .slice_mut(s![.., ..height as usize, ..width as usize])
                .mapv_inplace(|value| stretch.level(value).clamp(0.0, 255.0));
        }
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

/// Splits `picture` into the three planes of `[3, height, width]`, which may be larger; the rest is filled with zeros.
fn pack_planes(picture: &PictureView, order: PlaneOrder, mut planes: ArrayViewMut3<f32>) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    // The memory is reused, so it may contain pixels of an earlier, larger picture.
    planes.slice_mut(s![.., height.., ..]).fill(0.0);
    planes.slice_mut(s![.., .., width..]).fill(0.0);
    if let PlaneOrder::Bgr = order {
        planes.invert_axis(Axis(0));
    }
    for (y, mut rows) in planes.axis_iter_mut(Axis(1)).take(height).enumerate() {
        let row = picture.row(y as u32);
        let (red, green, blue) = rows.multi_slice_mut((s![0, ..width], s![1, ..width], s![2, ..width]));
        let planes = Zip::from(red).and(green).and(blue);
        match picture.color {
            Color::Rgb => {
                let (pixels, _) = row.as_chunks::<3>();
                planes.and(&ArrayView1::from(pixels)).for_each(|red, green, blue, pixel| {
                    [*red, *green, *blue] = pixel.map(f32::from);
                });
            }
            Color::Gray => planes.and(&ArrayView1::from(row)).for_each(|red, green, blue, &luma| {
                [*red, *green, *blue] = [f32::from(luma); 3];
            }),
        }
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

    fn packed(pixels: &[u8]) -> Vec<f32> {
        let mut packer = InputPacker::new();
        packer.pack(&PictureView::new(64, 64, Color::Rgb, pixels), 640, PlaneOrder::Rgb).unwrap();
        packer.planes
    }

    fn spread(planes: &[f32]) -> f32 {
        let largest = planes.iter().copied().fold(f32::MIN, f32::max);
        largest - planes.iter().copied().fold(f32::MAX, f32::min)
    }

    #[test]
    fn a_dim_scene_is_searched_as_a_bright_one_and_a_bright_one_as_it_is() {
        let bright: Vec<u8> = (0..64 * 64 * 3).map(|i| (20 + i / 3 * 37 % 210) as u8).collect();
        let own: f32 = bright.iter().map(|&pixel| f32::from(pixel)).sum();
        assert_eq!(packed(&bright).iter().sum::<f32>(), own);
        let dim: Vec<u8> = bright.iter().map(|pixel| pixel / 10).collect();
        assert!(spread(&packed(&dim)) > 0.8 * spread(&packed(&bright)));
        // At night, noise is no scene.
        let night: Vec<u8> = dim.iter().map(|pixel| pixel % 2).collect();
        assert!(spread(&packed(&night)) < 30.0);
    }

    #[test]
    fn planes_are_ordered_and_padding_is_black_even_when_memory_is_used_again() {
        let mut packer = InputPacker::new();
        let white = vec![255; 64 * 64 * 3];
        packer.pack(&PictureView::new(64, 64, Color::Rgb, &white), 640, PlaneOrder::Rgb).unwrap();
        let mut pixels = [1, 2, 255, 4, 5, 6].repeat(30);
        pixels[..18].fill(0);
        packer.pack(&PictureView::new(2, 30, Color::Rgb, &pixels), 640, PlaneOrder::Bgr).unwrap();
        assert_eq!((packer.width, packer.height, packer.planes.len()), (32, 32, 3 * 32 * 32));
        let row = 3 * 32;
        assert_eq!([packer.planes[row], packer.planes[row + 1]], [255.0, 6.0]);
        assert_eq!([packer.planes[2048 + row], packer.planes[2048 + row + 1]], [1.0, 4.0]);
        assert_eq!(packer.planes.iter().sum::<f32>(), 27.0 * (255.0 + 18.0));
    }
}
