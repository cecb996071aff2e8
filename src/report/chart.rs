//! The charts of a report as SVG: bands, lanes, axes. Horizontal positions are percentages, so that a chart fits any
//! width; heights are pixels. Page and picture use the same charts.

use super::{
    axis::{round_up, ticks},
    bins::Bins,
    clock::TimeAxis,
    labels::Labels,
    markers::Mark,
    source::{SourceStats, TimeBin},
    tracks::{ShownEmotion, TrackLane},
    words,
};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

/// Height of the band.
pub const BAND_HEIGHT: f64 = 180.0;
/// Height of a lane including its margin.
pub const LANE_HEIGHT: f64 = 20.0;
/// Height of the time axis.
pub const TICKS_HEIGHT: f64 = 22.0;
/// Height of the bar of shares.
pub const SHARES_HEIGHT: f64 = 28.0;
/// Maximum number of columns of the band.
const COLUMNS: usize = 400;
/// Width and height of the band's coordinate system, which is stretched to the available space.
const UNITS: f64 = 1000.0;
/// Rows in which the names of markers stand, so that neighbours do not overlap.
const MARK_ROWS: usize = 3;
/// Maximum length of a marker's name in a chart, in characters.
const MARK_CHARS: usize = 28;
/// Minimum share of the bar that has room for its number, in percent.
const NARROW: f64 = 9.0;

/// A source's charts over a range of its axis.
pub struct Chart<'a> {
    source: &'a SourceStats,
    labels: &'a Labels,
    range: (f64, f64),
    marks: Vec<Mark>,
    columns: Bins<TimeBin>,
    /// The band's height and the distance of its grid lines, in faces.
    top: f64,
    step: f64,
}

impl<'a> Chart<'a> {
    /// The charts of `source` over `range`, with the markers within it.
    pub fn new(
        source: &'a SourceStats,
        labels: &'a Labels,
        (from, to): (f64, f64),
        mut marks: Vec<Mark>,
    ) -> Self {
        marks.retain(|mark| (from..=to).contains(&mark.at));
        let columns = source.bins.coarser(COLUMNS);
        let count = labels.names().len();
        let most = columns.iter().map(|(_, moment)| moment.faces(count).sum()).fold(1.0, f64::max);
        let step = round_up(most / 4.0);
        // Small excesses over a whole number come from bins in which one face replaces another.
        let top = ((most - 0.05) / step).ceil().max(1.0) * step;
        Self { source, labels, range: (from, to.max(from + 0.001)), marks, columns, top, step }
    }

