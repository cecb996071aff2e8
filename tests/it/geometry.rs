//! Properties of boxes and of the crop.

use emotiond::event::PixelBox;
use emotiond_core::{
    classify::description::InputSpec,
    face::{Cropper, Framing, normalize, square},
    geometry::BoundingBox,
    picture::{Color, PictureView},
};
use proptest::prelude::*;

fn any_box() -> impl Strategy<Value = BoundingBox> {
    (-3000f32..3000.0, -3000f32..3000.0, 0f32..3000.0, 0f32..3000.0)
        .prop_map(|(x, y, w, h)| BoundingBox::new(x, y, w, h))
}

/// Boxes, and whole pixels to shift them by, that stay inside a picture of 200x150.
fn inner_box() -> impl Strategy<Value = (BoundingBox, u8, u8)> {
    (40f32..60.0, 40f32..60.0, 8f32..40.0, 8f32..40.0, 0u8..40, 0u8..20)
        .prop_map(|(x, y, w, h, dx, dy)| (BoundingBox::new(x, y, w, h), dx, dy))
}

fn crop(picture: &PictureView, face: &BoundingBox, margin: f32) -> Vec<u8> {
    let mut out = vec![0; InputSpec::fer2013().crop_len()];
    Cropper::new().crop(picture, face, Framing { margin, down: 0.0 }, &InputSpec::fer2013(), &mut out);
    out
}

/// A picture without a symmetry that could hide a shift.
fn texture(x: u32, y: u32) -> u8 {
    ((x * 7 + y * 13 + (x * y) / 5) % 251) as u8
}

fn textured(width: u32, height: u32, dx: u32, dy: u32) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| texture(x + 1000 - dx, y + 1000 - dy))).collect()
}

