//! The page: one self-contained HTML file, without scripts or network access.

use super::{
    chart::{BAND_HEIGHT, Chart, LANE_HEIGHT, SHARES_HEIGHT, TICKS_HEIGHT, has_time},
    compare::{Comparison, Side},
    compared::{rows, sentences},
    gaps::Gap,
    labels::Labels,
    markers::kind_name,
    recording::Recording,
    source::SourceStats,
    spans::Spans,
    summary::{CAVEATS, MEANING, caption, facts, lanes_caption, name, no_face},
    words,
};
use crate::message::SourceState;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");

/// The page of a recording.
pub fn page(recording: &Recording) -> String {
    document(
        "Recorded emotions",
        &html! {
            header {
                h1 { "Recorded emotions" }
                p.lead { (caption(recording)) }
            }
            @for source in &recording.sources {
                (section(recording, source))
            }
            (markers(recording))
            (notes(recording))
        },
    )
}

/// The page that compares two recordings.
pub fn comparison(comparison: &Comparison) -> String {
    let names = comparison.sides.each_ref().map(|side| side.stats.name.as_str());
    document(
        "Two recordings side by side",
        &html! {
            header {
                h1 { "Two recordings side by side" }
                p.lead { (names[0]) " and " (names[1]) ". 0:00 is " (comparison.origin) "." }
                @for sentence in sentences(comparison) { p { (sentence) } }
            }
            @for side in &comparison.sides {
                (compared_side(comparison, side))
            }
            section {
                h2 { "Differences" }
                table {
                    thead { tr { th {} th { (names[0]) } th { (names[1]) } th { "difference" } } }
                    tbody {
                        @for row in rows(comparison) {
                            tr { th { (row.what) } @for value in &row.values { td { (value) } } td { (row.difference) } }
                        }
                    }
                }
            }
            footer {
                h2 { "What the figures mean, and what they do not mean" }
                p { (MEANING) }
                ul { @for caveat in CAVEATS { li { (caveat) } } }
                p { "Two audiences differ by chance, too: a small difference means nothing." }
            }
        },
    )
}

/// One of two recordings, on the axis of both.
fn compared_side(comparison: &Comparison, side: &Side) -> Markup {
    let chart = Chart::new(&side.stats, &comparison.labels, comparison.range(), side.marks.clone());
    html! {
        section {
            h2 { (side.stats.name) }
            @if side.stats.tracks.seen > 0 {
                (shares(&chart, &side.stats, &comparison.labels))
                h3 { "Faces in view, and what they show" }
                (plot(BAND_HEIGHT, "Mean number of faces over time, stacked by emotion", &chart.levels_axis(), &chart.band()))
                (plot(TICKS_HEIGHT, "Times", &html! {}, &chart.ticks_axis()))
            } @else {
                p { (no_face(&side.stats)) }
            }
            @if !side.complaints.is_empty() {
                ul { @for complaint in &side.complaints { li { (words::tame(complaint, 300)) } } }
            }
        }
    }
}

/// A whole document.
fn document(title: &str, content: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("emotiond ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                svg.hidden width="0" height="0" aria-hidden="true" { (Chart::hatching()) }
                main { (content) }
            }
        }
    }
    .into_string()
}

