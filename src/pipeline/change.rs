//! Whether a picture has changed: compares two thumbnails, whatever the light does.
//!
//! A change is a pair of neighbouring pixels that differ by more than the noise does. What differs all over the picture is
//! no change: an exposure step makes all pixels brighter in proportion to their luma, a lamp makes whole rows brighter,
//! because most cameras expose one row after another.

use crate::decode::Thumbnail;
use std::ops::RangeInclusive;

/// Differences are in parts of a luma level.
const LEVEL: i32 = 16;
/// The smallest difference that counts, in levels: a part of the scene's spread, within these limits.
const LEAST_LEVELS: (i32, i32) = (1, 4);
const SPREAD_PARTS: i32 = 30;
/// How many times the median difference is beyond noise: five standard deviations.
const NOISE: f32 = 5.0 * 1.4826;
/// More is never taken for noise, in levels: if most of the picture changes, the median is no measure of noise.
const MOST_NOISE: i32 = 8;
/// Factors of the contrast that an exposure step can have. A covered lens has almost 0, whatever was in the picture.
const EXPOSURE_GAINS: RangeInclusive<f32> = 0.5..=2.0;
/// The part of the pixels beyond the percentiles that the spread is measured between.
const TAIL: usize = 1000;

/// Compares thumbnails; reuses its memory.
#[derive(Default)]
pub(super) struct ChangeMeter {
    differences: Vec<i32>,
    row: Vec<i32>,
}

impl ChangeMeter {
    /// Whether something has changed between the two, but for the pixels with the indices in `masked`. Thumbnails of
    /// different sizes always differ.
    pub fn differs(&mut self, before: &Thumbnail, now: &Thumbnail, masked: &[usize]) -> bool {
        if (before.width, before.height) != (now.width, now.height) {
            return true;
        }
        let levels = Levels::of(&before.luma);
        let differences = before.luma.iter().zip(&now.luma);
        self.differences.clear();
        self.differences.extend(differences.map(|(&a, &b)| (i32::from(b) - i32::from(a)) * LEVEL));
        self.ignore(masked);
        let least = levels.least();
        // The usual case: nothing has changed, not even the light.
        if !self.has_pair(now.width, least) {
            return false;
        }
        let gain = self.take_out_exposure(&before.luma, &levels);
        if !EXPOSURE_GAINS.contains(&gain) {
            return true;
        }
        self.take_out_flicker(now.width);
        self.ignore(masked);
        self.has_pair(now.width, least.max(self.noise()))
    }

    fn ignore(&mut self, masked: &[usize]) {
        masked.iter().for_each(|&index| self.differences[index] = 0);
    }

    /// Whether two neighbours differ in the same direction by more than `limit`.
    fn has_pair(&self, width: usize, limit: i32) -> bool {
        let is_far = |value: i32, other: i32| {
            value.abs() > limit && other.abs() > limit && value.signum() == other.signum()
        };
        let rows = self.differences.chunks_exact(width);
        let beside = rows.clone().any(|row| row.windows(2).any(|pair| is_far(pair[0], pair[1])));
        let mut below = rows.clone().zip(rows.skip(1));
        beside || below.any(|(row, next)| row.iter().zip(next).any(|(&a, &b)| is_far(a, b)))
    }

    /// The limit of noise, from the median of the differences.
    fn noise(&self) -> i32 {
        let mut counts = [0; MOST_NOISE as usize + 1];
        for difference in &self.differences {
            let levels = (difference.unsigned_abs() as usize + LEVEL as usize / 2) / LEVEL as usize;
            counts[levels.min(MOST_NOISE as usize)] += 1;
        }
        // Noise is often less than a level, so the differences of a level are spread evenly from half a level less to half
        // a level more.
        let half = self.differences.len() / 2;
        let level = percentile(&counts, half);
        let below: usize = counts[..level].iter().sum();
        let part = (half - below) as f32 / counts[level].max(1) as f32;
        let median = if level == 0 { part / 2.0 } else { level as f32 - 0.5 + part };
        ((median * NOISE * LEVEL as f32) as i32).min(MOST_NOISE * LEVEL)
    }

