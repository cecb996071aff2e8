//! `emotiond bench`: tests what it prints, but no speed.

use crate::common::{Scratch, data, run, text};

/// The rows of the tables that `bench` prints.
fn rows(stdout: &str) -> Vec<Vec<&str>> {
    let lines = stdout.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn a_source_of_ones_own_is_measured() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let portrait = text(&data("astronaut.jpg"));
    let ran = run(&["bench", "--config", &config, "--source", &portrait, "--seconds", "0.5"]).exits(0);
    let rows = rows(&ran.stdout);
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ["", "bare loops", "pipeline, full-size detection", "pipeline as configured"]);
    assert!(rows[1..].iter().all(|row| row[1].parse::<f64>().unwrap() > 0.0), "{rows:?}");
    // The event of the one face was counted and has a latency.
    assert!(rows[2..].iter().all(|row| row[4].parse::<f64>().unwrap() > 0.0), "{rows:?}");
    assert!(ran.stdout.contains("\nefficiency "), "{}", ran.stdout);
}

#[test]
fn a_source_that_cannot_be_measured_is_refused() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    for (source, code, words) in [
        ("-", 2, ["stdin", "give a file or a camera"]),
        ("none.mp4", 66, ["none.mp4", "No such file"]),
        ("camera:77", 69, ["camera:77", "emotiond cameras"]),
    ] {
        run(&["bench", "--config", &config, "--source", source]).exits(code).complains_once(&words);
    }
    run(&["bench", "--growth", "--source", "a.mp4"]).exits(2);
}

#[test]
fn the_stages_and_the_growth_of_this_machine_are_printed() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let ran = run(&["bench", "--config", &config, "--seconds", "0.05"]).exits(0);
    let faces: Vec<&str> = rows(&ran.stdout).iter().map(|row| row[0]).collect();
    let table = ["faces", "1", "4", "16", "64"];
    let spared = ["scene", "empty room", "crowd"];
    assert_eq!(faces, [&table[..], &table, &table, &spared].concat());
    let ran = run(&["bench", "--config", &config, "--seconds", "0.05", "--growth"]).exits(0);
    let firsts: Vec<&str> = rows(&ran.stdout).iter().map(|row| row[0]).collect();
    for heading in ["faces", "sources", "frame", "time, s"] {
        assert!(firsts.contains(&heading), "{firsts:?}");
    }
}
