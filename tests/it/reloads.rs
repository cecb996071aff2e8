//! A reload is never worse than none: what works goes on, and what cannot be used is refused as a whole.

use crate::common::{Ran, Running, Scratch, data, emotiond, ffmpeg, number, text, tiny_config, wait_until};
use crate::network::{is_state, stop};
use rustix::process::Signal;
use std::{fs, os::unix::fs::PermissionsExt, process::Command};

/// A configuration with a source, and `more` for its end.
fn configure(path: &str, uri: &str, more: &str) {
    let source = format!("[[source]]\nname = \"lobby\"\nuri = {uri:?}\n");
    fs::write(path, format!("emit = \"every-frame\"\n{}{source}{more}", tiny_config())).unwrap();
}

/// A video of a portrait that moves.
fn video(scratch: &Scratch, frames: u32) -> String {
    let (portrait, video) = (text(&data("astronaut.jpg")), text(&scratch.path("walk.avi")));
    let filter = "crop=472:472:'mod(n,40)':0";
    let frames = frames.to_string();
    ffmpeg(&[
        "-loop",
        "1",
        "-framerate",
        "25",
        "-i",
        &portrait,
        "-vf",
        filter,
        "-frames:v",
        &frames,
        "-c:v",
        "mjpeg",
        "-q:v",
        "3",
        &video,
    ]);
    video
}

