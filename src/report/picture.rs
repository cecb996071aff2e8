//! The picture: the charts of the page on one sheet, as a PNG.

use super::{
    ReportError,
    chart::{BAND_HEIGHT, Chart, LANE_HEIGHT, SHARES_HEIGHT, TICKS_HEIGHT, has_time},
    compare::Comparison,
    compared::{rows, sentences},
    labels::Labels,
    recording::Recording,
    source::SourceStats,
    summary::{caption, facts, lanes_caption, name, no_face},
    tracks::TrackLane,
    words,
};
use maud::{Markup, PreEscaped, html};
use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree},
};
use std::sync::Arc;

/// Width of the sheet in units.
const WIDTH: f64 = 1200.0;
/// Pixels per unit.
const SCALE: f32 = 1.5;
/// Margin of the sheet.
const MARGIN: f64 = 40.0;
/// Width of the labels beside the charts.
const NAMES: f64 = 84.0;
/// Width of the charts.
const CHART: f64 = WIDTH - 2.0 * MARGIN - NAMES;
/// Emotions per row of the legend.
const LEGEND_ROW: usize = 7;
/// Maximum numbers of lanes per source, and of sources.
const MOST_LANES: usize = 16;
const MOST_SOURCES: usize = 6;

const STYLE: &str = "text { font-family: 'DejaVu Sans'; font-size: 12px } .plot { fill: #f4f5f7 } .grid { stroke: #dfe3e8 } \
    .tick { stroke: #5c6670 } .ink { fill: #1d2329 } .faint { fill: #5c6670 } .away { fill: #e3e6ea } \
    .stripe { fill: #a9b1ba } .mark { stroke: #1d2329; stroke-dasharray: 4 3 } .mark-name { font-weight: bold } .title { font-size: 26px; font-weight: bold } .name { font-size: 18px; font-weight: bold } \
    .say { font-size: 14px }";

/// Draws the picture of a recording.
///
/// # Errors
/// When the drawing library fails.
pub fn png(recording: &Recording) -> Result<Vec<u8>, ReportError> {
    render(&sheet(recording))
}

/// Draws the picture of two recordings.
///
/// # Errors
/// When the drawing library fails.
pub fn comparison(comparison: &Comparison) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet { parts: String::new(), y: MARGIN - 10.0 };
    sheet.text("ink title", 40.0, "Two recordings side by side");
    sheet.text("faint say", 24.0, &format!("0:00 is {}.", comparison.origin));
    for sentence in sentences(comparison) {
        sheet.text("ink say", 24.0, &sentence);
    }
    for side in &comparison.sides {
        let labels = &comparison.labels;
        let chart = Chart::new(&side.stats, labels, comparison.range(), side.marks.clone());
        sheet.y += 26.0;
        sheet.text("ink name", 28.0, &side.stats.name);
        if side.stats.tracks.seen == 0 {
            sheet.text("faint say", 24.0, no_face(&side.stats));
            continue;
        }
        sheet.y += 8.0;
        legend(&mut sheet, &side.stats, labels);
        sheet.y += 14.0;
        sheet.chart(BAND_HEIGHT, &chart.levels_axis(), &chart.band());
        sheet.chart(TICKS_HEIGHT, &html! {}, &chart.ticks_axis());
    }
    sheet.y += 16.0;
    for row in rows(comparison) {
        let [a, b] = row.values;
        let difference =
            if row.difference.is_empty() { String::new() } else { format!(" ({})", row.difference) };
        sheet.text("ink say", 22.0, &format!("{}: {a} and {b}{difference}", row.what));
    }
    render(&sheet.finish())
}

/// Renders an SVG of this height.
fn render((svg, height): &(String, f64)) -> Result<Vec<u8>, ReportError> {
    let draw = |error: &dyn std::fmt::Display| ReportError::Draw(error.to_string());
    let mut options = Options { font_family: "DejaVu Sans".to_owned(), ..Options::default() };
    let fonts = Arc::make_mut(&mut options.fontdb);
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.load_font_data(dejavu::sans::bold().to_vec());
    let tree = Tree::from_str(svg, &options).map_err(|error| draw(&error))?;
    let size = |length: f64| (length as f32 * SCALE).ceil() as u32;
    let mut pixels = Pixmap::new(size(WIDTH), size(*height)).ok_or_else(|| draw(&"it is too large"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| draw(&error))
}

/// A sheet that grows downwards.
struct Sheet {
    parts: String,
    y: f64,
}

impl Sheet {
    /// Adds a line of text of this height.
    fn text(&mut self, class: &str, height: f64, text: &str) {
        self.y += height;
        let part = html! { text class=(class) x=(MARGIN) y=(self.y - height * 0.25) { (text) } };
        self.parts.push_str(&part.into_string());
    }

    /// Adds a chart of this height with its labels on the left.
    fn chart(&mut self, height: f64, names: &Markup, drawing: &Markup) {
        let part = html! {
            svg x=(MARGIN) y=(self.y) width=(NAMES) height=(height) overflow="visible" { (names) }
            svg x=(MARGIN + NAMES) y=(self.y) width=(CHART) height=(height) overflow="visible" { (drawing) }
        };
        self.parts.push_str(&part.into_string());
        self.y += height;
    }

    /// The sheet as SVG, and its height.
    fn finish(mut self) -> (String, f64) {
        self.text(
            "faint say",
            22.0,
            "The emotions are labels that people would probably give to pictures of these faces, not what anybody felt.",
        );
        let height = self.y + MARGIN - 10.0;
        let svg = html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(height) {
                style { (PreEscaped(STYLE)) }
                (Chart::hatching())
                rect width="100%" height="100%" fill="#fff" {}
                (PreEscaped(self.parts))
            }
        };
        (svg.into_string(), height)
    }
}

