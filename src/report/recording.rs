//! Summarises all lines of a recording in memory that does not grow with their number.

use super::{
    ReportError,
    clock::{TimeAxis, seconds},
    labels::Labels,
    markers::{MAX_MARKERS, Mark, Marker, Markers},
    read::{Line, Lines, parse},
    source::SourceStats,
};
use emotiond_core::files;
use jiff::Timestamp;
use std::{borrow::Cow, io::Read};

/// Maximum number of sources in a report.
const MAX_SOURCES: usize = 32;
/// Maximum number of invalid lines that are reported individually.
const NAMED_ERRORS: usize = 5;

/// The sources of a recording, and counts of the lines read.
#[derive(Default)]
pub struct Recording {
    /// The emotions.
    pub labels: Labels,
    /// The sources, in the order of their first lines.
    pub sources: Vec<SourceStats>,
    /// The markers.
    pub markers: Markers,
    /// Times of the first and the last line.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Counts of the lines read and skipped.
    pub tally: Tally,
}

/// Counts of the lines read and skipped.
#[derive(Default)]
pub struct Tally {
    /// Lines that were used.
    pub used: u64,
    /// Lines that are not events.
    pub malformed: u64,
    /// The first of these, with line number and reason.
    pub errors: Vec<(u64, String)>,
    /// Events of unknown types.
    pub unknown: u64,
    /// Lines of sources beyond the maximum number.
    pub of_more_sources: u64,
    /// Markers beyond the maximum number.
    pub of_more_markers: u64,
    /// The line after which the input could not be read, and the error.
    pub broken_off: Option<(u64, String)>,
}

impl Recording {
    /// Reads all lines; the emotions begin with `labels`, those of another recording.
    ///
    /// # Errors
    /// When the input contains no event.
    pub fn read(input: impl Read, labels: Labels) -> Result<Self, ReportError> {
        let mut recording = Self { labels, ..Self::default() };
        match files::decompress(input) {
            Ok(input) => recording.read_lines(&mut Lines::new(input)),
            Err(error) => recording.tally.broken_off = Some((0, error.to_string())),
        }
        let Some((_, last)) = recording.time else {
            return Err(recording.tally.nothing_read());
        };
        recording.sources.iter_mut().for_each(|source| source.finish(seconds(last)));
        Ok(recording)
    }

    /// Start and end of the axis of `source`; all cameras and network streams share one axis.
    pub fn range(&self, source: &SourceStats) -> (f64, f64) {
        let shares = |other: &&SourceStats| source.axis() == TimeAxis::Wall && other.axis() == TimeAxis::Wall;
        let together = self.sources.iter().filter(shares);
        together.fold((source.from, source.to), |(from, to), other| (from.min(other.from), to.max(other.to)))
    }

    /// The markers on the axis of `source`.
    pub fn marks(&self, source: &SourceStats) -> Vec<Mark> {
        let all = self.markers.all().iter().enumerate();
        all.filter_map(|(index, marker)| {
            Some(Mark { at: self.place_of(index, source)?, name: marker.name() })
        })
        .collect()
    }

    /// The position of a marker on the axis of `source`; `None` if the source had not begun.
    pub fn place_of(&self, marker: usize, source: &SourceStats) -> Option<f64> {
        match source.axis() {
            TimeAxis::Wall => Some(self.markers.all()[marker].at),
            _ => source.marks.iter().find(|(index, _)| *index == marker).map(|(_, at)| *at),
        }
    }

    fn read_lines(&mut self, lines: &mut Lines<impl std::io::BufRead>) {
        loop {
            let line = match lines.next() {
                Ok(Some(line)) => line.and_then(parse),
                Ok(None) => return,
                Err(error) => {
                    self.tally.broken_off = Some((lines.number(), error.to_string()));
                    return;
                }
            };
            match line {
                Ok(line) => self.take(&line),
                Err(reason) => self.tally.leave_out(lines.number(), reason),
            }
        }
    }

    fn take(&mut self, line: &Line) {
        let (device, name, time) = match line {
            Line::Face(face) => (&face.device, &face.source, face.time.0),
            Line::Source(source) => (&source.device, &source.source, source.time.0),
            Line::Audience(audience) => (&audience.device, &audience.source, audience.time.0),
            Line::Marker(marker) => {
                self.extend_to(marker.time.0);
                self.tally.used += 1;
                return self.mark(Marker::new(marker));
            }
            Line::Unknown => return self.tally.unknown += 1,
        };
        // The sources of several devices may have the same name.
        let name = device.as_ref().map_or(Cow::Borrowed(&**name), |device| format!("{device}/{name}").into());
        self.extend_to(time);
        let known = self.sources.iter().position(|source| source.name == *name);
        if known.is_none() && self.sources.len() == MAX_SOURCES {
            return self.tally.of_more_sources += 1;
        }
        self.tally.used += 1;
        let place = known.unwrap_or_else(|| {
            self.sources.push(SourceStats::new(&name, time));
            self.sources.len() - 1
        });
        let source = &mut self.sources[place];
        match line {
            Line::Face(face) => source.face(face, &mut self.labels),
            Line::Source(line) => source.state(line),
            Line::Audience(line) => source.audience(line),
            Line::Marker(_) | Line::Unknown => {}
        }
    }

    fn extend_to(&mut self, time: Timestamp) {
        let (first, last) = self.time.unwrap_or((time, time));
        self.time = Some((first.min(time), last.max(time)));
    }

    fn mark(&mut self, marker: Marker) {
        let Some(index) = self.markers.add(marker) else { return self.tally.of_more_markers += 1 };
        self.sources.iter_mut().for_each(|source| source.mark(index));
    }
}

impl Tally {
    /// One message for each reason that lines were skipped.
    pub fn complaints(&self) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        let more = self.malformed - self.errors.len() as u64;
        told.extend(self.errors.iter().map(|(line, reason)| format!("line {line} skipped: {reason}")));
        if more > 0 {
            told.push(format!("{more} more lines skipped, {} in total: they are not events", self.malformed));
        }
        if self.unknown > 0 {
            told.push(format!("events of unknown types skipped: {}", self.unknown));
        }
        if self.of_more_sources > 0 {
            told.push(format!(
                "events of sources after the first {MAX_SOURCES} skipped: {}; select sources by name",
                self.of_more_sources
            ));
        }
        if self.of_more_markers > 0 {
            told.push(format!("markers after the first {MAX_MARKERS} skipped: {}", self.of_more_markers));
        }
        if let Some((line, reason)) = &self.broken_off {
            told.push(format!("the input ends unexpectedly after line {line}: {reason}"));
        }
        told
    }

    fn leave_out(&mut self, line: u64, reason: String) {
        self.malformed += 1;
        if self.errors.len() < NAMED_ERRORS {
            self.errors.push((line, reason));
        }
    }

    fn nothing_read(&self) -> ReportError {
        let first = self.complaints().into_iter().next();
        ReportError::NoEvents { reason: first.unwrap_or_else(|| "it is empty".to_owned()) }
    }
}
