//! Which faces are read in a frame: a face's emotion is read as often as its smoothed answer needs, not in every frame.

use crate::frame::Frame;
use emotiond_core::{
    geometry::BoundingBox,
    picture::{PictureView, luma},
};
use std::collections::HashMap;

/// For so many seconds, a new face is read in every frame, because its first answer is that of few readings.
const NEW_S: f64 = 0.25;
/// Side of the grid of pixels that tells whether a face's looks have changed.
const GRID: usize = 8;
/// Times are rounded to milliseconds, so a reading is due a little early, in parts of one.
const ROUNDING: f64 = 0.02;
/// A face is read at once if its pixels differ by this part of their contrast from those at its last reading.
const CHANGED: f32 = 0.7;
/// The smallest contrast of a face in levels, below which differences are noise.
const LEAST_CONTRAST: f32 = 10.0;

/// The readings of a source's faces.
#[derive(Default)]
pub(super) struct Readings {
    tracks: HashMap<u64, Reading>,
    /// Readings that are due, in parts of one.
    credit: f64,
    /// Number and time of the latest frame.
    latest: Option<(u64, f64)>,
    /// Indices of the faces that are not read at once.
    waiting: Vec<usize>,
}

/// A face's latest reading.
struct Reading {
    first_s: f64,
    read_s: f64,
    grid: Grid,
}

/// Luma of pixels all over a face.
type Grid = [u8; GRID * GRID];

impl Readings {
    /// Chooses the faces that are read in `frame`, captured at `time_s`, so that each face is read `reads_per_s` times per
    /// second (0: in every frame). Frames that the pipeline has skipped give no readings: if the machine is too small,
    /// faces are read less often instead of frames.
    pub fn choose(&mut self, frame: &mut Frame, time_s: f64, reads_per_s: f64) {
        let Frame { faces, read, picture, shrink, is_decoded, file, number, .. } = frame;
        let gap_s = self.frame_gap_s(*number, time_s);
        if !*is_decoded {
            self.save(gap_s * reads_per_s, faces.len());
            return;
        }
        // Pictures of a folder are independent.
        if reads_per_s == 0.0 || file.is_some() {
            read.extend(0..faces.len());
            return;
        }
        self.save(gap_s * reads_per_s, faces.len());
        let view = picture.view();
        let grid = |index: usize| grid(&view, &faces[index].bounds.scaled(1.0 / *shrink as f32));
        self.waiting.clear();
        for (index, face) in faces.iter().enumerate() {
            let reading = self.tracks.get(&face.track);
            let may_wait = |reading: &Reading| {
                time_s - reading.first_s >= NEW_S && !has_changed(&reading.grid, &grid(index))
            };
            if reading.is_some_and(may_wait) { self.waiting.push(index) } else { read.push(index) }
        }
        self.credit = (self.credit - read.len() as f64).max(self.credit.min(0.0));
        let read_s = |index: &usize| self.tracks[&faces[*index].track].read_s;
        self.waiting.sort_unstable_by(|a, b| read_s(a).total_cmp(&read_s(b)).then(a.cmp(b)));
        let due = ((self.credit + ROUNDING) as usize).min(self.waiting.len());
        self.credit -= due as f64;
        read.extend_from_slice(&self.waiting[..due]);
        read.sort_unstable();
        for &index in &*read {
            let grid = grid(index);
            let first_s = self.tracks.get(&faces[index].track).map_or(time_s, |reading| reading.first_s);
            self.tracks.insert(faces[index].track, Reading { first_s, read_s: time_s, grid });
        }
    }

    /// Forgets tracks that have ended.
    pub fn forget(&mut self, lost: &[u64]) {
        for track in lost {
            self.tracks.remove(track);
        }
    }

    /// Adds to the credit; no more is saved than one reading of each face.
    fn save(&mut self, readings_a_face: f64, faces: usize) {
        self.credit = (self.credit + readings_a_face * faces as f64).min(faces as f64);
    }

    /// Seconds between two frames of the source, including those that were skipped.
    fn frame_gap_s(&mut self, number: u64, time_s: f64) -> f64 {
        let latest = self.latest.replace((number, time_s));
        latest.map_or(0.0, |(before, before_s)| {
            (time_s - before_s).max(0.0) / number.saturating_sub(before).max(1) as f64
        })
    }
}

/// The pixels of a face whose box is `bounds`.
fn grid(picture: &PictureView, bounds: &BoundingBox) -> Grid {
    let mut grid = [0; GRID * GRID];
    let place = |start: f32, length: f32, step: usize, limit: u32| {
        let place = start + length * (step as f32 + 0.5) / GRID as f32;
        place.clamp(0.0, limit.saturating_sub(1) as f32) as u32
    };
    if picture.data.is_empty() {
        return grid;
    }
    for (at, value) in grid.iter_mut().enumerate() {
        let x = place(bounds.x, bounds.w, at % GRID, picture.width) as usize * 3;
        let row = picture.row(place(bounds.y, bounds.h, at / GRID, picture.height));
        *value = luma(row[x], row[x + 1], row[x + 2]);
    }
    grid
}

