//! Accumulates the events of one source.

use super::{
    bins::{Bins, Cell},
    clock::{TimeAxis, TimeMapping, seconds},
    gaps::{Gap, Gaps},
    labels::{Labels, MAX_LABELS},
    read::{AudienceLine, FaceLine, SourceLine},
    spans::Spans,
    tracks::{Segment, Tracks},
};
use crate::{event::Phase, message::SourceState};
use jiff::Timestamp;

/// Maximum number of bins.
pub const BINS: usize = 2048;
/// The reason of a gap between two runs.
const NOT_RECORDED: &str = "not recorded: the source was not read";

/// The contents of a bin, in seconds; for folders, in pictures.
#[derive(Clone)]
pub struct TimeBin {
    /// Time in which the source was watched.
    pub watched: f64,
    /// Time in which the source was unavailable.
    pub away: f64,
    /// Time in which faces showed each emotion: two faces for one second count as two seconds.
    pub shown: [f64; MAX_LABELS],
}

impl Default for TimeBin {
    fn default() -> Self {
        Self { watched: 0.0, away: 0.0, shown: [0.0; MAX_LABELS] }
    }
}

impl Cell for TimeBin {
    fn merge(&mut self, later: &Self) {
        self.watched += later.watched;
        self.away += later.away;
        self.shown.iter_mut().zip(later.shown).for_each(|(sum, more)| *sum += more);
    }
}

impl TimeBin {
    /// Adds a part of another bin of the same source.
    pub fn add_part(&mut self, other: &Self, part: f64) {
        self.watched += other.watched * part;
        self.away += other.away * part;
        self.shown.iter_mut().zip(other.shown).for_each(|(sum, more)| *sum += more * part);
    }

    /// Mean number of faces that showed each emotion.
    pub fn faces(&self, labels: usize) -> impl Iterator<Item = f64> {
        self.shown[..labels].iter().map(|shown| if self.watched > 0.0 { shown / self.watched } else { 0.0 })
    }

    /// Whether the source was unavailable for most of the time.
    pub fn is_away(&self) -> bool {
        self.away > self.watched
    }
}

/// The accumulated events of a source.
pub struct SourceStats {
    /// Its name.
    pub name: String,
    clock: TimeMapping,
    /// The current gap, while no frames arrive. After `ended`, it counts only if frames arrive again.
    away: Option<Gap>,
    /// Time of the first line.
    pub from: f64,
    /// Time of the last line.
    pub to: f64,
    /// The time up to which `bins` contains whether the source was watched.
    known_until: f64,
    /// Its time in bins.
    pub bins: Bins<TimeBin>,
    /// Its faces.
    pub tracks: Tracks,
    /// Seconds (of folders: faces) in which each emotion was shown.
    pub shown: [f64; MAX_LABELS],
    /// Seconds (of folders: faces) in which the pose of faces is known, ...
    pub posed: f64,
    /// ... and in which they looked towards the camera.
    pub facing: f64,
    /// How long each emotion lasts until the face shows another one or is lost.
    pub lasting: Vec<Spans>,
    /// How long faces stay.
    pub stays: Spans,
    /// When the source was unavailable.
    pub gaps: Gaps,
    /// The markers' numbers, and their positions on an axis that is not the clock's.
    pub marks: Vec<(usize, f64)>,
    /// Whether there were faces of which no face event tells.
    pub has_untold_faces: bool,
}

impl SourceStats {
    /// A source whose first line was written at `time`.
    pub fn new(name: &str, time: Timestamp) -> Self {
        let at = seconds(time);
        Self {
            name: name.to_owned(),
            clock: TimeMapping::new(at),
            away: None,
            from: at,
            to: at,
            known_until: at,
            bins: Bins::new(BINS),
            tracks: Tracks::default(),
            shown: [0.0; MAX_LABELS],
            posed: 0.0,
            facing: 0.0,
            lasting: Vec::new(),
            stays: Spans::default(),
            gaps: Gaps::default(),
            marks: Vec::new(),
            has_untold_faces: false,
        }
    }

    /// A source on an axis of seconds from a marker.
    pub fn aligned(name: &str) -> Self {
        let mut source = Self::new(name, Timestamp::UNIX_EPOCH);
        source.clock = TimeMapping::aligned();
        source
    }

    /// The type of the time axis.
    pub fn axis(&self) -> TimeAxis {
        self.clock.axis()
    }

    /// Adds a face event.
    pub fn face(&mut self, face: &FaceLine, labels: &mut Labels) {
        let label = labels.place(&face.emotion, &face.labels.0);
        if self.clock.decide(face) {
            self.begin_anew();
        }
        let at = self.clock.face(face);
        if self.axis() == TimeAxis::Pictures {
            self.look(face.facing.map(|facing| (1.0, f64::from(u8::from(facing)))));
            return self.picture(at, label);
        }
        if self.away.is_some() && face.phase != Phase::End {
            self.come_back(at);
        }
        self.watch_until(at);
        if face.phase == Phase::New
            && let Some(last) = self.tracks.last_heard(face.track)
        {
            // Its end is missing: the program was killed, and track numbers start from 1 again after a restart.
            self.end(face.track, last, None);
        }
        if face.phase == Phase::End {
            self.look(face.duration_s.zip(face.facing_s));
            return self.end(face.track, at, face.duration_s);
        }
        let segment = self.tracks.show(face.track, at, label, face.phase == Phase::New);
        self.add(segment);
        if let Some((stalest, last)) = self.tracks.stalest() {
            self.end(stalest, last, None);
        }
    }

