//! What is remembered of a face from its first to its last sight.

use crate::{
    emit::EmitPolicy,
    event::PixelBox,
    pose::{Attention, Pose, PoseConfig},
    readability,
    smooth::{Smoother, SmoothingConfig},
};

/// A face that has been announced.
pub(super) struct Known {
    smoother: Smoother,
    /// `None` until the detector tells which way it looks.
    attention: Option<Attention>,
    first_s: f64,
    last_s: f64,
    told_s: f64,
    told: Told,
    /// Rows of the sights that could be read; of all, as long as none could.
    sums: Vec<f32>,
    count: u32,
    readable: bool,
    /// Where it was seen last.
    pub bounds: PixelBox,
    /// The detector's score then.
    pub score: f32,
}

/// What is news of a face when it changes.
#[derive(Clone, Copy, PartialEq)]
struct Told {
    emotion: usize,
    facing: Option<bool>,
}

/// One sight of a face.
pub(super) struct Seen<'a> {
    pub time_s: f64,
    /// The network's probabilities.
    pub row: &'a [f32],
    /// How readable it is, 0 to 1.
    pub readability: f32,
    pub pose: Option<Pose>,
    pub bounds: PixelBox,
    /// The detector's.
    pub score: f32,
}

impl Seen<'_> {
    fn is_readable(&self) -> bool {
        self.readability >= readability::LEAST
    }
}

impl Known {
    /// A face at its first sight.
    pub fn new(smoothing: &SmoothingConfig, pose: &PoseConfig, seen: &Seen) -> Self {
        let &Seen { time_s, row, readability, bounds, score, .. } = seen;
        let smoother = Smoother::new(smoothing, row, readability, time_s);
        let attention = seen.pose.map(|looks| Attention::new(pose, looks, time_s));
        Self {
            told: Told { emotion: smoother.shown(), facing: attention.as_ref().map(Attention::facing) },
            smoother,
            attention,
            first_s: time_s,
            last_s: time_s,
            told_s: time_s,
            sums: row.to_vec(),
            count: 1,
            readable: seen.is_readable(),
            bounds,
            score,
        }
    }

    /// Takes another sight of it.
    pub fn see(&mut self, smoothing: &SmoothingConfig, pose: &PoseConfig, seen: &Seen) {
        let &Seen { time_s, row, readability, bounds, score, .. } = seen;
        self.smoother.configure(smoothing);
        self.smoother.update(row, readability, time_s);
        match (&mut self.attention, seen.pose) {
            (Some(attention), Some(looks)) => attention.update(pose, looks, time_s),
            (attention, Some(looks)) => *attention = Some(Attention::new(pose, looks, time_s)),
            (_, None) => {}
        }
        self.last_s = time_s;
        if seen.is_readable() && !self.readable {
            self.sums.fill(0.0);
            (self.readable, self.count) = (true, 0);
        }
        if seen.is_readable() == self.readable {
            self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            self.count += 1;
        }
        (self.bounds, self.score) = (bounds, score);
    }

    /// Whether its last sight is worth a line; if so, that counts as told.
    pub fn tell(&mut self, policy: EmitPolicy) -> bool {
        let now = Told { emotion: self.emotion(), facing: self.facing() };
        let worth = policy.wants_update(self.last_s - self.told_s, now != self.told);
        if worth {
            (self.told_s, self.told) = (self.last_s, now);
        }
        worth
    }

    /// Smoothed probabilities.
    pub fn probabilities(&self) -> &[f32] {
        self.smoother.probabilities()
    }

    /// Index of the emotion that it shows.
    pub fn emotion(&self) -> usize {
        self.smoother.shown()
    }

    /// Which way it looks, steadied.
    pub fn pose(&self) -> Option<Pose> {
        self.attention.as_ref().map(Attention::pose)
    }

    /// Whether it looks towards the camera.
    pub fn facing(&self) -> Option<bool> {
        self.attention.as_ref().map(Attention::facing)
    }

    /// Whether it could be read at least once.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// The mean of the rows that could be read, the seconds from the first to the last sight, and for how many of them
    /// it looked towards the camera.
    pub fn summary(&self) -> Summary {
        Summary {
            mean: self.sums.iter().map(|sum| sum / self.count as f32).collect(),
            duration_s: (self.last_s - self.first_s) as f32,
            facing_s: self.attention.as_ref().map(|attention| attention.facing_s() as f32),
        }
    }
}

/// A face's whole life.
pub(super) struct Summary {
    pub mean: Vec<f32>,
    pub duration_s: f32,
    pub facing_s: Option<f32>,
}
