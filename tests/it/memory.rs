//! The memory of the process stays within its budget, whatever the pictures are.

use crate::common::http_camera::{HttpCamera, stream};
use crate::common::{Running, Scratch, data, emotiond, ffmpeg, run_sources, text, wait_until};
use rustix::process::Signal;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// A picture of the portrait with this many pixels a side.
fn picture(scratch: &Scratch, name: &str, side: u32) {
    let path = scratch.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let scale = format!("scale={side}:{side}");
    ffmpeg(&["-i", &text(&data("astronaut.jpg")), "-vf", &scale, "-frames:v", "1", &text(&path)]);
}

/// A line of the process's status, in megabytes.
fn megabytes(running: &Running, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024 / 1_000_000
}

/// The program on a source, and on a stdin that delivers nothing, so that it is still running when the source is done.
fn start(config: &str, source: &Path) -> Running {
    let mut command: Command =
        emotiond(&["run", "--config", config, "--source", &text(source), "--source", "-"]);
    command.stdin(Stdio::piped());
    Running::start(command)
}

#[test]
fn large_pictures_stay_within_the_budget() {
    let scratch = Scratch::new();
    for number in 0..4 {
        picture(&scratch, &format!("pictures/{number}.png"), 3600);
        picture(&scratch, &format!("pictures/{number}.jpg"), 3600);
    }
    let config = scratch.tiny("[limits]\nmemory_mb = 512\nvision_threads = 8\n");
    let mut running = start(&config, &scratch.path("pictures"));
    running.wait_for(|event| event["state"] == "ended");
    let peak = megabytes(&running, "VmHWM");
    assert!(peak < 512, "{peak} MB");
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert!(ran.stderr.contains("8 frames analysed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("up to 512 MB"), "{}", ran.stderr);
}

#[test]
fn memory_is_given_back_after_a_huge_picture() {
    let scratch = Scratch::new();
    picture(&scratch, "pictures/a.jpg", 8000);
    for number in 0..30 {
        picture(&scratch, &format!("pictures/b{number}.jpg"), 512);
    }
    let more = "[limits]\nvision_threads = 2\n[[source]]\nuri = \"pictures\"\nrotate = 90\n[[source]]\nuri = \"-\"\n";
    let mut command = emotiond(&["run", "--config", &scratch.tiny(more)]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.wait_for(|event| event["state"] == "ended");
    assert!(megabytes(&running, "VmHWM") > 190, "the huge picture was decoded");
    wait_until("memory is given back", || (megabytes(&running, "VmRSS") < 150).then_some(()));
    running.signal(Signal::TERM);
    running.finish().exits(0);
}

#[test]
fn large_pictures_of_cameras_take_turns() {
    let scratch = Scratch::new();
    picture(&scratch, "frame.jpg", 2200);
    let bytes = fs::read(scratch.path("frame.jpg")).unwrap();
    let camera = HttpCamera::start(move |_, client| stream(client, &bytes, 10.0, 100_000));
    let config = scratch.tiny("[limits]\nmemory_mb = 256\n");
    let sources = [camera.url("/a"), camera.url("/b")];
    let arguments = [
        "run",
        "--config",
        &config,
        "--source",
        &sources[0],
        "--source",
        &sources[1],
        "--emit",
        "every-frame",
    ];
    let mut running = Running::start(emotiond(&arguments));
    for _ in 0..5 {
        for source in &sources {
            running.wait_for(|event| event["type"] == "face" && event["source"] == source.as_str());
        }
    }
    assert!(megabytes(&running, "VmHWM") < 256);
    running.signal(Signal::TERM);
    running.finish().exits(0);
}

#[test]
fn what_does_not_fit_into_the_budget_is_refused_with_the_remedy() {
    let scratch = Scratch::new();
    picture(&scratch, "large.jpg", 2400);
    let large = text(&scratch.path("large.jpg"));
    let config = scratch.tiny("[limits]\nmemory_mb = 256\n");
    run_sources(&config, &[&large], &[]).exits(65).complains_once(&["4.9 megapixels", "memory_mb"]);
    let config = scratch.tiny("[limits]\nmemory_mb = 255\n");
    run_sources(&config, &[&large], &[]).exits(78).complains_once(&["255 is too little", "at least 256"]);
}
