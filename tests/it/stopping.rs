//! One SIGTERM ends the program within two seconds, whatever hangs.

use crate::common::{Ran, Running, Scratch, data, emotiond, ffmpeg, text, wait_until};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::Path,
    time::{Duration, Instant},
};

/// What is promised, and what a busy machine may add.
const PROMISED: Duration = Duration::from_millis(2000 + 500);

/// Puts a script in the place of a program; returns the value of PATH. The script marks that it hangs.
fn in_place_of(scratch: &Scratch, program: &str, script: &str) -> String {
    let mark = text(&scratch.path("hangs"));
    let script = format!("#!/bin/sh\nhang() {{ : > '{mark}'; exec sleep 1000; }}\n{script}\n");
    let file = scratch.file(&format!("bin/{program}"), script);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", text(&scratch.path("bin")), std::env::var("PATH").unwrap())
}

/// A program that goes on writing pictures as `lines` of a shell say.
fn camera(scratch: &Scratch, lines: &str) -> String {
    let program = scratch.file("camera", format!("#!/bin/sh\n{lines}\n"));
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    format!("exec:{program}")
}

fn ends_in_time(running: Running, hangs: &Path) -> Ran {
    wait_until("it hangs", || hangs.exists().then_some(()));
    let asked = Instant::now();
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert!(asked.elapsed() < PROMISED, "{:?}: {}", asked.elapsed(), ran.stderr);
    ran
}

/// A network that computes for years when it is tried for the first time.
fn takes_years(scratch: &Scratch) -> String {
    let mut model = fs::read(data("bright_takes_years.onnx")).unwrap();
    // Crops with a brighter pixel than this take years.
    let limit = 0.6_f32.to_le_bytes();
    let at = model.windows(4).position(|bytes| bytes == limit).unwrap();
    model[at..at + 4].copy_from_slice(&(-100.0_f32).to_le_bytes());
    scratch.file("model.onnx", model)
}

fn tells_the_end(ran: &Ran) {
    let events = ran.events();
    let last = events.last().unwrap_or_else(|| panic!("{}", ran.stderr));
    assert_eq!(last["state"], "ended", "{}", ran.stdout);
}

#[test]
fn helpers_that_hang_do_not_hold_up_a_stop() {
    let video = Scratch::new();
    let (portrait, path) = (text(&data("astronaut.jpg")), text(&video.path("a.avi")));
    ffmpeg(&["-loop", "1", "-i", &portrait, "-frames:v", "60", "-c:v", "mjpeg", &path]);
    let real = |program: &str| format!("exec /usr/bin/env PATH=/usr/bin:/bin {program} \"$@\"");
    for (program, hangs) in [
        ("ffprobe", "hang".to_owned()),
        ("ffmpeg", "hang".to_owned()),
        ("ffmpeg", format!("case \"$*\" in *matroska*) hang;; esac\n{}", real("ffmpeg"))),
        // It reads all, and does not end.
        ("ffmpeg", format!("case \"$*\" in *matroska*) cat >/dev/null; hang;; esac\n{}", real("ffmpeg"))),
    ] {
        let scratch = Scratch::new();
        let out = text(&scratch.path("out.mp4"));
        let config = scratch.tiny("");
        let mut command = emotiond(&["run", "--config", &config, "--source", &path, "--annotate", &out]);
        command.env("PATH", in_place_of(&scratch, program, &hangs));
        let ran = ends_in_time(Running::start(command), &scratch.path("hangs"));
        // Before the recording begins, there are no events.
        if hangs.contains("matroska") {
            tells_the_end(&ran);
        }
    }
}