    /// The hatching that marks gaps. Each document must contain it once.
    pub fn hatching() -> Markup {
        html! {
            defs {
                pattern #away patternUnits="userSpaceOnUse" width="7" height="7" patternTransform="rotate(45)" {
                    rect width="7" height="7" class="away" {}
                    rect width="2.5" height="7" class="stripe" {}
                }
            }
        }
    }

    /// Mean number of faces over time, stacked by emotion.
    pub fn band(&self) -> Markup {
        html! {
            rect class="plot" width="100%" height="100%" {}
            @for level in self.levels() {
                line class="grid" x1="0" x2="100%" y1=(self.height(level)) y2=(self.height(level)) {}
            }
            (self.away())
            svg width="100%" height="100%" viewBox=(format!("0 0 {UNITS} {UNITS}")) preserveAspectRatio="none" {
                @for place in (0..self.labels.names().len()).rev() {
                    @if self.source.shown[place] > 0.0 {
                        path fill=(self.labels.color(place)) d=(self.layer(place)) shape-rendering="crispEdges" {}
                    }
                }
                (self.readings())
            }
            (self.mark_lines())
            @for (index, mark) in self.marks.iter().enumerate() {
                @let x = self.x(mark.at);
                @let is_left = x > 80.0;
                text class="ink mark-name" x=(percent(x)) dx=(if is_left { -4 } else { 4 }) y=(13 + index % MARK_ROWS * 14)
                    text-anchor=(if is_left { "end" } else { "start" }) { (words::tame(&mark.name, MARK_CHARS)) }
            }
        }
    }

    /// A vertical line at each marker.
    fn mark_lines(&self) -> Markup {
        html! {
            @for mark in &self.marks {
                @let x = percent(self.x(mark.at));
                line class="mark" x1=(x) x2=(x) y1="0" y2="100%" {
                    title { (mark.name) ", " (words::moment(self.source.axis(), mark.at, 1.0, words::spans_days(self.range))) }
                }
            }
        }
    }

    /// Labels of the face counts beside the band.
    pub fn levels_axis(&self) -> Markup {
        html! {
            @for level in self.levels() {
                text class="faint" x="100%" dx="-8" y=(self.height(level)) dy=(self.text_shift(level)) text-anchor="end" {
                    (level) @if level == self.top { @if self.top > 1.0 { " faces" } @else { " face" } }
                }
            }
        }
    }

    /// The time axis below band or lanes.
    pub fn ticks_axis(&self) -> Markup {
        let (mut places, step) = ticks(self.source.axis(), self.range);
        // A picture's number is centred below its column.
        let middle = if self.source.axis() == TimeAxis::Pictures { 0.5 } else { 0.0 };
        places.retain(|at| at + middle <= self.range.1);
        let days = words::spans_days(self.range);
        html! {
            @for (index, at) in places.iter().enumerate() {
                @let x = self.x(*at + middle);
                line class="tick" x1=(percent(x)) x2=(percent(x)) y1="0" y2="5" {}
                text class=(if index % 2 == 1 { "faint odd" } else { "faint" }) x=(percent(x)) y="17"
                    text-anchor=(if x < 4.0 { "start" } else if x > 96.0 { "end" } else { "middle" }) {
                    (words::moment(self.source.axis(), *at, step, days))
                }
            }
        }
    }

    /// One lane per face with its emotions, from its first to its last detection.
    pub fn lanes(&self, lanes: &[TrackLane]) -> Markup {
        html! {
            rect class="plot" width="100%" height="100%" {}
            (self.away())
            @for (row, lane) in lanes.iter().enumerate() {
                @let y = row as f64 * LANE_HEIGHT;
                line class="grid" x1="0" x2="100%" y1=(y + LANE_HEIGHT / 2.0) y2=(y + LANE_HEIGHT / 2.0) {}
                @for (from, to, label) in runs(&lane.shown) {
                    (self.bar(lane, (from.max(lane.from), to.min(lane.to)), label, y))
                }
            }
            (self.mark_lines())
        }
    }

    /// Labels beside the lanes.
    pub fn lane_names(lanes: &[TrackLane]) -> Markup {
        html! {
            @for (row, lane) in lanes.iter().enumerate() {
                @let y = (row as f64 + 0.5) * LANE_HEIGHT + 4.0;
                text class="ink" x="100%" dx="-8" y=(y) text-anchor="end" {
                    "face " (lane.track)
                }
            }
        }
    }

    /// Each emotion's share of the total time of all faces, as one bar.
    pub fn shares(&self) -> Markup {
        let total: f64 = self.source.shown.iter().sum();
        html! {
            @for (place, name) in self.labels.names().iter().enumerate() {
                @let part = self.source.shown[place];
                @let width = part / total * 100.0;
                @let left = self.source.shown[..place].iter().sum::<f64>() / total * 100.0;
                @if part > 0.0 {
                    g {
                        title { (name) ", " (words::share(part, total)) }
                        rect x=(percent(left)) width=(percent(width)) height="100%" fill=(self.labels.color(place)) {}
                        @if width >= NARROW {
                            text x=(percent(left + width / 2.0)) y="19" text-anchor="middle" fill=(self.labels.ink(place)) {
                                (words::share(part, total))
                            }
                        }
                    }
                }
            }
        }
    }

    /// The labelled levels of the band.
    fn levels(&self) -> impl Iterator<Item = f64> {
        let count = (self.top / self.step).round() as u32;
        (0..=count).map(|index| f64::from(index) * self.step)
    }

    /// A level's vertical position in the band, in pixels from the top.
    fn height(&self, level: f64) -> f64 {
        BAND_HEIGHT * (1.0 - level / self.top)
    }

    /// Vertical shift that centres a level's label on its line, or keeps it within the band at top and bottom.
    fn text_shift(&self, level: f64) -> f64 {
        if level == 0.0 {
            0.0
        } else if level == self.top {
            10.0
        } else {
            4.0
        }
    }

    /// A position as a percentage of the width.
    fn x(&self, at: f64) -> f64 {
        let (from, to) = self.range;
        (at - from) / (to - from) * 100.0
    }

    /// The sum of all emotions up to `place`, filled down to zero. Layers drawn later cover the lower part.
    fn layer(&self, place: usize) -> String {
        let mut path = String::new();
        let mut end = None;
        for (at, moment) in self.columns.iter() {
            let left = self.x(at) / 100.0 * UNITS;
            let faces: f64 = moment.faces(place + 1).sum();
            let y = UNITS * (1.0 - faces / self.top);
            // Writing to a string cannot fail.
            let _ = match end {
                None => write!(path, "M{left:.2} {UNITS}V{y:.1}"),
                Some(_) => write!(path, "V{y:.1}"),
            };
            let right = left + self.columns.width() / (self.range.1 - self.range.0) * UNITS;
            let _ = write!(path, "H{right:.2}");
            end = Some(right);
        }
        path + &format!("V{UNITS}Z")
    }

    /// Invisible columns over the band, whose tooltips show their numbers.
    fn readings(&self) -> Markup {
        let places = self.labels.names().len();
        let mut readings: Vec<(f64, f64, Vec<f64>)> = Vec::new();
        for (at, moment) in self.columns.iter() {
            let (end, faces) = (at + self.columns.width(), moment.faces(places).map(hundredths).collect());
            match readings.last_mut() {
                Some(last) if last.2 == faces => last.1 = end,
                _ => readings.push((at, end, faces)),
            }
        }
        readings.retain(|(_, _, faces)| faces.iter().any(|faces| *faces > 0.0));
        html! {
            @for (from, to, faces) in &readings {
                @let (left, right) = (self.x(*from) / 100.0 * UNITS, self.x(*to) / 100.0 * UNITS);
                rect fill="transparent" x=(format!("{left:.2}")) width=(format!("{:.2}", right - left)) height=(UNITS) {
                    title { (self.span(*from, *to)) ": faces " (hundredths(faces.iter().sum())) (self.names(faces)) }
                }
            }
        }
    }

    /// The emotions that `faces` show, with their numbers.
    fn names(&self, faces: &[f64]) -> Markup {
        html! {
            @for (name, faces) in self.labels.names().iter().zip(faces) {
                @if *faces > 0.0 { ", " (name) " " (faces) }
            }
        }
    }

    /// A time range as text; for pictures, the first and the last one.
    fn span(&self, from: f64, to: f64) -> String {
        let axis = self.source.axis();
        let step = self.columns.width().min(1.0);
        let last = if axis == TimeAxis::Pictures { to - 1.0 } else { to };
        let told = |at| words::moment(axis, at, step, words::spans_days(self.range));
        if last <= from { told(from) } else { format!("{} to {}", told(from), told(last)) }
    }

    /// Hatching of the gaps.
    fn away(&self) -> Markup {
        let mut spans: Vec<(f64, f64)> = Vec::new();
        for (at, _) in self.source.bins.iter().filter(|(_, moment)| moment.is_away()) {
            let end = at + self.source.bins.width();
            match spans.last_mut() {
                Some(last) if last.1 == at => last.1 = end,
                _ => spans.push((at, end)),
            }
        }
        html! {
            @for (from, to) in spans {
                rect fill="url(#away)" x=(percent(self.x(from))) width=(percent(self.x(to) - self.x(from))) height="100%" {
                    title { "away" }
                }
            }
        }
    }

    /// A segment of a lane.
    fn bar(&self, lane: &TrackLane, (from, to): (f64, f64), label: usize, y: f64) -> Markup {
        let name = &self.labels.names()[label];
        let told = |at| words::moment(self.source.axis(), at, 1.0, words::spans_days(self.range));
        html! {
            rect x=(percent(self.x(from))) width=(percent((self.x(to) - self.x(from)).max(0.2))) y=(y + 3.0)
                height=(LANE_HEIGHT - 6.0) fill=(self.labels.color(label)) {
                title { "face " (lane.track) ", " (name) ", " (told(from)) " to " (told(to)) " (" (words::duration(to - from)) ")" }
            }
        }
    }
}

/// The runs of equal emotions in a lane, with their start and end times.
fn runs(shown: &Bins<ShownEmotion>) -> Vec<(f64, f64, usize)> {
    let mut runs: Vec<(f64, f64, usize)> = Vec::new();
    for (at, cell) in shown.iter().filter(|(_, cell)| cell.is_there()) {
        let (end, label) = (at + shown.width(), usize::from(cell.label));
        match runs.last_mut() {
            Some(last) if last.1 == at && last.2 == label => last.1 = end,
            _ => runs.push((at, end, label)),
        }
    }
    runs
}

fn percent(value: f64) -> PreEscaped<String> {
    PreEscaped(format!("{value:.3}%"))
}

/// Rounds a mean number of faces to hundredths.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Whether the faces of a source have durations.
pub fn has_time(source: &SourceStats) -> bool {
    source.axis() != TimeAxis::Pictures
}
