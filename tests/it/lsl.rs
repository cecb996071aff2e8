//! LSL, with pylsl on the other side.

use crate::common::{
    Running, Scratch, emotiond,
    receiver::{next, read_until, receiver},
    sender::{MARKER, face, send},
    string,
};
use crate::network::{portrait_camera, stop};
use serde_json::{Value, json};
use std::process::Command;

/// Labels of the tiny network, then what the output adds.
const LABELS: [&str; 9] =
    ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "faces", "facing"];

/// Settings of liblsl that keep a test's streams on this machine and apart from those of other tests.
fn settings(scratch: &Scratch) -> String {
    let session = scratch.path("").to_string_lossy().replace(['/', '.'], "_");
    scratch.file(
        "lsl.cfg",
        format!(
            "[lab]\nKnownPeers = {{127.0.0.1}}\nSessionID = {session}\n[multicast]\nResolveScope = machine\n[log]\nlevel = -2\n"
        ),
    )
}

fn with(mut command: Command, settings: &str) -> Running {
    command.env("LSLAPICFG", settings);
    Running::start(command)
}

/// A program that waits for a stream; it is ready.
fn listener(settings: &str, stream: &str) -> Running {
    let mut command = receiver("lsl.py");
    command.arg(stream);
    let running = with(command, settings);
    assert_eq!(next(&running), "ready");
    running
}

#[test]
fn a_recorder_gets_one_stream_for_each_source_with_the_time_of_each_picture() {
    let scratch = Scratch::new();
    let settings = settings(&scratch);
    let camera = portrait_camera();
    let config = format!(
        "[device]\nid = \"box1\"\n[[output]]\nuri = \"lsl:\"\n[[source]]\nname = \"the desk\"\nuri = {:?}\n",
        camera.url("/")
    );
    let command = emotiond(&["run", "--config", &scratch.tiny(&config), "--emit", "every-frame"]);
    let pylsl = listener(&settings, "emotiond-box1-the_desk");
    let mut running = with(command, &settings);
    let info = next(&pylsl);
    assert_eq!(info["labels"], json!(LABELS));
    assert_eq!(
        (&info["type"], &info["rate"], &info["id"]),
        (&"Emotion".into(), &0.0.into(), &"emotiond-box1-the_desk".into())
    );
    let samples: Vec<Value> = (0..20).map(|_| next(&pylsl)).collect();
    let told = running.wait_for(|event| event["type"] == "face");
    let emotion = LABELS.iter().position(|label| told["emotion"] == *label).unwrap();
    for sample in &samples {
        assert!((sample[1][emotion].as_f64().unwrap() - told["confidence"].as_f64().unwrap()).abs() < 1e-3);
        assert_eq!(sample[1][7], 1.0, "{sample}");
    }
    // Each stamp is the time of a line, which has milliseconds.
    let lines = stop(running).faces();
    let times: Vec<f64> = lines
        .iter()
        .map(|line| {
            string(&line["time"]).parse::<jiff::Timestamp>().unwrap().as_millisecond() as f64 / 1000.0
        })
        .collect();
    let error = |stamp: f64| times.iter().map(|time| (time - stamp).abs()).fold(f64::MAX, f64::min);
    let mut errors: Vec<f64> = samples.iter().map(|sample| error(sample[0].as_f64().unwrap())).collect();
    errors.sort_by(f64::total_cmp);
    assert!(errors[errors.len() / 2] < 0.002, "{errors:?}");
}

#[test]
fn markers_are_a_stream_of_texts() {
    let scratch = Scratch::new();
    let settings = settings(&scratch);
    let mut command = send(&scratch.path("home"), &["--to", "lsl:", "--device", "box2"]);
    command.stdin(std::process::Stdio::piped());
    let mut sending = with(command, &settings);
    let pylsl = listener(&settings, "emotiond-box2-markers");
    let info = next(&pylsl);
    assert_eq!((&info["type"], &info["labels"]), (&"Markers".into(), &json!(["marker"])));
    let mut stdin = sending.child.stdin.take().unwrap();
    for line in [MARKER.to_owned(), MARKER.replace("Act 2", ""), face("a", "new", "")] {
        std::io::Write::write_all(&mut stdin, (line + "\n").as_bytes()).unwrap();
    }
    let told = read_until(&pylsl, |sample| sample[1][0] == "cue");
    assert_eq!(told[0][1], json!(["Act 2"]));
    drop(stdin);
    sending.finish().exits(0);
}

#[test]
fn without_the_library_send_says_what_to_do() {
    let scratch = Scratch::new();
    let recording = scratch.file("events.jsonl", MARKER);
    let mut command = send(&scratch.path("home"), &["--to", "lsl:", &recording]);
    command.env("HOME", scratch.path("home")).env_remove("XDG_DATA_HOME").env_remove("EMOTIOND_DATA_DIR");
    let ran = Running::start(command).finish().exits(69);
    ran.complains_once(&["liblsl is not installed", "scripts/setup --lsl"]);
}