/// The sheet as SVG, and its height.
fn sheet(recording: &Recording) -> (String, f64) {
    let mut sheet = Sheet { parts: String::new(), y: MARGIN - 10.0 };
    sheet.text("ink title", 40.0, "Recorded emotions");
    sheet.text("faint say", 24.0, &caption(recording));
    for source in recording.sources.iter().take(MOST_SOURCES) {
        draw_source(&mut sheet, recording, source);
    }
    sheet.y += 16.0;
    let more = recording.sources.len().saturating_sub(MOST_SOURCES);
    if more > 0 {
        sheet.text(
            "faint say",
            22.0,
            &format!("{more} more sources are not shown; --out report.html shows them."),
        );
    }
    let left_out = recording.tally.malformed + recording.tally.unknown + recording.tally.of_more_sources;
    if left_out > 0 {
        sheet.text("faint say", 22.0, &format!("{} skipped.", words::count(left_out, "line")));
    }
    sheet.finish()
}

fn draw_source(sheet: &mut Sheet, recording: &Recording, source: &SourceStats) {
    let labels = &recording.labels;
    let chart = Chart::new(source, labels, recording.range(source), recording.marks(source));
    sheet.y += 26.0;
    sheet.text("ink name", 28.0, &name(source));
    let told: Vec<String> =
        facts(source, labels).iter().map(|(value, what)| format!("{what}: {value}")).collect();
    sheet.text("faint say", 24.0, &told.join(" · "));
    if source.tracks.seen == 0 {
        return;
    }
    sheet.y += 8.0;
    legend(sheet, source, labels);
    sheet.y += 14.0;
    sheet.chart(BAND_HEIGHT, &chart.levels_axis(), &chart.band());
    sheet.chart(TICKS_HEIGHT, &html! {}, &chart.ticks_axis());
    let lanes: Vec<TrackLane> = source.tracks.longest(MOST_LANES);
    if has_time(source) && !lanes.is_empty() {
        sheet.y += 8.0;
        sheet.text("faint say", 26.0, &lanes_caption(source, lanes.len()));
        sheet.chart(lanes.len() as f64 * LANE_HEIGHT, &Chart::lane_names(&lanes), &chart.lanes(&lanes));
        sheet.chart(TICKS_HEIGHT, &html! {}, &chart.ticks_axis());
    }
}

/// Draws the bar of shares and below it the legend of the colours.
fn legend(sheet: &mut Sheet, source: &SourceStats, labels: &Labels) {
    let total: f64 = source.shown.iter().sum();
    let chart = Chart::new(source, labels, (0.0, 1.0), Vec::new());
    let bar = html! {
        svg x=(MARGIN) y=(sheet.y) width=(WIDTH - 2.0 * MARGIN) height=(SHARES_HEIGHT) { (chart.shares()) }
    };
    sheet.parts.push_str(&bar.into_string());
    sheet.y += SHARES_HEIGHT + 6.0;
    let step = (WIDTH - 2.0 * MARGIN) / LEGEND_ROW as f64;
    for (place, label) in labels.names().iter().enumerate() {
        let x = MARGIN + (place % LEGEND_ROW) as f64 * step;
        if place % LEGEND_ROW == 0 {
            sheet.y += 22.0;
        }
        let entry = html! {
            rect x=(x) y=(sheet.y - 17.0) width="12" height="12" rx="3" fill=(labels.color(place)) {}
            text class="ink say" x=(x + 20.0) y=(sheet.y - 6.0) {
                (words::tame(label, 14)) " " (words::share(source.shown[place], total))
            }
        };
        sheet.parts.push_str(&entry.into_string());
    }
}