/// A program that shows the portrait while the file `plugged` exists.
fn camera(scratch: &Scratch) -> String {
    let (folder, picture) = (text(&scratch.path("")), text(&data("astronaut.jpg")));
    let script = format!(
        "#!/bin/sh\ncd '{folder}'\necho >> runs\nwhile [ -e plugged ]; do cat '{picture}'; sleep 0.1; done\nexit 1\n"
    );
    let program = scratch.file("camera", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.file("plugged", "");
    format!("exec:{program}")
}

fn start(config: &str) -> Running {
    let running = Running::start(emotiond(&["run", "--config", config]));
    running.wait_for_log("ONNX Runtime is loaded");
    running
}

/// The numbers of the frames of a source's face events.
fn frames(ran: &Ran, source: &str) -> Vec<u64> {
    let faces = ran.faces();
    let of = faces.iter().filter(|face| face["source"] == source && face["phase"] != "end");
    of.map(|face| number(&face["frame"])).collect()
}

#[test]
fn a_video_goes_on_frame_for_frame_when_sources_join_and_leave() {
    let scratch = Scratch::new();
    let video = video(&scratch, 120);
    let config = text(&scratch.path("config.toml"));
    configure(&config, &video, "");
    let undisturbed = start(&config).finish().exits(0);

    let mut running = start(&config);
    running.wait_for(|event| event["phase"] == "update");
    let portrait = format!("[[source]]\nname = \"portrait\"\nuri = {:?}\n", data("astronaut.jpg"));
    configure(&config, &video, &portrait);
    running.signal(Signal::HUP);
    running.wait_for(|event| event["source"] == "portrait" && event["type"] == "face");
    configure(&config, &video, "");
    running.signal(Signal::HUP);
    running.wait_for(is_state("portrait", "ended"));
    let ran = running.finish().exits(0);
    let lobby = |ran: &Ran| {
        let lines = ran.masked().into_iter().filter(|line| line.contains("\"source\":\"lobby\""));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(lobby(&ran), lobby(&undisturbed));
    assert_eq!(frames(&ran, "portrait").len(), 1, "{}", ran.stdout);
}

#[test]
fn no_frame_is_told_twice_or_left_out_when_all_begins_anew() {
    let scratch = Scratch::new();
    let video = video(&scratch, 120);
    let config = text(&scratch.path("config.toml"));
    configure(&config, &video, "");
    let mut running = start(&config);
    running.wait_for(|event| event["phase"] == "update");
    let turned = fs::read_to_string(&config).unwrap().replace("[runtime]\n", "margin = 0.3\n[runtime]\n");
    fs::write(&config, turned + "mirror = true\n").unwrap();
    running.signal(Signal::HUP);
    running.wait_for(is_state("lobby", "down"));
    let ran = running.finish().exits(0);
    let told = frames(&ran, "lobby");
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
    assert!(told.len() > 60, "{told:?}");
    assert!(ran.stderr.contains("120 frames analysed, 0 unreadable"), "{}", ran.stderr);
}

#[test]
fn a_source_that_is_away_during_a_reload_is_waited_for() {
    let scratch = Scratch::new();
    let uri = camera(&scratch);
    let config = text(&scratch.path("config.toml"));
    configure(&config, &uri, "");
    let mut running = start(&config);
    running.wait_for(|event| event["type"] == "face");
    fs::remove_file(scratch.path("plugged")).unwrap();
    running.wait_for(is_state("lobby", "down"));
    let changed = fs::read_to_string(&config).unwrap().replace("[runtime]\n", "margin = 0.3\n[runtime]\n");
    fs::write(&config, changed).unwrap();
    running.signal(Signal::HUP);
    running.wait_for_log("restarting the pipeline");
    // The new pipeline tries the source in vain.
    let runs = || fs::read(scratch.path("runs")).unwrap().len();
    let before = runs();
    wait_until("more runs", || (runs() > before + 1).then_some(()));
    fs::write(scratch.path("plugged"), "").unwrap();
    running.wait_for(is_state("lobby", "up"));
    running.wait_for(|event| event["type"] == "face");
    stop(running);
}

#[test]
fn what_cannot_be_used_refuses_the_reload_as_a_whole() {
    let scratch = Scratch::new();
    let uri = camera(&scratch);
    let config = text(&scratch.path("config.toml"));
    configure(&config, &uri, "");
    let mut running = start(&config);
    running.wait_for(|event| event["type"] == "face");
    let other = |uri: &str| format!("[[source]]\nname = \"door\"\nuri = {uri:?}\n");
    let fails = scratch.file("fails", "#!/bin/sh\nexit 3\n");
    fs::set_permissions(&fails, fs::Permissions::from_mode(0o755)).unwrap();
    let library = |path: &str| {
        let whole = fs::read_to_string(path).unwrap();
        fs::write(path, whole.replace("[runtime]\n", "[runtime]\nlibrary = \"/none/libonnxruntime.so\"\n"))
            .unwrap();
    };
    let cases: [(&str, &dyn Fn()); 8] = [
        ("No such file", &|| configure(&config, &uri, &other("/none/a.mp4"))),
        ("exit code 3", &|| configure(&config, &uri, &other(&format!("exec:{fails}")))),
        ("no frame of", &|| configure(&config, &uri, &other(&scratch.file("broken.mp4", "no video")))),
        ("is empty", &|| fs::write(&config, "").unwrap()),
        ("names no source", &|| fs::write(&config, tiny_config()).unwrap()),
        ("another `library`", &|| {
            configure(&config, &uri, "");
            library(&config);
        }),
        ("no regular file", &|| {
            fs::remove_file(&config).unwrap();
            assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
        }),
        ("config.toml cannot be read", &|| {
            fs::remove_file(&config).unwrap();
        }),
    ];
    for (words, change) in &cases {
        change();
        running.signal(Signal::HUP);
        running.wait_for_log(words);
        running.wait_for(|event| event["type"] == "face");
    }
    let ran = stop(running);
    let refused = ran.complaints();
    assert_eq!(refused.len(), cases.len(), "{}", ran.stderr);
    assert!(refused.iter().all(|line| line.contains("rejected")), "{}", ran.stderr);
    assert_eq!(ran.states(), ["lobby up", "lobby ended"]);
    let told = frames(&ran, "lobby");
    assert!(told.is_sorted_by(|a, b| a < b), "{told:?}");
}

#[test]
fn an_endless_or_long_file_is_no_configuration() {
    let scratch = Scratch::new();
    let long = scratch.file("long.toml", "# a comment\n".repeat(200_000));
    for file in ["/dev/zero", &long] {
        crate::common::run(&["check", "--config", file])
            .exits(78)
            .complains_once(&["more than 1048576 bytes"]);
    }
}

#[test]
fn an_error_in_the_configuration_shows_no_secret() {
    let scratch = Scratch::new();
    for line in [
        "[[source]]\nuri = \"exec:curl --user me:hunter2",
        "[[source]]\nuri = \"rtsp://me:hunter2@camera/\nname = \"a\"",
        "[[output]]\npasword = \"hunter2\"\nuri = \"mqtt://a/\"",
        "[[output]]\nuri = [\"mqtt://me:hunter2@a/\"]",
        "[http]\ntoken = \"hunter2\"",
        "hunter2",
        "[model]\nfile = \"\"\"\nhunter2\"",
        "[[source]]\nuri = \"camera:0\"\nname = { a = \"hunter2\" }",
        "[[source]]\nuri = \"camera:0\"\nwidth = \"hunter2\"",
    ] {
        let ran = crate::common::run(&["run", "--config", &scratch.file("c.toml", line)]).exits(78);
        assert!(!ran.stderr.contains("hunter2"), "{line:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("c.toml:"), "{line:?}");
    }
}