/// A table of the markers.
fn markers(recording: &Recording) -> Markup {
    let markers = recording.markers.all();
    html! {
        @if !markers.is_empty() {
            section {
                h2 { "Markers" }
                table {
                    thead { tr { th { "time (UTC)" } th { "kind" } th { "label" } } }
                    tbody {
                        @for marker in markers {
                            tr {
                                td { (words::timestamp(marker.at).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()) }
                                td { (kind_name(marker.kind)) }
                                td.why { (marker.label) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn section(recording: &Recording, source: &SourceStats) -> Markup {
    let labels = &recording.labels;
    let chart = Chart::new(source, labels, recording.range(source), recording.marks(source));
    let has_faces = source.tracks.seen > 0;
    html! {
        section {
            h2 { (name(source)) }
            dl.facts {
                @for (value, what) in facts(source, labels) {
                    div { dt { (what) } dd { (value) } }
                }
            }
            @if has_faces {
                (shares(&chart, source, labels))
                h3 { (if has_time(source) { "Faces in view, and what they show" } else { "Faces in each picture, and what they show" }) }
                (plot(BAND_HEIGHT, "Mean number of faces over time, stacked by emotion", &chart.levels_axis(), &chart.band()))
                (plot(TICKS_HEIGHT, "Times", &html! {}, &chart.ticks_axis()))
            } @else {
                p { (no_face(source)) }
            }
            @if !source.tracks.lanes().is_empty() {
                (lanes(&chart, source))
            }
            @if has_faces { (table(source, labels)) }
            (gaps(source, recording.range(source)))
        }
    }
}

/// A chart with its labels on the left.
fn plot(height: f64, title: &str, names: &Markup, drawing: &Markup) -> Markup {
    html! {
        div.plot-row {
            svg height=(height) aria-hidden="true" { (names) }
            svg height=(height) role="img" aria-label=(title) { (drawing) }
        }
    }
}

fn shares(chart: &Chart, source: &SourceStats, labels: &Labels) -> Markup {
    let total: f64 = source.shown.iter().sum();
    html! {
        @if total > 0.0 {
            svg.shares height=(SHARES_HEIGHT) role="img" aria-label="Each emotion's share" { (chart.shares()) }
        }
        ul.legend {
            @for (place, name) in labels.names().iter().enumerate() {
                li.none[source.shown[place] == 0.0] {
                    (chip(labels, place)) (name) " " b { (words::share(source.shown[place], total)) }
                }
            }
        }
    }
}

fn chip(labels: &Labels, place: usize) -> Markup {
    html! { span.chip style=(format!("background:{}", labels.color(place))) {} }
}

fn lanes(chart: &Chart, source: &SourceStats) -> Markup {
    let lanes = source.tracks.lanes();
    let height = lanes.len() as f64 * LANE_HEIGHT;
    html! {
        h3 { "Face by face" }
        p.note { (lanes_caption(source, lanes.len())) }
        (plot(height, "What each face showed over time", &Chart::lane_names(lanes), &chart.lanes(lanes)))
        (plot(TICKS_HEIGHT, "Times", &html! {}, &chart.ticks_axis()))
    }
}

fn table(source: &SourceStats, labels: &Labels) -> Markup {
    let total: f64 = source.shown.iter().sum();
    let timed = has_time(source);
    let none = Spans::default();
    html! {
        h3 { (if timed { "How long an emotion lasts" } else { "How often each emotion is shown" }) }
        table {
            thead {
                tr {
                    th { "emotion" }
                    th { "share" }
                    @if timed {
                        th.wide { "total" }
                        th.wide { "times shown" }
                        th { "typically lasts" }
                        th { "longest" }
                    } @else {
                        th { "faces" }
                    }
                }
            }
            tbody {
                @for (place, name) in labels.names().iter().enumerate() {
                    @let shown = source.shown[place];
                    @let spans = source.lasting.get(place).unwrap_or(&none);
                    tr.none[shown == 0.0] {
                        th { (chip(labels, place)) (name) }
                        td { (words::share(shown, total)) }
                        @if !timed {
                            td { (words::grouped(shown as u64)) }
                        } @else if spans.count() == 0 {
                            td.wide { "–" } td.wide { "–" } td { "–" } td { "–" }
                        } @else {
                            td.wide { (words::duration(shown)) }
                            td.wide { (words::grouped(spans.count())) }
                            td { (words::duration(spans.median_s())) }
                            td { (words::duration(spans.longest_s())) }
                        }
                    }
                }
            }
        }
    }
}

fn gaps(source: &SourceStats, range: (f64, f64)) -> Markup {
    let listed = source.gaps.longest();
    let days = words::spans_days(range);
    let told = |at| words::moment(source.axis(), at, 1.0, days);
    let reason = |gap: &Gap| match (gap.state, gap.reason.as_str()) {
        (SourceState::Stalled, "") => "stalled".to_owned(),
        (_, "") => "away".to_owned(),
        (_, reason) => words::tame(reason, 200),
    };
    html! {
        @if !listed.is_empty() {
            h3 { "Interruptions" }
            p.note {
                svg.swatch width="22" height="12" aria-hidden="true" { rect width="100%" height="100%" fill="url(#away)" {} }
                (words::count(source.gaps.count, "gap")) ", " (words::duration(source.gaps.total_s)) " in total"
                @if source.gaps.count > listed.len() as u64 { "; the " (listed.len()) " longest are listed" }
                ". The source was not watched at these times; they are not included in any figure."
            }
            table {
                thead { tr { th { "from" } th { "to" } th { "duration" } th { "reason" } } }
                tbody {
                    @for gap in listed {
                        tr {
                            td { (told(gap.from)) }
                            td { (told(gap.to)) }
                            td { (words::duration(gap.seconds())) }
                            td.why { (reason(gap)) }
                        }
                    }
                }
            }
        }
    }
}

fn notes(recording: &Recording) -> Markup {
    let complaints = recording.tally.complaints();
    html! {
        footer {
            h2 { "What the figures mean, and what they do not mean" }
            p { (MEANING) }
            ul { @for caveat in CAVEATS { li { (caveat) } } }
            h2 { "Input" }
            p {
                (words::count(recording.tally.used, "event")) " read."
                @if complaints.is_empty() { " No line was skipped." }
            }
            @if !complaints.is_empty() {
                ul { @for complaint in complaints { li { (words::tame(&complaint, 300)) } } }
            }
        }
    }
}