proptest! {
    #[test]
    fn overlap_is_symmetric_and_a_ratio(a in any_box(), b in any_box()) {
        let iou = a.iou(&b);
        prop_assert!((0.0..=1.0001).contains(&iou));
        prop_assert_eq!(iou, b.iou(&a));
        if a.w > 1.0 && a.h > 1.0 {
            prop_assert!((a.iou(&a) - 1.0).abs() < 1e-3);
        }
    }

    #[test]
    fn a_clipped_box_lies_in_the_frame_and_in_the_box(a in any_box(), width in 1u32..2000, height in 1u32..2000) {
        let Some(inside) = a.clip(width, height) else {
            prop_assert!(a.x + a.w <= 0.0 || a.y + a.h <= 0.0 || a.x >= width as f32 || a.y >= height as f32 || a.w == 0.0 || a.h == 0.0);
            return Ok(());
        };
        prop_assert!(inside.x >= 0.0 && inside.y >= 0.0 && inside.w > 0.0 && inside.h > 0.0);
        prop_assert!(inside.x + inside.w <= width as f32 + 1e-2 && inside.y + inside.h <= height as f32 + 1e-2);
        prop_assert!(inside.area() <= a.area() * 1.001);
        prop_assert!((inside.iou(&inside.clip(width, height).unwrap()) - 1.0).abs() < 1e-3);
        let pixels = PixelBox::new(&a, width, height);
        prop_assert!(pixels.x + pixels.w <= width && pixels.y + pixels.h <= height);
        prop_assert!((pixels.x as f32 - inside.x).abs() <= 0.51 && (pixels.w as f32 - inside.w).abs() <= 1.01);
    }

    #[test]
    fn the_square_keeps_the_centre_and_holds_the_box(a in any_box(), margin in 0f32..2.0) {
        let around = square(&a, Framing { margin, down: 0.0 });
        let (cx, cy) = a.center();
        let (sx, sy) = around.center();
        prop_assert!((cx - sx).abs() < 0.01 && (cy - sy).abs() < 0.01);
        prop_assert_eq!(around.w, around.h);
        prop_assert!((around.w - a.w.max(a.h) * (1.0 + margin)).abs() < 0.01);
        prop_assert!(around.x <= a.x + 0.01 && around.x + around.w >= a.x + a.w - 0.01);
        prop_assert!(around.y <= a.y + 0.01 && around.y + around.h >= a.y + a.h - 0.01);
    }

    #[test]
    fn the_square_moves_down_by_a_part_of_the_longer_side(a in any_box(), margin in -0.3f32..2.0, down in -0.5f32..0.5) {
        let still = square(&a, Framing { margin, down: 0.0 });
        let moved = square(&a, Framing { margin, down });
        prop_assert_eq!((moved.x, moved.w, moved.h), (still.x, still.w, still.h));
        prop_assert!((moved.y - still.y - down * a.w.max(a.h)).abs() < 0.01);
    }

    #[test]
    fn a_crop_of_any_box_stays_within_the_pictures_values(
        a in any_box(), margin in -0.5f32..2.0, width in 1u32..40, height in 1u32..40, low in 0u8..100, span in 0u8..100,
    ) {
        let pixels: Vec<u8> = (0..width * height).map(|i| low + (i * 31 % (u32::from(span) + 1)) as u8).collect();
        let picture = PictureView::new(width, height, Color::Gray, &pixels);
        let range = low..=low + span;
        prop_assert!(crop(&picture, &a, margin).iter().all(|pixel| range.contains(pixel)));
    }

    #[test]
    fn a_crop_moves_with_the_picture((face, dx, dy) in inner_box(), margin in 0f32..0.4) {
        let still = textured(200, 150, 0, 0);
        let moved = textured(200, 150, u32::from(dx), u32::from(dy));
        let there = BoundingBox::new(face.x + f32::from(dx), face.y + f32::from(dy), face.w, face.h);
        let one = crop(&PictureView::new(200, 150, Color::Gray, &still), &face, margin);
        let other = crop(&PictureView::new(200, 150, Color::Gray, &moved), &there, margin);
        // Adding whole pixels rounds a float's last bits.
        prop_assert!(one.iter().zip(&other).all(|(a, b)| a.abs_diff(*b) <= 2));
    }

    #[test]
    fn gray_and_the_same_gray_in_colour_give_the_same_crop(a in any_box(), margin in -0.3f32..0.5) {
        let gray = textured(60, 40, 0, 0);
        let rgb: Vec<u8> = gray.iter().flat_map(|&pixel| [pixel; 3]).collect();
        let one = crop(&PictureView::new(60, 40, Color::Gray, &gray), &a, margin);
        let other = crop(&PictureView::new(60, 40, Color::Rgb, &rgb), &a, margin);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn normalising_is_undone_by_its_inverse(pixels in prop::collection::vec(any::<u8>(), 48 * 48)) {
        let spec = InputSpec::fer2013();
        let mut input = vec![0.0; pixels.len()];
        normalize(&pixels, &spec, &mut input);
        prop_assert!(input.iter().all(|value| (-1.0..=1.0).contains(value)));
        let back: Vec<u8> = input.iter().map(|value| (value / spec.scale[0] + spec.mean[0]).round() as u8).collect();
        prop_assert_eq!(back, pixels);
    }
}

#[test]
fn a_box_beyond_all_measure_takes_no_memory_beyond_it() {
    let pixels = vec![77; 64 * 48];
    let picture = PictureView::new(64, 48, Color::Gray, &pixels);
    for face in [
        BoundingBox::new(-1e9, -1e9, 2e9, 2e9),
        BoundingBox::new(0.0, 0.0, 1e30, 1.0),
        BoundingBox::new(f32::NAN, 0.0, 10.0, 10.0),
        BoundingBox::new(1e30, -1e30, 10.0, 10.0),
        BoundingBox::new(0.0, 0.0, f32::INFINITY, f32::INFINITY),
    ] {
        assert!(crop(&picture, &face, 0.2).iter().all(|&pixel| pixel == 77), "{face:?}");
    }
}
