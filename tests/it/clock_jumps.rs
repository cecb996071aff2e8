//! The wall clock jumps, as on a machine without a battery that learns the time late: only the times in events follow.
//!
//! libfaketime gives the program and its sender another wall clock, and leaves them the monotonic one.

use crate::common::{Running, Scratch, broker::Broker, data, emotiond, number, string, text};
use jiff::{SignedDuration, Timestamp};
use rustix::process::Signal;
use serde_json::Value;
use std::{fs, path::PathBuf, process::Command};

/// libfaketime, which `scripts/setup --tests` installs.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let mut libraries = folders.map(|folder| folder.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.exists()).expect("the package faketime is installed")
}

/// A wall clock that can be put forward and back.
struct WallClock {
    file: PathBuf,
}

impl WallClock {
    fn right(scratch: &Scratch) -> Self {
        let clock = Self { file: scratch.path("offset") };
        clock.jump(0);
        clock
    }

    fn use_for(&self, command: &mut Command) {
        command.env("LD_PRELOAD", library()).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }

    /// Puts it so many seconds away from the right time.
    fn jump(&self, offset_s: i64) {
        let part = self.file.with_extension("part");
        fs::write(&part, format!("{offset_s:+}\n")).unwrap();
        fs::rename(part, &self.file).unwrap();
    }
}

/// Whether an event's time is nearly `offset_s` away from the right one.
fn is_off_by(offset_s: i64) -> impl Fn(&Value) -> bool {
    move |event| {
        let time: Timestamp = string(&event["time"]).parse().unwrap();
        let off = (time - Timestamp::now()).total(jiff::Unit::Second).unwrap();
        (off - offset_s as f64).abs() < 600.0
    }
}

/// A source that shows the portrait.
fn camera(scratch: &Scratch) -> String {
    let portrait = text(&data("astronaut.jpg"));
    let program = scratch.file("camera", format!("while :; do cat '{portrait}'; sleep 0.05; done"));
    format!("[[source]]\nname = \"lobby\"\nuri = \"exec:sh {program}\"")
}

#[test]
fn active_hours_follow_the_wall_clock() {
    let scratch = Scratch::new();
    let hour =
        |ahead: i64| (Timestamp::now() + SignedDuration::from_hours(ahead)).strftime("%H:%M").to_string();
    let config = format!("{}\nactive = [\"{}-{}\"]\n", camera(&scratch), hour(10), hour(12));
    let mut command = emotiond(&["run", "--config", &scratch.tiny(&config)]);
    command.env("TZ", "UTC");
    let clock = WallClock::right(&scratch);
    clock.use_for(&mut command);
    let mut running = Running::start(command);
    for _ in 0..2 {
        running
            .wait_for(|event| event["state"] == "down" && string(&event["reason"]).contains("active hours"));
        clock.jump(11 * 3600);
        running.wait_for(|event| event["state"] == "up");
        clock.jump(0);
    }
    running.signal(Signal::TERM);
    running.finish().exits(0).complains_not();
}

#[test]
fn faces_outputs_and_latencies_do_not_notice_that_the_wall_clock_jumps() {
    let (scratch, broker) = (Scratch::new(), Broker::mosquitto(""));
    let mut reader = broker.reader(&[]);
    let config =
        format!("[audience]\nevery_s = 0.5\n{}\n[[output]]\nuri = {:?}\n", camera(&scratch), broker.uri());
    let mut command = emotiond(&["run", "--config", &scratch.tiny(&config), "--emit", "every-frame"]);
    let clock = WallClock::right(&scratch);
    clock.use_for(&mut command);
    let mut running = Running::start(command);
    let day_s = 86_400;
    for offset_s in [0, -3600, day_s, -365 * day_s, 3 * 365 * day_s, 0] {
        clock.jump(offset_s);
        let is_now = is_off_by(offset_s);
        running.wait_for(|event| event["type"] == "face" && is_now(event));
        running.wait_for(|event| event["type"] == "audience" && is_now(event));
        reader.wait_for(|message| message.payload.contains("\"audience\"") && is_now(&message.json()));
    }
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    ran.complains_not();
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let states: Vec<&Value> =
        events.iter().map(|event| &event["state"]).filter(|state| !state.is_null()).collect();
    assert_eq!(states, ["up", "ended"]);
    let faces: Vec<&Value> = events.iter().filter(|event| event["type"] == "face").collect();
    assert!(faces.iter().all(|face| face["track"] == 1), "one face");
    assert!(faces.iter().all(|face| (0.0..60_000.0).contains(&face["latency_ms"].as_f64().unwrap())));
    let end = faces.last().unwrap();
    assert_eq!(end["phase"], "end");
    assert!(end["duration_s"].as_f64().unwrap() < 600.0, "{end}");
    let frames: Vec<u64> = faces.iter().map(|face| number(&face["frame"])).collect();
    assert!(frames.is_sorted());
}
