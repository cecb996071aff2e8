//! What a source showed in the last seconds, in slots of equal length.

use super::Shows;
use std::collections::VecDeque;

/// Number of slots of the window, so that its memory does not grow with the frame rate.
const SLOTS: i64 = 100;

/// Numbers of faces in a frame.
pub(super) struct Counts {
    /// Faces that show each emotion.
    pub shown: Vec<u32>,
    /// Faces with a known pose.
    posed: u32,
    /// Faces that look towards the camera.
    facing: u32,
}

impl Counts {
    pub fn new(labels: usize) -> Self {
        Self { shown: vec![0; labels], posed: 0, facing: 0 }
    }

    pub fn clear(&mut self) {
        self.shown.fill(0);
        (self.posed, self.facing) = (0, 0);
    }

    pub fn add(&mut self, face: &Shows) {
        self.shown[face.emotion] += 1;
        self.posed += u32::from(face.facing.is_some());
        self.facing += u32::from(face.facing == Some(true));
    }

    pub fn faces(&self) -> u32 {
        self.shown.iter().sum()
    }
}

/// The window, divided into slots of equal length.
pub(super) struct Window {
    pub slots: VecDeque<Slot>,
    /// Unused slots, whose memory is reused.
    spare: Vec<Slot>,
    slot_s: f64,
    labels: usize,
}

pub(super) struct Slot {
    number: i64,
    pub covered_s: f64,
    pub most: u32,
    /// Seconds of each emotion, summed over faces.
    pub shown_s: Vec<f64>,
    /// Seconds with a known pose, summed over faces, ...
    pub posed_s: f64,
    /// ... and seconds of looking towards the camera.
    pub facing_s: f64,
}

impl Window {
    pub fn new(window_s: f32, labels: usize) -> Self {
        // One more because the window rarely starts at a slot's boundary, and one for a slot that is about to be
        // dropped.
        let most = SLOTS as usize + 2;
        Self {
            slots: VecDeque::with_capacity(most),
            spare: (0..most).map(|_| Slot::new(labels)).collect(),
            slot_s: f64::from(window_s) / SLOTS as f64,
            labels,
        }
    }

    /// The slot for `time_s`, which must not be before the last slot. Reuses the memory of old slots.
    pub fn slot(&mut self, time_s: f64) -> &mut Slot {
        let number = (time_s / self.slot_s).floor() as i64;
        if self.slots.back().is_none_or(|last| last.number < number) {
            while self.slots.front().is_some_and(|first| first.number < number - SLOTS) {
                self.spare.extend(self.slots.pop_front());
            }
            let slot = self.spare.pop().unwrap_or_else(|| Slot::new(self.labels));
            self.slots.push_back(slot.emptied(number));
        }
        self.slots.back_mut().expect("one was pushed")
    }

    /// The sum of the slots that end after `from_s`.
    pub fn total(&self, from_s: f64) -> Slot {
        let mut total = Slot::new(self.labels);
        let recent = self.slots.iter().filter(|slot| (slot.number + 1) as f64 * self.slot_s > from_s);
        for slot in recent {
            total.covered_s += slot.covered_s;
            total.most = total.most.max(slot.most);
            total.shown_s.iter_mut().zip(&slot.shown_s).for_each(|(sum, shown_s)| *sum += shown_s);
            total.posed_s += slot.posed_s;
            total.facing_s += slot.facing_s;
        }
        total
    }
}

impl Slot {
    pub fn new(labels: usize) -> Self {
        Self { number: 0, covered_s: 0.0, most: 0, shown_s: vec![0.0; labels], posed_s: 0.0, facing_s: 0.0 }
    }

    fn emptied(mut self, number: i64) -> Self {
        (self.number, self.covered_s, self.most) = (number, 0.0, 0);
        self.shown_s.fill(0.0);
        (self.posed_s, self.facing_s) = (0.0, 0.0);
        self
    }

    /// Adds the faces of a frame, weighted with `elapsed_s`.
    pub fn add(&mut self, elapsed_s: f64, counts: &Counts) {
        let elapsed_s = elapsed_s.max(0.0);
        self.covered_s += elapsed_s;
        for (shown_s, &count) in self.shown_s.iter_mut().zip(&counts.shown) {
            *shown_s += f64::from(count) * elapsed_s;
        }
        self.posed_s += f64::from(counts.posed) * elapsed_s;
        self.facing_s += f64::from(counts.facing) * elapsed_s;
    }
}
