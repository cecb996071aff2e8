//! What `emotiond report` reads: files, stdin, damaged and very long recordings.

use crate::common::{Ran, Running, Scratch, emotiond, run, text};
use crate::report::{face, known, page, says, sums, words};
use std::{
    fs,
    io::{BufWriter, Write},
    process::Stdio,
};

#[test]
fn what_cannot_be_read_is_counted_and_named_and_the_rest_is_used() {
    let scratch = Scratch::new();
    let good: Vec<String> = known().lines().map(str::to_owned).collect();
    let bad =
        ["{\"v\":2,\"type\":\"face\"}", "no json", "{\"v\":1,\"type\":\"face\"}", "\u{7f}", "[]", "{}", "7"];
    let later = r#"{"v":1,"type":"weather","source":"lobby","time":"2026-11-21T20:00:07Z"}"#;
    let cut = &good[0][..40];
    let mixed = format!("{}\n{}\n\n{later}\n{}\n{cut}", good[0], bad.join("\n"), good[1..].join("\n"));
    let out = scratch.path("report.html");
    let ran = run(&["report", &scratch.file("events.jsonl", mixed), "--out", &text(&out)]).exits(0);
    for part in [
        "line 2 skipped: version 2 of the events",
        "line 3 skipped: it is not a JSON object",
        "line 4 skipped: missing field `source`",
        "3 more lines skipped, 8 in total",
        "events of unknown types skipped: 1",
    ] {
        assert!(ran.stderr.contains(part), "{part:?} is missing in {}", ran.stderr);
    }
    let page = fs::read_to_string(out).unwrap();
    says(&page, &["happy|55 %|23 s|3|8 s|10 s|", "12 events read.|", "line 2 skipped", "8 in total"]);
}

#[test]
fn later_versions_fields_are_tolerated() {
    let events = known().replace(r#""score":0.9"#, r#""score":0.9,"gaze":{"x":[1,2,null]},"mood":"odd""#);
    assert_eq!(words(&page(events)), words(&page(known())));
}

#[test]
fn gzipped_events_and_stdin_are_read() {
    let scratch = Scratch::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(known().as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert_eq!(page(&packed), page(known()));
    // Truncated, as by a full disk: the report contains what could be read, and states that the input is incomplete.
    let cut = page(&packed[..packed.len() * 3 / 4]);
    says(&cut, &["the input ends unexpectedly after line "]);

    let out = scratch.path("report.html");
    let mut command = emotiond(&["report", "-", "--out", &text(&out)]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.child.stdin.take().unwrap().write_all(known().as_bytes()).unwrap();
    running.finish().exits(0);
    assert_eq!(fs::read_to_string(out).unwrap(), page(known()));
}

#[test]
fn mistakes_are_told_with_their_codes() {
    let scratch = Scratch::new();
    let (events, empty) = (scratch.file("events.jsonl", known()), scratch.file("empty.jsonl", "\n"));
    let nonsense = scratch.file("nonsense.jsonl", "no event\n{\"v\":1,\"type\":\"weather\"}\n");
    let out = text(&scratch.path("report.html"));
    let absent = text(&scratch.path("absent.jsonl"));
    let folder = text(&scratch.path(""));
    let tell = |events: &str, out: &str, code| run(&["report", events, "--out", out]).exits(code);
    tell(&events, &text(&scratch.path("report.pdf")), 2)
        .complains_once(&["report.pdf", ".html, .png and .csv"]);
    tell(&events, &text(&scratch.path("report")), 2).complains_once(&[".html"]);
    tell(&empty, &out, 65).complains_once(&["no event", "it is empty", "emotiond run"]);
    tell(&nonsense, &out, 65).complains_once(&["no event", "line 1 skipped"]);
    tell(&absent, &out, 66).complains_once(&["absent.jsonl", "No such file"]);
    tell(&folder, &out, 66).complains_once(&["it is a folder"]);
    tell(&events, &text(&scratch.path("absent/report.html")), 74).complains_once(&["cannot write", "absent"]);
    run(&["report", &events]).exits(2);
    assert!(!scratch.path("report.html").exists());
}

/// More than a million lines with new times and faces: a reader that stores them would need hundreds of MiB.
#[test]
fn memory_does_not_grow_with_the_recording() {
    const LINES: u64 = 1_200_000;
    let scratch = Scratch::new();
    let out = scratch.path("report.csv");
    let mut command = emotiond(&["report", "-", "--out", &text(&out)]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut pipe = BufWriter::new(running.child.stdin.take().unwrap());
    let labels = ["angry", "happy", "neutral"];
    for line in 0..LINES {
        let at = line as f64 / 400.0;
        // Each tenth line starts a face; every eleventh face has no end event.
        let (track, step) = (line / 10, line % 10);
        let phase = if step == 0 {
            "new"
        } else if step == 9 && track % 11 > 0 {
            "end"
        } else {
            "update"
        };
        pipe.write_all(face(phase, at, track, labels[(line % 3) as usize], "").as_bytes()).unwrap();
    }
    pipe.flush().unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_mib = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024;
    drop(pipe);
    let ran: Ran = running.finish().exits(0);
    assert!(ran.stderr.contains("1200000 events"), "{}", ran.stderr);
    assert!(peak_mib < 64, "{peak_mib} MiB");
    let watched = sums(&fs::read(out).unwrap()).into_iter().find(|sum| sum.0 == "watched_s").unwrap().1;
    assert!((watched - LINES as f64 / 400.0).abs() < 0.1, "{watched}");
}