    /// Takes out what is proportional to the luma: the line through the medians of the darkest and of the brightest third
    /// of the pixels (Tukey, "Exploratory Data Analysis", 1977). Returns the factor of the contrast.
    fn take_out_exposure(&mut self, before: &[u8], levels: &Levels) -> f32 {
        if levels.bright - levels.dark < LEAST_LEVELS.1 * 2 {
            return 1.0;
        }
        let dark = self.median_where(before, |luma| luma <= levels.dark);
        let bright = self.median_where(before, |luma| luma >= levels.bright);
        let span = levels.bright_median - levels.dark_median;
        for (difference, &luma) in self.differences.iter_mut().zip(before) {
            *difference -= dark + (bright - dark) * (i32::from(luma) - levels.dark_median) / span.max(1);
        }
        1.0 + (bright - dark) as f32 / (span.max(1) * LEVEL) as f32
    }

    fn median_where(&mut self, before: &[u8], is_meant: impl Fn(i32) -> bool) -> i32 {
        self.row.clear();
        let meant = self.differences.iter().zip(before).filter(|(_, luma)| is_meant(i32::from(**luma)));
        self.row.extend(meant.map(|(difference, _)| *difference));
        median(&mut self.row)
    }

    /// Takes out the median of each row.
    fn take_out_flicker(&mut self, width: usize) {
        for differences in self.differences.chunks_exact_mut(width) {
            self.row.clear();
            self.row.extend_from_slice(differences);
            let median = median(&mut self.row);
            differences.iter_mut().for_each(|difference| *difference -= median);
        }
    }
}

/// How the luma of a thumbnail is distributed, in levels.
struct Levels {
    /// The distance between the percentiles.
    spread: i32,
    /// The bounds of the darkest and of the brightest third, and their medians.
    dark: i32,
    bright: i32,
    dark_median: i32,
    bright_median: i32,
}

impl Levels {
    fn of(luma: &[u8]) -> Self {
        let mut counts = [0; 256];
        luma.iter().for_each(|&value| counts[usize::from(value)] += 1);
        let pixels = luma.len();
        let level = |rank: usize| percentile(&counts, rank) as i32;
        Self {
            spread: level(pixels - pixels / TAIL) - level(pixels / TAIL),
            dark: level(pixels / 3),
            bright: level(pixels - pixels / 3),
            dark_median: level(pixels / 6),
            bright_median: level(pixels - pixels / 6),
        }
    }

    /// The smallest difference that counts. In a dim or pale scene, faces have little contrast too.
    fn least(&self) -> i32 {
        (self.spread * LEVEL / SPREAD_PARTS).clamp(LEAST_LEVELS.0 * LEVEL, LEAST_LEVELS.1 * LEVEL)
    }
}

/// The first value up to which at least `rank` are counted, and one.
fn percentile(counts: &[usize], rank: usize) -> usize {
    let mut below = 0;
    let is_reached = |count: &usize| {
        below += count;
        below >= rank.max(1)
    };
    counts.iter().position(is_reached).unwrap_or(counts.len() - 1)
}