/// Whether a face has changed much, apart from its brightness.
fn has_changed(before: &Grid, now: &Grid) -> bool {
    let mean = |grid: &Grid| grid.iter().map(|&value| f32::from(value)).sum::<f32>() / grid.len() as f32;
    let (mean_before, mean_now) = (mean(before), mean(now));
    let (mut difference, mut contrast) = (0.0, 0.0);
    for (&a, &b) in before.iter().zip(now) {
        let (a, b) = (f32::from(a) - mean_before, f32::from(b) - mean_now);
        difference += (a - b).abs();
        contrast += (a.abs() + b.abs()) / 2.0;
    }
    difference > CHANGED * contrast.max(LEAST_CONTRAST * before.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{frame::Picture, track::Face};

    /// A frame with faces on a row, numbered by their tracks; `looks` is each face's picture.
    fn frame(number: u64, tracks: &[u64], looks: impl Fn(u64) -> u8) -> Frame {
        let mut picture = Picture::default();
        picture.resize(16 * 300, 16);
        for (at, pixel) in picture.pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = (at % (16 * 300), at / (16 * 300));
            let look = usize::from(looks((x / 16) as u64));
            pixel.fill(if (x % 16 / 4 + y / 4 * look) % 2 == 0 { 60 } else { 180 });
        }
        let faces = tracks.iter().map(|&track| Face {
            track,
            bounds: BoundingBox::new(track as f32 * 16.0, 0.0, 16.0, 16.0),
            score: 0.9,
            predicted: false,
            pose: None,
        });
        Frame { number, picture, faces: faces.collect(), ..Frame::default() }
    }

    /// The tracks that are read in each of `frames` frames at 30 frames a second.
    fn read(
        readings: &mut Readings,
        frames: std::ops::Range<u64>,
        tracks: &[u64],
        rate: f64,
    ) -> Vec<Vec<u64>> {
        let mut read = |number: u64| {
            let mut frame = frame(number, tracks, |_| 1);
            readings.choose(&mut frame, number as f64 / 30.0, rate);
            frame.read.iter().map(|&index| frame.faces[index].track).collect()
        };
        frames.map(&mut read).collect()
    }

    #[test]
    fn each_face_is_read_as_often_as_wanted_and_the_work_is_spread() {
        let tracks: Vec<u64> = (0..200).collect();
        let mut readings = Readings::default();
        let first = read(&mut readings, 0..8, &tracks, 10.0);
        assert!(first.iter().all(|read| read.len() == 200), "new faces are read in every frame");
        let later = read(&mut readings, 8..98, &tracks, 10.0);
        assert!(later.iter().skip(3).all(|read| (66..=67).contains(&read.len())), "{later:?}");
        for track in tracks {
            let at: Vec<usize> = (0..90).filter(|&frame| later[frame].contains(&track)).collect();
            assert!(at.windows(2).all(|pair| pair[1] - pair[0] <= 4), "{track}: {at:?}");
        }
    }

    #[test]
    fn one_face_is_read_every_third_frame_and_all_are_read_if_that_is_wanted() {
        let mut readings = Readings::default();
        read(&mut readings, 0..8, &[7], 10.0);
        let later = read(&mut readings, 8..68, &[7], 10.0);
        assert_eq!(later.iter().filter(|read| !read.is_empty()).count(), 20);
        assert!(later.windows(3).all(|three| three.iter().any(|read| !read.is_empty())));
        for rate in [0.0, 30.0, 1000.0] {
            let all = read(&mut Readings::default(), 0..60, &[7, 8], rate);
            assert!(all.iter().all(|read| read == &[7, 8]), "{rate}: {all:?}");
        }
    }

    #[test]
    fn a_new_face_and_one_that_looks_different_are_read_at_once() {
        let mut readings = Readings::default();
        read(&mut readings, 0..40, &[1, 2, 3], 1.0);
        let look = |readings: &mut Readings, number: u64, tracks: &[u64], looks: fn(u64) -> u8| {
            let mut frame = frame(number, tracks, looks);
            readings.choose(&mut frame, number as f64 / 30.0, 1.0);
            frame.read.iter().map(|&index| frame.faces[index].track).collect::<Vec<_>>()
        };
        assert_eq!(look(&mut readings, 41, &[1, 2, 3], |track| if track == 2 { 0 } else { 1 }), [2]);
        assert_eq!(look(&mut readings, 42, &[1, 2, 3, 4], |track| if track == 2 { 0 } else { 1 }), [4]);
        readings.forget(&[1]);
        assert!(look(&mut readings, 43, &[1], |_| 1) == [1]);
    }

    #[test]
    fn skipped_frames_give_no_readings() {
        let tracks: Vec<u64> = (0..90).collect();
        let mut readings = Readings::default();
        let mut counts = Vec::new();
        for number in (0..90).step_by(3) {
            let mut frame = frame(number, &tracks, |_| 1);
            readings.choose(&mut frame, number as f64 / 30.0, 10.0);
            counts.push(frame.read.len());
        }
        assert!(counts[5..].iter().all(|count| (29..=31).contains(count)), "{counts:?}");
    }
}
