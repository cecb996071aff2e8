//! If the log cannot be written, because the disk is full or its reader is gone, events and exit code do not change.

use crate::common::{Running, Scratch, data, emotiond, text};
use rustix::process::Signal;
use std::{
    fs::{self, OpenOptions},
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs the program with a working stderr, and with each kind of stderr that cannot be written.
fn with_each_stderr(arguments: &[&str], log_level: &str) -> Vec<(&'static str, Output)> {
    let plain = || {
        let mut command = emotiond(arguments);
        command.env("RUST_LOG", log_level);
        command
    };
    let full = || {
        let mut command = plain();
        command.stderr(OpenOptions::new().write(true).open("/dev/full").unwrap());
        command
    };
    let left = || {
        let mut command = plain();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stderr(writer);
        command
    };
    let closed = || {
        let mut command = Command::new("bash");
        command.args(["-c", r#"exec "$0" "$@" 2>&-"#, env!("CARGO_BIN_EXE_emotiond")]).args(arguments);
        crate::common::isolate(&mut command);
        command.env("RUST_LOG", log_level);
        command
    };
    let all = [("good", plain()), ("full", full()), ("left", left()), ("closed", closed())];
    all.map(|(kind, mut command)| (kind, command.output().unwrap())).into()
}

/// The lines, sorted and without times, because both differ from run to run.
fn lines_without_times(output: &Output) -> Vec<String> {
    let all = String::from_utf8_lossy(&output.stdout);
    let mut lines: Vec<String> =
        all.lines().map(|line| line.split(r#""time""#).next().unwrap().to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn every_command_ends_as_with_a_good_one() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    let cut = scratch.file("cut.jpg", &fs::read(&portrait).unwrap()[..10_000]);
    let config = scratch.tiny("");
    let json = scratch.file("json.toml", crate::common::tiny_config() + "[log]\njson = true\n");
    let wrong = scratch.file("wrong.toml", "no_such_key = 1\n");
    let events = scratch.file("events.jsonl", "no event\n");
    let page = text(&scratch.path("page.html"));
    let run = |config: &str, sources: &[&str]| {
        let mut arguments = vec!["run".to_owned(), "--config".to_owned(), config.to_owned()];
        sources.iter().for_each(|source| arguments.extend(["--source".to_owned(), (*source).to_owned()]));
        arguments
    };
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let cases: Vec<(i32, Vec<String>)> = vec![
        (0, run(&config, &[&portrait])),
        (0, run(&json, &[&portrait, &cut])),
        (65, run(&config, &[&cut])),
        (66, run(&config, &["none.jpg", &portrait])),
        (78, run(&wrong, &[&portrait])),
        (2, words(&["run", "--no-such-option"])),
        (66, words(&["check", "--config", &config, "--source", "none.jpg"])),
        (65, words(&["report", &events, "--out", &page])),
        (0, words(&["schema"])),
        (0, words(&["--help"])),
    ];
    for (code, arguments) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for level in ["info", "debug"] {
            let outputs = with_each_stderr(&arguments, level);
            let good = lines_without_times(&outputs[0].1);
            for (kind, output) in &outputs {
                assert_eq!(output.status.code(), Some(code), "{kind} {arguments:?}: {:?}", output.status);
                assert_eq!(lines_without_times(output), good, "{kind} {arguments:?}");
            }
        }
    }
}

#[test]
fn the_reader_of_the_log_leaves_while_the_daemon_runs() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start_without_log(command);
    let mut stdin = running.child.stdin.take().unwrap();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    stdin.write_all(&portrait).unwrap();
    running.wait_for(|event| event["phase"] == "new");
    // Each of these causes a warning.
    for _ in 0..2 {
        stdin.write_all(&portrait[..10_000]).unwrap();
        stdin.write_all(&portrait).unwrap();
        running.wait_for(|event| event["phase"] == "update");
    }
    running.signal(Signal::TERM);
    running.finish().exits(0);
}
