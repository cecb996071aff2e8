//! A full house: photographs of people with boxes drawn by hand, side by side in one large picture.

use image::{RgbImage, imageops};
use test_support::{Truth, detection_set};

/// Longest sides of a photograph in the picture.
const LARGEST: (u32, u32) = (900, 420);

/// A picture and the faces in it.
pub struct Crowd {
    pub picture: RgbImage,
    pub truths: Vec<Truth>,
}

/// A picture full of photographs, each resized so that the median of its faces has the next of these sizes.
pub fn crowd(width: u32, height: u32, sizes: &[f32]) -> Crowd {
    let photographs: Vec<(RgbImage, Vec<Truth>)> = ["dlib_faces", "cmu_mit"]
        .into_iter()
        .flat_map(detection_set)
        .filter(|(_, truths)| !truths.is_empty())
        .map(|(file, truths)| (image::open(file).unwrap().into_rgb8(), truths))
        .collect();
    let picture = RgbImage::from_pixel(width, height, image::Rgb([96, 104, 112]));
    let mut crowd = Crowd { picture, truths: Vec::new() };
    let (mut left, mut top, mut row_height, mut placed) = (0, 0, 0, 0);
    // Neighbours should not have faces of one size, so not in the order of the files.
    for number in 0..photographs.len() * sizes.len() {
        let (photograph, truths) = &photographs[number * 7 % photographs.len()];
        let scale = sizes[placed % sizes.len()] / median_side(truths);
        let [w, h] = [photograph.width(), photograph.height()].map(|side| (side as f32 * scale) as u32);
        if scale > 1.2 || w.min(h) == 0 || w > LARGEST.0 || h > LARGEST.1 {
            continue;
        }
        if left + w > width {
            (left, top, row_height) = (0, top + row_height, 0);
        }
        if top + h > height || w > width {
            continue;
        }
        let small = imageops::resize(photograph, w, h, imageops::FilterType::Lanczos3);
        imageops::replace(&mut crowd.picture, &small, i64::from(left), i64::from(top));
        let offset = [left, top, left, top].map(|offset| offset as f32);
        crowd.truths.extend(truths.iter().map(|truth| std::array::from_fn(|i| truth[i] * scale + offset[i])));
        (left, row_height, placed) = (left + w, row_height.max(h), placed + 1);
    }
    crowd
}

/// The longer side of a face.
pub fn side(truth: &Truth) -> f32 {
    (truth[2] - truth[0]).max(truth[3] - truth[1])
}

fn median_side(truths: &[Truth]) -> f32 {
    let mut sides: Vec<f32> = truths.iter().map(side).collect();
    sides.sort_by(f32::total_cmp);
    sides[sides.len() / 2]
}
