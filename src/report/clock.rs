//! Where on its source's time axis a line lies.

use super::read::FaceLine;

/// What a source's axis counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAxis {
    /// Seconds since 1970, UTC: cameras and network streams.
    Wall,
    /// Seconds from the start of a video, however fast it was read.
    Media,
    /// Pictures of a folder.
    Pictures,
}

/// Turns a line's times into a place on the axis. A video or folder that is read again follows its first reading.
#[derive(Debug)]
pub struct Clock {
    /// Undecided before the first face: until then it is taken for `Wall`.
    axis: Option<TimeAxis>,
    /// Added to what a line says.
    shift: f64,
    /// The latest line: its place, and its wall time.
    latest: (f64, f64),
}

impl Clock {
    /// The clock of a source whose first line was written at `wall_s`.
    pub fn new(wall_s: f64) -> Self {
        Self { axis: None, shift: 0.0, latest: (wall_s, wall_s) }
    }

    /// What the axis counts.
    pub fn axis(&self) -> TimeAxis {
        self.axis.unwrap_or(TimeAxis::Wall)
    }

    /// Place of the latest line.
    pub fn latest(&self) -> f64 {
        self.latest.0
    }

    /// Decides by a face which axis it is; true when what came before was misplaced.
    pub fn decide(&mut self, face: &FaceLine) -> bool {
        if self.axis.is_some() {
            return false;
        }
        let axis = if face.file.is_some() {
            TimeAxis::Pictures
        } else if face.pts_ms.is_some() && !face.source.contains("://") {
            TimeAxis::Media
        } else {
            TimeAxis::Wall
        };
        self.axis = Some(axis);
        if axis != TimeAxis::Wall {
            (self.latest.0, self.shift) = (0.0, 0.0);
        }
        axis != TimeAxis::Wall
    }

    /// The place of a face's line.
    pub fn face(&mut self, face: &FaceLine) -> f64 {
        let own = match self.axis() {
            TimeAxis::Wall => return self.wall(seconds(face.time.0)),
            TimeAxis::Media => face.pts_ms.map(|pts_ms| pts_ms as f64 / 1000.0),
            TimeAxis::Pictures => Some(face.frame as f64),
        };
        self.latest.0 = own.map_or(self.latest.0, |own| own + self.shift);
        self.latest.1 = seconds(face.time.0);
        self.latest.0
    }

    /// The place of a line that has a wall time alone. `passes`: whether time went by on the axis since the latest
    /// line, as it does while a stream is away.
    pub fn other(&mut self, wall_s: f64, passes: bool) -> f64 {
        if self.axis() == TimeAxis::Wall {
            return self.wall(wall_s);
        }
        if passes {
            let passed_s = (wall_s - self.latest.1).max(0.0);
            self.latest.0 += passed_s;
            self.shift += passed_s;
        }
        self.latest.1 = wall_s;
        self.latest.0
    }

    /// The source was opened anew: its own times and numbers begin at zero.
    pub fn restart(&mut self) {
        self.shift = self.latest.0 + if self.axis() == TimeAxis::Pictures { 1.0 } else { 0.0 };
    }

    fn wall(&mut self, wall_s: f64) -> f64 {
        self.latest = (wall_s, wall_s);
        wall_s
    }
}

/// A timestamp as seconds since 1970.
pub fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
