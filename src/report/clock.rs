//! Maps lines to positions on the time axis of their source.

use super::read::FaceLine;

/// The type of a source's time axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeAxis {
    /// Seconds since 1970, UTC: cameras and network streams.
    Wall,
    /// Seconds from the start of a video, regardless of how fast it was read.
    Media,
    /// Picture numbers of a folder.
    Pictures,
    /// Seconds from a marker.
    Aligned,
}

/// Maps the times of a line to a position on the axis. A video or folder that is read again is appended.
#[derive(Debug)]
pub struct TimeMapping {
    /// Unknown before the first face; until then `Wall` is assumed.
    axis: Option<TimeAxis>,
    /// Offset added to the source's own times.
    shift: f64,
    /// Position and clock time of the latest line.
    latest: (f64, f64),
}

impl TimeMapping {
    /// The clock of a source whose first line has the clock time `wall_s`.
    pub fn new(wall_s: f64) -> Self {
        Self { axis: None, shift: 0.0, latest: (wall_s, wall_s) }
    }

    /// The clock of a source on an axis of seconds from a marker.
    pub fn aligned() -> Self {
        Self { axis: Some(TimeAxis::Aligned), ..Self::new(0.0) }
    }

    /// The type of the axis.
    pub fn axis(&self) -> TimeAxis {
        self.axis.unwrap_or(TimeAxis::Wall)
    }

    /// Position of the latest line.
    pub fn latest(&self) -> f64 {
        self.latest.0
    }

    /// Determines the axis from the first face; returns true if earlier lines were placed on the wrong axis.
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

    /// The position of a face event.
    pub fn face(&mut self, face: &FaceLine) -> f64 {
        let own = match self.axis() {
            TimeAxis::Wall => return self.wall(seconds(face.time.0)),
            TimeAxis::Media => face.pts_ms.map(|pts_ms| pts_ms as f64 / 1000.0),
            TimeAxis::Pictures => Some(face.frame as f64),
            TimeAxis::Aligned => None,
        };
        self.latest.0 = own.map_or(self.latest.0, |own| own + self.shift);
        self.latest.1 = seconds(face.time.0);
        self.latest.0
    }

    /// The position of a line that has only a clock time. `passes`: whether time on the axis has passed since the
    /// latest line, as it does while a stream is unavailable.
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

    /// The source was opened again: its own times and numbers start from zero.
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
