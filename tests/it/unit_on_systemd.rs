//! The shipped unit on a real systemd, in the emulated guest of the developers' camera rig (`../shared/camera-rig`).
//! `tests/systemd/checks.sh` contains the checks.

use crate::common::{Scratch, data, root, shared};
use serde_json::Value;
use std::{
    fs,
    process::{Command, Output},
};

/// Exit code of `run-in-guest.sh` when the guest itself did not finish.
const GUEST_FAILED: i32 = 125;

#[test]
fn the_unit_is_well_formed_and_hardened() {
    let scratch = Scratch::new();
    let unit = fs::read_to_string(root().join("config/emotiond.service")).unwrap();
    let installed = unit.replace("/usr/local/bin/emotiond", env!("CARGO_BIN_EXE_emotiond"));
    let file = scratch.file("emotiond.service", installed);
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&file).output();
        let output = output.expect("scripts/setup --tests has installed systemd");
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told));
        String::from_utf8_lossy(&told).into_owned()
    };
    assert_eq!(analyze(&["verify"]), "");
    // systemd's exposure level, 0 to 10, in tenths.
    analyze(&["security", "--offline=yes", "--threshold=20"]);
}

#[test]
#[ignore = "needs developer data"]
fn the_unit_starts_reloads_survives_and_stops() {
    // The emulated machine itself can hang; then try again.
    let output = run_in_guest();
    let output = if output.status.code() == Some(GUEST_FAILED) { run_in_guest() } else { output };
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let (_, events) = told.split_once("\nevents\n").unwrap_or_else(|| panic!("{told}"));
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let events: Vec<Value> = events.lines().map(parse).collect();
    let states =
        events.iter().filter_map(|event| Some((event["source"].as_str()?, event["state"].as_str()?)));
    let states: Vec<(&str, &str)> = states.collect();
    // From the start until the rotation, and after the disk was full.
    assert_eq!(
        states,
        [("lobby", "up"), ("lobby", "ended"), ("hall", "up"), ("hall", "up"), ("hall", "ended")],
        "{told}"
    );
}

/// Runs `tests/systemd/checks.sh`. With one emulated processor: with two, the guest's kernel can hang on a busy
/// machine.
fn run_in_guest() -> Output {
    let library = emotiond_core::paths::find_runtimes("cpu").swap_remove(0);
    Command::new("bash")
        .arg(shared("camera-rig/run-in-guest.sh"))
        .args(["--source", "vivid", "--host-root", "--cpus", "1", "--timeout", "300"])
        .args(["--", "/bin/sh"])
        .arg(root().join("tests/systemd/boot.sh"))
        .arg(env!("CARGO_BIN_EXE_emotiond"))
        .args([library.parent().unwrap(), &data("tiny.onnx")])
        .output()
        .unwrap()
}
