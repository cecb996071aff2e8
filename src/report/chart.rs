//! The drawn part of a story as SVG: bands, lanes, axes. Each fills a viewport of any width, since its places are
//! percentages; heights are pixels. The page and the picture show the same ones.

use super::{
    axis::{round_up, ticks},
    bins::Bins,
    clock::TimeAxis,
    labels::Labels,
    source::{Moment, Source},
    tracks::{Lane, Shown},
    words,
};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

/// Height of the band.
pub const BAND_HEIGHT: f64 = 180.0;
/// Height of a lane with the space around it.
pub const LANE_HEIGHT: f64 = 20.0;
/// Height of the line of times.
pub const TICKS_HEIGHT: f64 = 22.0;
/// Height of the bar of shares.
pub const SHARES_HEIGHT: f64 = 28.0;
/// More columns are not told apart.
const COLUMNS: usize = 400;
/// The band's own units, in both directions: they are stretched to what there is.
const UNITS: f64 = 1000.0;
/// A smaller share of the bar has no room for its number, in percent.
const NARROW: f64 = 9.0;

/// A source's charts over a range of its axis.
pub struct Chart<'a> {
    source: &'a Source,
    labels: &'a Labels,
    range: (f64, f64),
    columns: Bins<Moment>,
    /// The band's height in faces, and how far its lines are apart.
    top: f64,
    step: f64,
}

impl<'a> Chart<'a> {
    /// The charts of `source` from the first to the second place of `range`.
    pub fn new(source: &'a Source, labels: &'a Labels, (from, to): (f64, f64)) -> Self {
        let columns = source.bins.coarser(COLUMNS);
        let count = labels.names().len();
        let most = columns.iter().map(|(_, moment)| moment.faces(count).sum()).fold(1.0, f64::max);
        let step = round_up(most / 4.0);
        // A hundredth over a whole number comes from faces that take turns.
        let top = ((most - 0.05) / step).ceil().max(1.0) * step;
        Self { source, labels, range: (from, to.max(from + 0.001)), columns, top, step }
    }

    /// The hatching that marks where a source was away. It must stand once in each document.
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

    /// Mean number of faces over time, one emotion upon the other.
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
        }
    }

    /// Numbers of faces beside the band.
    pub fn levels_axis(&self) -> Markup {
        html! {
            @for level in self.levels() {
                text class="faint" x="100%" dx="-8" y=(self.height(level)) dy=(self.text_shift(level)) text-anchor="end" {
                    (level) @if level == self.top { @if self.top > 1.0 { " faces" } @else { " face" } }
                }
            }
        }
    }

    /// Times under band or lanes.
    pub fn ticks_axis(&self) -> Markup {
        let (mut places, step) = ticks(self.source.axis(), self.range);
        // A picture's number stands under its middle.
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

    /// A lane a face: what it showed, from its first sight to its last.
    pub fn lanes(&self, lanes: &[Lane]) -> Markup {
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
        }
    }

    /// The lanes' names beside them.
    pub fn lane_names(lanes: &[Lane]) -> Markup {
        html! {
            @for (row, lane) in lanes.iter().enumerate() {
                @let y = (row as f64 + 0.5) * LANE_HEIGHT + 4.0;
                text class="ink" x="100%" dx="-8" y=(y) text-anchor="end" {
                    "face " (lane.track)
                }
            }
        }
    }

    /// Each emotion's share of all time in which faces were seen, as one bar.
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

    /// The levels at which the number of faces is written.
    fn levels(&self) -> impl Iterator<Item = f64> {
        let count = (self.top / self.step).round() as u32;
        (0..=count).map(|index| f64::from(index) * self.step)
    }

    /// A level's place in the band, in pixels from above.
    fn height(&self, level: f64) -> f64 {
        BAND_HEIGHT * (1.0 - level / self.top)
    }

    /// Puts a level's number beside its line, inside the band at its ends.
    fn text_shift(&self, level: f64) -> f64 {
        if level == 0.0 {
            0.0
        } else if level == self.top {
            10.0
        } else {
            4.0
        }
    }

    /// A place as a percentage of the width.
    fn x(&self, at: f64) -> f64 {
        let (from, to) = self.range;
        (at - from) / (to - from) * 100.0
    }

    /// All emotions up to `place`, filled down to the ground: what is painted later covers its lower part.
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

    /// Invisible columns over the band that tell their numbers.
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

    /// A span in words; of pictures, the first and the last.
    fn span(&self, from: f64, to: f64) -> String {
        let axis = self.source.axis();
        let step = self.columns.width().min(1.0);
        let last = if axis == TimeAxis::Pictures { to - 1.0 } else { to };
        let told = |at| words::moment(axis, at, step, words::spans_days(self.range));
        if last <= from { told(from) } else { format!("{} to {}", told(from), told(last)) }
    }

    /// Hatching where the source was away.
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

    /// A part of a lane.
    fn bar(&self, lane: &Lane, (from, to): (f64, f64), label: usize, y: f64) -> Markup {
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

/// The runs of one emotion in a lane, with their beginnings and ends.
fn runs(shown: &Bins<Shown>) -> Vec<(f64, f64, usize)> {
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

/// More digits of a mean number of faces say nothing.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Whether the faces of a source have lengths.
pub fn has_time(source: &Source) -> bool {
    source.axis() != TimeAxis::Pictures
}