    /// Adds a source event.
    pub fn state(&mut self, line: &SourceLine) {
        let last = self.clock.latest();
        let at = self.clock.other(seconds(line.time.0), self.is_missed());
        if line.state == SourceState::Up {
            return self.up(last, at);
        }
        self.watch_until(at);
        // The daemon writes the end of all faces first; end them here too, in case those lines are missing.
        self.end_all(at);
        let begun = self.away.take();
        if line.state == SourceState::Ended {
            self.gaps.add(begun.map(|gap| gap.until(at)));
            self.away = Some(Gap::new(at, SourceState::Ended, NOT_RECORDED));
        } else {
            let from = begun.map_or(at, |gap| gap.from);
            self.away = Some(Gap::new(from, line.state, &line.reason));
        }
    }

    /// Adds an audience event, which shows that the source was watched.
    pub fn audience(&mut self, line: &AudienceLine) {
        let at = self.clock.other(seconds(line.time.0), self.is_missed());
        self.watch_until(at);
        self.has_untold_faces |= line.faces.as_ref().is_none_or(|faces| faces.max > 0);
    }

    /// Adds a marker at the latest line.
    pub fn mark(&mut self, marker: usize) {
        self.marks.push((marker, self.clock.latest()));
    }

    /// Ends the recording at the clock time `wall_s`.
    pub fn finish(&mut self, wall_s: f64) {
        if self.is_missed() {
            let end = self.clock.other(wall_s, true).max(self.to);
            self.come_back(end);
        }
        self.end_all(self.to);
    }

    /// Whether the source is stalled or down.
    fn is_missed(&self) -> bool {
        self.away.as_ref().is_some_and(|gap| gap.state != SourceState::Ended)
    }

    /// Frames arrive, for the first time or again.
    fn up(&mut self, last: f64, at: f64) {
        if self.away.is_none() {
            // The program was restarted without having written `ended`; in between, the source was not watched.
            self.end_all(last);
            self.away = Some(Gap::new(last, SourceState::Ended, NOT_RECORDED));
        }
        let reopened = self.away.as_ref().is_some_and(|gap| gap.state != SourceState::Stalled);
        self.come_back(at);
        if reopened {
            self.clock.restart();
        }
    }

    /// Ends the current gap.
    fn come_back(&mut self, at: f64) {
        self.watch_until(at);
        self.gaps.add(self.away.take().map(|gap| gap.until(at)));
    }

    /// Adds a face in a picture of a folder, which has no duration.
    fn picture(&mut self, at: f64, label: usize) {
        self.tracks.seen += 1;
        self.shown[label] += 1.0;
        self.watch_until(at + 1.0);
        self.bins.add(at, at + 1.0, |moment, share| moment.shown[label] += share);
    }

    /// Adds the times in which a face's pose is known and in which the face looked towards the camera.
    fn look(&mut self, spans: Option<(f64, f64)>) {
        let (posed, facing) = spans.unwrap_or_default();
        self.posed += posed;
        self.facing += facing;
    }

    /// Marks the time until `at` as watched or unavailable.
    fn watch_until(&mut self, at: f64) {
        let away = self.away.is_some();
        self.bins.add(self.known_until, at, |moment, seconds| {
            *(if away { &mut moment.away } else { &mut moment.watched }) += seconds;
        });
        self.known_until = self.known_until.max(at);
        (self.from, self.to) = (self.from.min(at), self.to.max(at));
    }

    fn add(&mut self, segment: Option<Segment>) {
        let Some(Segment { from, to, label, ended_s }) = segment else { return };
        self.bins.add(from, to, |moment, seconds| moment.shown[label] += seconds);
        self.shown[label] += to - from;
        if let Some(seconds) = ended_s {
            if self.lasting.len() <= label {
                self.lasting.resize_with(label + 1, Spans::default);
            }
            self.lasting[label].add(seconds);
        }
    }

    fn end(&mut self, track: u64, at: f64, duration_s: Option<f64>) {
        if let Some((segment, stay_s)) = self.tracks.end(track, at, duration_s) {
            self.add(Some(segment));
            self.stays.add(stay_s);
        }
    }

    fn end_all(&mut self, at: f64) {
        for track in self.tracks.in_view() {
            self.end(track, at, None);
        }
    }

    /// Resets everything before the first face, because it is on the wrong axis.
    fn begin_anew(&mut self) {
        self.bins =
            if self.axis() == TimeAxis::Pictures { Bins::of_width(1.0, BINS) } else { Bins::new(BINS) };
        self.gaps = Gaps::default();
        self.away = None;
        (self.from, self.to, self.known_until) = (0.0, 0.0, 0.0);
        self.marks.iter_mut().for_each(|(_, at)| *at = 0.0);
    }
}
