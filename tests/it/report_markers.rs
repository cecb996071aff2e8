//! `emotiond report` with markers, and of several recordings or devices.

use crate::{
    common::{Scratch, run, text},
    report::{face, known, page, report, says, state, sums, time},
};
use std::fs;

/// A marker.
fn marker(at: f64, kind: &str, label: &str) -> String {
    format!(r#"{{"v":1,"type":"marker","time":"{}","kind":"{kind}","label":"{label}"}}"#, time(at)) + "\n"
}

#[test]
fn markers_are_lines_with_labels_and_rows() {
    let events = marker(4.0, "start", "") + &known() + &marker(30.0, "cue", "Act <2>");
    let page = page(&events);
    says(
        &page,
        &["|start|", "Act &lt;2&gt;|", "Markers|time (UTC)|kind|label|2026-11-21 20:00:04.000|start|"],
    );
    // In the band and in the lanes.
    assert_eq!(page.matches("class=\"mark\"").count(), 4);
    assert!(page.contains("x1=\"53.571%\""), "30 of 56 seconds");
    says(&page, &["14 events read. No line was skipped."]);
    let table = String::from_utf8(report(&events, "report.csv")).unwrap();
    assert!(table.starts_with(
        "source,time,offset_s,width_s,watched_s,away_s,faces_s,angry_s,happy_s,neutral_s,marker,label\n"
    ));
    assert!(
        table.ends_with(
            ",2026-11-21T20:00:04.000Z,,,,,,,,,start,\n,2026-11-21T20:00:30.000Z,,,,,,,,,cue,Act <2>\n"
        ),
        "{table}"
    );
    let plain = image::load_from_memory(&report(known(), "a.png")).unwrap().into_rgb8();
    let marked = image::load_from_memory(&report(&events, "a.png")).unwrap().into_rgb8();
    assert_eq!(plain.dimensions(), marked.dimensions());
    assert_ne!(plain, marked);
}

#[test]
fn the_sources_of_several_devices_are_told_apart() {
    let sent = |device: &str| {
        let stamp = format!(r#","device":"{device}","run":"r","seq":0}}"#);
        known()
            .lines()
            .map(|line| line.strip_suffix('}').unwrap().to_owned() + &stamp + "\n")
            .collect::<String>()
    };
    let page = page(sent("box1") + &sent("box2"));
    says(&page, &["|box1/lobby|faces seen|3|", "|box2/lobby|faces seen|3|", "2 sources", "6 faces"]);
}

/// The same show, `late` seconds later, with other faces.
fn other(late: f64) -> String {
    [
        state(late, "up", ""),
        marker(late + 5.0, "start", "Overture"),
        face("new", late + 5.0, 1, "angry", ""),
        face("end", late + 25.0, 1, "angry", r#","duration_s":20.0"#),
        face("new", late + 25.0, 2, "happy", ""),
        face("end", late + 45.0, 2, "happy", r#","duration_s":20.0"#),
        state(late + 45.0, "ended", "stopped"),
    ]
    .concat()
}

#[test]
fn two_recordings_are_laid_side_by_side_at_a_marker() {
    let scratch = Scratch::new();
    let first = scratch.file("premiere.jsonl", marker(4.0, "start", "Overture") + &known());
    let second = scratch.file("derniere.jsonl", other(600.0));
    let compare = |name: &str, more: &[&str]| {
        let out = scratch.path(name);
        let arguments = ["report", "--compare", &first, &second, "--out", &text(&out)];
        run(&[&arguments[..], more].concat()).exits(0);
        fs::read(out).unwrap()
    };
    let page = String::from_utf8(compare("a.html", &["--align", "start"])).unwrap();
    says(
        &page,
        &[
            "premiere and derniere. 0:00 is the marker “start”.",
            "premiere showed happy most, derniere angry.",
            "derniere showed angry more than premiere: 50 % against 10 %.",
            "derniere showed neutral less than premiere: 0 % against 36 %.",
            "On average, 0.9 faces were in view in premiere, and 0.9 in derniere.",
            "|faces seen|3|2|−1|",
            "|angry|10 %|50 %|+40 points|",
            "|watched|46 s|45 s|",
            "|+0:00|+0:10|",
        ],
    );
    // Both bands begin at the same place; in the first, the marker is 4 s after its start, in the second 5 s.
    assert_eq!(page.matches("class=\"mark\"").count(), 2);
    assert_eq!(page.matches("x1=\"8.772%\"").count(), 2 * 2, "5 of 57 seconds, at marker and tick");
    let table = compare("a.csv", &["--align", "Overture"]);
    let sums = sums(&table);
    let sum = |name: &str| sums.iter().find(|sum| sum.0 == name).unwrap().1;
    assert_eq!(
        [sum("watched_s"), sum("angry_s"), sum("happy_s"), sum("neutral_s")],
        [91.0, 24.0, 43.0, 15.0]
    );
    let table = String::from_utf8(table).unwrap();
    assert!(table.contains("\nderniere,0,") && table.contains("\npremiere,0,,,,,,,,Overture\n"), "{table}");
    let from_start = String::from_utf8(compare("b.html", &[])).unwrap();
    says(&from_start, &["0:00 is the first event of each.", "|angry|10 %|50 %|+40 points|"]);
    image::load_from_memory(&compare("a.png", &["--align", "start"])).unwrap();

    let out = text(&scratch.path("c.html"));
    let ran = run(&["report", "--compare", &first, &second, "--align", "Act 9", "--out", &out]).exits(65);
    ran.complains_once(&["premiere has no marker \"Act 9\"", "\"Overture\""]);
    run(&["report", &first, "--align", "start", "--out", &out]).exits(2);
    run(&["report", "--compare", &first, "--out", &out]).exits(2);
}
