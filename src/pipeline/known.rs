//! The state of a face from its first to its last detection.

use crate::{
    emit::EmitPolicy,
    event::{PictureSize, PixelBox},
    pose::{Attention, Pose, PoseConfig},
    readability,
    smooth::{Smoother, SmoothingConfig},
};

/// A reading is overdue after so many times the interval between two: faces wait for one another, and for the next frame.
const OVERDUE: f64 = 2.0;

/// A face that has been announced.
pub(super) struct Known {
    smoother: Smoother,
    /// `None` until the pose is known.
    attention: Option<Attention>,
    first_s: f64,
    last_s: f64,
    told_s: f64,
    told: Told,
    read_s: f64,
    /// Sum of the probabilities of all readable readings; of all readings if none was readable.
    sums: Vec<f32>,
    count: u32,
    readable: bool,
    /// The latest bounding box.
    pub bounds: PixelBox,
    /// The size of the latest picture.
    pub picture: PictureSize,
    /// The latest score.
    pub score: f32,
    /// Centre of the latest bounding box, in parts of the picture's width and height.
    pub center: [f32; 2],
}

/// The state whose change causes an event.
#[derive(Clone, Copy, PartialEq)]
struct Told {
    emotion: usize,
    facing: Option<bool>,
}

/// One sighting of a face.
pub(super) struct Seen {
    pub time_s: f64,
    pub pose: Option<Pose>,
    pub bounds: PixelBox,
    /// The size of the picture.
    pub picture: PictureSize,
    /// The detector's confidence.
    pub score: f32,
    /// Centre of the bounding box, in parts of the picture's width and height.
    pub center: [f32; 2],
}

/// A reading of a face's emotion.
pub(super) struct Reading<'a> {
    /// The network's probabilities.
    pub row: &'a [f32],
    /// Readability, 0 to 1.
    pub readability: f32,
}

impl Reading<'_> {
    fn is_readable(&self) -> bool {
        self.readability >= readability::LEAST
    }
}

impl Known {
    /// A face at its first sighting.
    pub fn new(smoothing: &SmoothingConfig, pose: &PoseConfig, seen: &Seen, reading: &Reading) -> Self {
        let &Seen { time_s, bounds, picture, score, center, .. } = seen;
        let &Reading { row, readability } = reading;
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
            read_s: time_s,
            readable: reading.is_readable(),
            bounds,
            picture,
            score,
            center,
        }
    }

    /// Adds a sighting, and the reading of the face if there is one.
    pub fn see(
        &mut self,
        smoothing: &SmoothingConfig,
        pose: &PoseConfig,
        seen: &Seen,
        reading: Option<&Reading>,
    ) {
        let time_s = seen.time_s;
        self.smoother.configure(smoothing);
        if let Some(reading) = reading {
            self.read(reading, time_s);
        }
        match (&mut self.attention, seen.pose) {
            (Some(attention), Some(looks)) => attention.update(pose, looks, time_s),
            (attention, Some(looks)) => *attention = Some(Attention::new(pose, looks, time_s)),
            (_, None) => {}
        }
        self.last_s = time_s;
        (self.bounds, self.picture, self.score, self.center) =
            (seen.bounds, seen.picture, seen.score, seen.center);
    }

    fn read(&mut self, reading: &Reading, time_s: f64) {
        let &Reading { row, readability } = reading;
        self.smoother.update(row, readability, time_s);
        self.read_s = time_s;
        if reading.is_readable() && !self.readable {
            self.sums.fill(0.0);
            (self.readable, self.count) = (true, 0);
        }
        if reading.is_readable() == self.readable {
            self.sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            self.count += 1;
        }
    }

    /// Milliseconds since the latest reading, if the face should have been read since, at `reads_per_s` (0: in every frame).
    pub fn overdue_ms(&self, reads_per_s: f64) -> Option<f32> {
        let age_s = self.last_s - self.read_s;
        let is_overdue = reads_per_s > 0.0 && age_s * reads_per_s >= OVERDUE;
        is_overdue.then_some((age_s * 1000.0) as f32)
    }

    /// Whether the policy wants an event for the latest sighting; if so, it is recorded as reported.
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

    /// Index of the displayed emotion.
    pub fn emotion(&self) -> usize {
        self.smoother.shown()
    }

    /// The smoothed pose.
    pub fn pose(&self) -> Option<Pose> {
        self.attention.as_ref().map(Attention::pose)
    }

    /// Whether the face looks towards the camera.
    pub fn facing(&self) -> Option<bool> {
        self.attention.as_ref().map(Attention::facing)
    }

    /// Whether at least one sighting was readable.
    pub fn is_readable(&self) -> bool {
        self.readable
    }

    /// The figures for the end event.
    pub fn summary(&self) -> Summary {
        Summary {
            mean: self.sums.iter().map(|sum| sum / self.count as f32).collect(),
            duration_s: (self.last_s - self.first_s) as f32,
            facing_s: self.attention.as_ref().map(|attention| attention.facing_s() as f32),
        }
    }
}

/// Figures of a whole track: mean probabilities of the readable sightings, duration, and time facing the camera.
pub(super) struct Summary {
    pub mean: Vec<f32>,
    pub duration_s: f32,
    pub facing_s: Option<f32>,
}
