//! The colours of a face and its surroundings, to tell a person from another one who appears at the same place.
//!
//! Compares histograms of chromaticity (Swain and Ballard, "Color indexing", 1991) with the Bhattacharyya coefficient
//! (Comaniciu et al., "Kernel-based object tracking", 2003). Chromaticity does not depend on brightness, and a
//! histogram changes little when a head turns.

use emotiond_core::{
    geometry::BoundingBox,
    picture::{Color, PictureView},
};

/// Bins per axis of a histogram, whose axes are the shares of red and green in a pixel, within these ranges.
const BINS: usize = 12;
const RED: (f32, f32) = (0.2, 0.6);
const GREEN: (f32, f32) = (0.2, 0.45);
/// Samples per side of a box.
const SAMPLES: u16 = 16;
/// Hair, neck and shoulders tell more than the face: the box is enlarged by this part of its sides.
const SURROUNDINGS: f32 = 0.3;
/// Sum of the channels below which a pixel is too dark to have a colour.
const DARK: u16 = 40;
/// Two looks are of different persons if their distance, 0 to 1, is larger. Measured: docs/tracking.md.
const DIFFERENT: f32 = 0.1;
/// The distance grows by up to this if one of the faces is covered completely.
const COVERED: f32 = 0.4;

/// A histogram: the square roots of the shares of the bins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look([f32; BINS * BINS]);

impl Look {
    /// The look of the face with these bounds, in pixels of `picture`; `None` if most of it is outside the picture,
    /// dark or gray-scale.
    pub fn of(picture: &PictureView, bounds: &BoundingBox) -> Option<Self> {
        if picture.color != Color::Rgb {
            return None;
        }
        let area = bounds.enlarged(SURROUNDINGS);
        let step = |n: u16| (f32::from(n) + 0.5) / f32::from(SAMPLES);
        let mut bins = [0.0; BINS * BINS];
        let mut counted = 0u16;
        for (row, column) in (0..SAMPLES).flat_map(|row| (0..SAMPLES).map(move |column| (row, column))) {
            let (x, y) = (area.x + area.w * step(column), area.y + area.h * step(row));
            if x >= 0.0 && y >= 0.0 && x < picture.width as f32 && y < picture.height as f32 {
                let rgb = &picture.row(y as u32)[x as usize * 3..][..3];
                counted += u16::from(count(&mut bins, [rgb[0], rgb[1], rgb[2]]));
            }
        }
        let enough = counted >= SAMPLES * SAMPLES / 2;
        enough.then(|| Self(bins.map(|bin| (bin / f32::from(counted)).sqrt())))
    }

    /// Whether it is the look of a different person. This part of one of the faces is covered, 0 to 1.
    pub fn differs(&self, other: &Self, covered: f32) -> bool {
        let likeness: f32 = self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum();
        1.0 - likeness > DIFFERENT + COVERED * covered
    }
}

/// Adds a pixel to the four nearest bins, in proportion to their nearness, unless it is too dark.
fn count(bins: &mut [f32; BINS * BINS], rgb: [u8; 3]) -> bool {
    let [r, g, b] = rgb.map(u16::from);
    let sum = r + g + b;
    if sum < DARK {
        return false;
    }
    let place = |channel: u16, (least, most): (f32, f32)| {
        let share = f32::from(channel) / f32::from(sum);
        let at = ((share - least) / (most - least)).clamp(0.0, 0.999) * (BINS - 1) as f32;
        (at as usize, at.fract())
    };
    let ((red, to_red), (green, to_green)) = (place(r, RED), place(g, GREEN));
    for (bin, part) in [(red, 1.0 - to_red), (red + 1, to_red)] {
        bins[bin * BINS + green] += part * (1.0 - to_green);
        bins[bin * BINS + green + 1] += part * to_green;
    }
    true
}