#[test]
fn of_a_network_that_hangs_the_end_is_told() {
    let scratch = Scratch::new();
    let (bright, dark) = (text(&data("astronaut.jpg")), text(&scratch.path("dark.jpg")));
    ffmpeg(&["-i", &bright, "-vf", "lutrgb=r=val/2:g=val/2:b=val/2", &dark]);
    let (go, sent) = (scratch.path("go"), scratch.path("sent"));
    // The last bright pictures are taken only after the first ones.
    let lines = format!(
        "show() {{ cat \"$1\"; sleep 0.1; }}\n\
         until [ -e '{}' ]; do show '{dark}'; done\n\
         for i in 1 2 3 4 5 6; do show '{bright}'; done\n\
         : > '{}'; exec sleep 1000",
        text(&go),
        text(&sent)
    );
    let (config, camera) = (scratch.tiny(""), camera(&scratch, &lines));
    let model = text(&data("bright_takes_years.onnx"));
    let arguments = ["run", "--config", &config, "--model", &model, "--source", &camera];
    let mut running = Running::start(emotiond(&arguments));
    running.wait_for(|event| event["phase"] == "new");
    fs::write(&go, "").unwrap();
    let ran = ends_in_time(running, &sent);
    assert!(ran.stderr.contains("something hangs"), "{}", ran.stderr);
    let events = ran.events();
    let last: Vec<_> = events.iter().rev().take(2).map(|event| (&event["state"], &event["phase"])).collect();
    assert_eq!(last, [(&Value::from("ended"), &Value::Null), (&Value::Null, &Value::from("end"))]);
}

#[test]
fn a_model_that_loads_for_minutes_is_waited_for_but_not_at_a_stop() {
    let scratch = Scratch::new();
    let socket = UnixDatagram::bind(scratch.path("notify")).unwrap();
    socket.set_read_timeout(Some(crate::common::HANG)).unwrap();
    let model = takes_years(&scratch);
    let arguments = ["run", "--config", &scratch.tiny(""), "--model", &model, "--source"];
    let mut command = emotiond(&arguments);
    command.arg(data("astronaut.jpg")).env("NOTIFY_SOCKET", scratch.path("notify"));
    let running = Running::start(command);
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    let said = String::from_utf8_lossy(&buffer[..length]);
    assert_eq!(said.trim(), "EXTEND_TIMEOUT_USEC=30000000");
    ends_in_time(running, Path::new(&model));
}

#[test]
fn a_reload_that_takes_long_holds_up_neither_the_events_nor_a_stop() {
    let scratch = Scratch::new();
    let picture = text(&data("astronaut.jpg"));
    let camera = camera(&scratch, &format!("while :; do cat '{picture}'; sleep 0.1; done"));
    let source = format!("[[source]]\nuri = \"{camera}\"\n");
    let config = scratch.tiny(&source);
    let mut running = Running::start(emotiond(&["run", "--config", &config, "--emit", "every-frame"]));
    running.wait_for(|event| event["type"] == "face");
    let model = takes_years(&scratch);
    let whole = fs::read_to_string(&config).unwrap();
    let tiny = format!("{:?}", data("tiny.onnx"));
    fs::write(&config, whole.replace(&tiny, &format!("{model:?}"))).unwrap();
    running.signal(Signal::HUP);
    // The next events are of frames that come after the reload began.
    for _ in 0..20 {
        running.wait_for(|event| event["type"] == "face");
    }
    tells_the_end(&ends_in_time(running, Path::new(&model)));
}

#[test]
fn monstrous_pictures_do_not_hold_up_a_stop() {
    let scratch = Scratch::new();
    let folder = scratch.path("in");
    fs::create_dir(&folder).unwrap();
    // Half a gigabyte when it is decoded, which takes seconds.
    let first = folder.join("0.png");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "color=s=8000x8000",
        "-frames:v",
        "1",
        "-pix_fmt",
        "rgb48be",
        &text(&first),
    ]);
    for number in 1..20 {
        fs::hard_link(&first, folder.join(format!("{number}.png"))).unwrap();
    }
    let mut running =
        Running::start(emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&folder)]));
    running.wait_for(|event| event["state"] == "up");
    tells_the_end(&ends_in_time(running, &first));
}