fn median(values: &mut [i32]) -> i32 {
    let middle = values.len() / 2;
    if values.is_empty() { 0 } else { *values.select_nth_unstable(middle).1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (160, 90);

    /// A room: a wall with a window, a dark floor, some furniture; `noise` is the amplitude in levels.
    fn room(seed: usize, noise: usize) -> Thumbnail {
        let (width, height) = SIZE;
        let value = |at: usize| {
            let (x, y) = (at % width, at / width);
            let scene = match (x, y) {
                (100..130, 10..40) => 220,
                (_, 60..) => 50 + x / 8 % 3 * 10,
                (20..60, 45..60) => 30,
                _ => 120 + y / 4,
            };
            let random = (at + 7 * seed).wrapping_mul(2_654_435_761).wrapping_add(seed * 40_503) >> 7;
            (scene + random % (2 * noise + 1)).saturating_sub(noise)
        };
        Thumbnail { width, height, luma: (0..width * height).map(|at| value(at) as u8).collect() }
    }

    fn differs(before: &Thumbnail, now: &Thumbnail) -> bool {
        ChangeMeter::default().differs(before, now, &[])
    }

    /// The room with each pixel changed by its place and value.
    fn changed(room: &Thumbnail, change: impl Fn(usize, usize, f32) -> f32) -> Thumbnail {
        let mut room = room.clone();
        for (at, luma) in room.luma.iter_mut().enumerate() {
            let value = change(at % SIZE.0, at / SIZE.0, f32::from(*luma));
            *luma = value.round().clamp(0.0, 255.0) as u8;
        }
        room
    }

    #[test]
    fn noise_exposure_and_flicker_are_no_change() {
        let before = room(0, 1);
        for seed in 1..20 {
            assert!(!differs(&before, &room(seed, 1)), "noise");
            assert!(!differs(&room(seed + 50, 2), &room(seed, 2)), "more noise");
        }
        for gain in [0.7, 0.9, 0.97, 1.05, 1.13] {
            assert!(!differs(&before, &changed(&room(1, 1), |_, _, luma| luma * gain)), "gain {gain}");
        }
        let bands = |_, y: usize, luma: f32| luma + 9.0 * (y as f32 * 0.21).sin();
        assert!(!differs(&before, &changed(&room(1, 1), bands)), "rows that a lamp brightens");
    }

    #[test]
    fn a_small_face_is_a_change_even_while_the_light_changes() {
        for gain in [1.0, 0.9, 1.1] {
            for (left, top) in [(0, 30), (40, 20), (157, 80), (110, 15), (30, 50)] {
                // 24 pixels of a frame, 15 levels from what is behind.
                let face = |x: usize, y: usize, luma: f32| {
                    let is_face = (left..left + 3).contains(&x) && (top..top + 3).contains(&y);
                    gain * if is_face { luma - 15.0 } else { luma }
                };
                assert!(differs(&room(0, 1), &changed(&room(1, 1), face)), "{left} {top} {gain}");
            }
        }
    }

    #[test]
    fn what_happens_in_masked_pixels_is_no_change_whatever_the_light_does() {
        let before = room(0, 1);
        let is_television = |x: usize, y: usize| (20..60).contains(&x) && (10..40).contains(&y);
        let masked: Vec<usize> =
            (0..before.luma.len()).filter(|at| is_television(at % before.width, at / before.width)).collect();
        for gain in [1.0, 0.9, 1.1] {
            let shown = |x: usize, y: usize| ((x * 7 + y * 13) % 200) as f32;
            let watched = changed(
                &room(1, 1),
                |x, y, luma| if is_television(x, y) { shown(x, y) } else { luma * gain },
            );
            assert!(differs(&before, &watched));
            assert!(!ChangeMeter::default().differs(&before, &watched, &masked), "gain {gain}");
            let beside = |x: usize, y: usize, luma: f32| {
                if (60..63).contains(&x) && (20..23).contains(&y) { luma - 15.0 } else { luma }
            };
            assert!(
                ChangeMeter::default().differs(&before, &changed(&watched, beside), &masked),
                "gain {gain}"
            );
        }
    }

    #[test]
    fn a_change_of_most_of_the_picture_is_a_change() {
        let other =
            |x: usize, y: usize, luma: f32| if x > 30 { ((x * 7 + y * 13) % 200) as f32 } else { luma };
        assert!(differs(&room(0, 1), &changed(&room(1, 1), other)));
        for level in [0, 16, 128, 255] {
            assert!(differs(&room(0, 1), &changed(&room(1, 1), |_, _, _| level as f32)), "blank at {level}");
        }
        let small = Thumbnail { width: 1, height: 1, luma: vec![0] };
        assert!(differs(&small, &room(0, 1)) && !differs(&small, &small));
    }

    #[test]
    fn a_face_in_a_dim_room_is_a_change() {
        let dim = |room: &Thumbnail| changed(room, |_, _, luma| 16.0 + luma / 10.0);
        let face = |x: usize, y: usize, luma: f32| {
            if (70..74).contains(&x) && (30..34).contains(&y) { luma - 5.0 } else { luma }
        };
        assert!(!differs(&dim(&room(0, 1)), &dim(&room(1, 1))));
        assert!(differs(&dim(&room(0, 1)), &changed(&dim(&room(1, 1)), face)));
    }
}
