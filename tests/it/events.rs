//! The event lines on stdout, and the commands `check`, `cameras`, `config` and `schema`.

use crate::common::{Scratch, data, ffmpeg, finish, number, root, run, run_sources, string, text};
use std::{collections::HashSet, fs, process::Command};

const LABELS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

#[test]
fn the_portrait_gives_the_lines_on_record() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny(""), &["tests/data/astronaut.jpg"], &[]).exits(0);
    let lines = ran.masked().join("\n") + "\n";
    let golden = data("astronaut.jsonl");
    if std::env::var_os("EMOTIOND_UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &lines).unwrap();
    }
    assert_eq!(lines, fs::read_to_string(golden).unwrap());
}

#[test]
fn the_astronaut_is_happy() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.built_in(), &["tests/data/astronaut.jpg"], &[]).exits(0);
    let faces = ran.faces();
    assert_eq!(faces.len(), 1, "{}", ran.stdout);
    assert_eq!(faces[0]["emotion"], "happy");
    let area = &faces[0]["box"];
    // Annotated by hand: the face extends from (178, 65) to (268, 176). The detector's boxes are squares.
    for (key, drawn) in [("x", 178), ("y", 65), ("w", 90), ("h", 111)] {
        assert!(number(&area[key]).abs_diff(drawn) <= 20, "{area}");
    }
}

/// The top-level keys of an object, in order.
fn keys(line: &str) -> Vec<String> {
    let (mut keys, mut depth, mut rest) = (Vec::new(), 0, line);
    while let Some(at) = rest.find(['{', '}', '"']) {
        let sign = rest.as_bytes()[at];
        rest = &rest[at + 1..];
        match sign {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {
                let (word, after) = rest.split_once('"').unwrap();
                if depth == 1 && after.starts_with(':') {
                    keys.push(word.to_owned());
                }
                rest = after;
            }
        }
    }
    keys
}

#[test]
fn the_fields_stand_in_the_contracts_order() {
    let scratch = Scratch::new();
    let clip = clip(&scratch);
    let ran =
        run_sources(&scratch.tiny(""), &[&clip, "tests/data/astronaut.jpg"], &["--emit", "every-frame"])
            .exits(0);
    let start = "v type phase source time frame ";
    let end = "track box picture score emotion confidence probabilities ";
    let mut seen = HashSet::new();
    for (line, event) in ran.stdout.lines().zip(ran.events()) {
        assert_eq!(event["v"], 1);
        let expected = match (string(&event["type"]), event.get("file"), &event["phase"]) {
            ("audience", ..) => "v type source time window_s faces emotions dominant".to_owned(),
            ("source", ..) => "v type source time state reason".to_owned(),
            (_, Some(_), _) => format!("{start}file {end}latency_ms"),
            (_, None, phase) if phase == "end" => format!("{start}pts_ms {end}duration_s latency_ms"),
            _ => format!("{start}pts_ms {end}latency_ms"),
        };
        assert_eq!(keys(line).join(" "), expected);
        seen.insert(expected);
    }
    assert_eq!(seen.len(), 5, "{}", ran.stdout);
}

#[test]
fn probabilities_follow_the_models_labels_and_sum_to_one() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny(""), &["tests/data/astronaut.jpg"], &[]).exits(0);
    let line = ran.stdout.lines().find(|line| line.contains("probabilities")).unwrap();
    let object = line.split_once("\"probabilities\":").unwrap().1;
    assert_eq!(keys(&object[..=object.find('}').unwrap()]), LABELS);
    let face = &ran.faces()[0];
    let values: Vec<f64> =
        LABELS.iter().map(|label| face["probabilities"][label].as_f64().unwrap()).collect();
    assert!((values.iter().sum::<f64>() - 1.0).abs() < 0.001, "{values:?}");
    let most = values.iter().copied().fold(0.0, f64::max);
    assert_eq!(face["confidence"].as_f64().unwrap(), most);
    assert_eq!(face["probabilities"][string(&face["emotion"])].as_f64().unwrap(), most);
}

/// Three seconds with ten frames each: the portrait, the portrait with the brightness of its negative, no face. The
/// tiny network's output depends only on the brightness, so the emotion changes with it.
fn clip(scratch: &Scratch) -> String {
    let path = text(&scratch.path("clip.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    let darker =
        "lutyuv=y=val/4:enable='between(t,0.95,1.95)',drawbox=t=fill:color=black:enable='gte(t,1.95)'";
    ffmpeg(&[
        "-loop",
        "1",
        "-framerate",
        "10",
        "-i",
        &portrait,
        "-frames:v",
        "30",
        "-vf",
        darker,
        "-pix_fmt",
        "yuv420p",
        "-qp",
        "10",
        &path,
    ]);
    path
}

#[test]
fn each_emit_policy_says_what_it_promises() {
    let scratch = Scratch::new();
    let clip = clip(&scratch);
    let config = scratch.tiny("[smoothing]\ntime_constant_s = 0.0\n");
    let faces = |policy: &str| {
        let ran = run_sources(&config, &[&clip], &["--emit", policy]).exits(0);
        ran.complains_not();
        ran.faces()
    };
    let every = faces("every-frame");
    let seen: Vec<_> = every.iter().filter(|face| face["phase"] != "end").collect();
    assert_eq!(seen.iter().filter(|face| face["phase"] == "new").count(), 1);
    let frames: Vec<u64> = seen.iter().map(|face| number(&face["frame"])).collect();
    assert!(frames.len() >= 15 && frames.windows(2).all(|pair| pair[0] < pair[1]), "{frames:?}");

    // The lines with `change` are those lines with `every-frame` whose emotion differs from the previous one.
    let emotions: Vec<&str> = seen.iter().map(|face| string(&face["emotion"])).collect();
    let changes = emotions.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 0, "{emotions:?}");
    let change = faces("change");
    let updates = change.iter().filter(|face| face["phase"] == "update").count();
    assert_eq!(updates, changes);
    assert_eq!(change.len(), 1 + changes + 1);

    let interval = faces("interval=0.5");
    assert!(interval.len() > change.len() && interval.len() < every.len());
    let told: Vec<f64> = interval
        .iter()
        .filter(|face| face["phase"] != "end")
        .map(|face| number(&face["pts_ms"]) as f64 / 1000.0)
        .collect();
    assert!(told.windows(2).all(|pair| pair[1] - pair[0] < 0.601), "{told:?}");

    for events in [every, change, interval] {
        let end = events.last().unwrap();
        assert_eq!(end["phase"], "end");
        assert_eq!(end["track"], events[0]["track"]);
        let last = frames[frames.len() - 1] as f64 / 10.0;
        assert!(
            (end["duration_s"].as_f64().unwrap() - (last - frames[0] as f64 / 10.0)).abs() < 0.002,
            "{end}"
        );
    }
}

#[test]
fn an_end_carries_the_mean_of_all_that_was_seen() {
    let scratch = Scratch::new();
    let config = scratch.tiny("[smoothing]\ntime_constant_s = 0.0\n");
    let ran = run_sources(&config, &[&clip(&scratch)], &["--emit", "every-frame"]).exits(0);
    let (ends, seen): (Vec<_>, Vec<_>) = ran.faces().into_iter().partition(|face| face["phase"] == "end");
    for label in LABELS {
        let value = |face: &serde_json::Value| face["probabilities"][label].as_f64().unwrap();
        let mean = seen.iter().map(value).sum::<f64>() / seen.len() as f64;
        assert!((mean - value(&ends[0])).abs() < 0.001, "{label}: {mean} {}", ends[0]);
    }
}

#[test]
fn the_printed_configuration_is_read_back() {
    let scratch = Scratch::new();
    let default = run(&["config"]).exits(0);
    default.complains_not();
    assert_eq!(default.stdout, fs::read_to_string(root().join("config/emotiond.toml")).unwrap());
    let more = "[[source]]\nname = \"door\"\nuri = \"rtsp://user:secret@host/stream\"\n[[source]]\nuri = \"camera:3\"\nfps = 15\n";
    let first = run(&["config", "--config", &scratch.tiny(more)]).exits(0);
    let again = scratch.file("again.toml", &first.stdout);
    assert_eq!(run(&["config", "--config", &again]).exits(0).stdout, first.stdout);
    for kept in ["min_face_px = 80.0", "rtsp://user:secret@host/stream", "camera:3", "fps = 15"] {
        assert!(first.stdout.contains(kept), "{kept}: {}", first.stdout);
    }
}

#[test]
fn paths_in_a_configuration_are_relative_to_it() {
    let scratch = Scratch::new();
    scratch.file("networks/tiny.onnx", fs::read(data("tiny.onnx")).unwrap());
    scratch.file("pictures/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    let config = scratch.file(
        "relative.toml",
        "[detector]\nname = \"seetaface\"\nmin_face_px = 80\n[model]\nfile = \"networks/tiny.onnx\"\n\
         [[source]]\nname = \"album\"\nuri = \"pictures\"\n",
    );
    let ran = run(&["run", "--config", &config, "--ep", "cpu"]).exits(0);
    assert_eq!(ran.faces()[0]["source"], "album");
    assert_eq!(ran.states(), ["album up", "album ended"]);
}

#[test]
fn check_says_of_each_part_whether_it_works() {
    let scratch = Scratch::new();
    let good =
        ["check", "--config", &scratch.tiny(""), "--source", "tests/data/astronaut.jpg", "--source", "-"];
    let ran = run(&good).exits(0);
    ran.complains_not();
    for part in ["ok    runtime", "ok    detector: seetaface", "ok    model", "512x512", "not checked"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let start = format!("start it with: emotiond run {}\n", good[1..].join(" "));
    assert!(ran.stdout.ends_with(&start), "{}", ran.stdout);
    let text_file = scratch.file("text.jpg", "no picture");
    let no_video = scratch.file("text.mp4", "no video");
    for (source, code) in [("none.jpg", 66), ("camera:97", 69), (text_file.as_str(), 65), (&no_video, 65)] {
        let sources = ["--source", source, "--source", "tests/data/astronaut.jpg"];
        let ran = run(&[&["check", "--config", &scratch.tiny("")][..], &sources].concat()).exits(code);
        assert_eq!(ran.complaints().len(), 1, "{}", ran.stderr);
        assert!(ran.stdout.contains(&format!("FAIL  source {source}")), "{}", ran.stdout);
        assert!(ran.stdout.contains("512x512"), "the others are looked at all the same: {}", ran.stdout);
    }
    let model = text(&data("classes_6.onnx"));
    let ran =
        run(&["check", "--config", &scratch.tiny(""), "--model", &model, "--source", "none.jpg"]).exits(69);
    assert!(ran.stdout.contains("FAIL  model") && ran.stdout.contains("FAIL  source"), "{}", ran.stdout);
    run(&["check", "--config", &scratch.tiny(""), "--ep", "cuda"]).exits(69);
}

#[test]
fn a_machine_without_cameras_is_told_so() {
    // If the machine has a camera, `cameras.rs` tests the list.
    if fs::read_dir("/dev")
        .unwrap()
        .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("video"))
    {
        return;
    }
    let ran = run(&["cameras"]).exits(69);
    ran.complains_once(&["no camera found", "connect one"]);
    assert_eq!(ran.stdout, "");

    // `check` accepts that the default camera is missing, but not one that was named.
    let scratch = Scratch::new();
    let ran = run(&["check", "--config", &scratch.tiny("")]).exits(0);
    ran.complains_not();
    assert!(
        ran.stdout.contains("no camera") && ran.stdout.ends_with("--source PICTURE_OR_VIDEO\n"),
        "{}",
        ran.stdout
    );
    for part in ["ok    runtime", "ok    detector", "ok    model"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    run(&["check", "--config", &scratch.tiny(""), "--model", "none.onnx"]).exits(69);
    run(&["check", "--config", &scratch.tiny(""), "--source", "camera:0"]).exits(69);
    run(&["check", "--config", &scratch.tiny("[[source]]\nuri = \"camera:0\"\n")]).exits(69);
}

/// With many sources, so that their threads wait for a core between the capture of a frame and the `up` event.
#[test]
fn a_source_is_up_since_its_first_frame_was_captured() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    let pictures: Vec<String> = (0..60).map(|n| scratch.file(&format!("{n}.jpg"), &portrait)).collect();
    let sources: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let ran = run_sources(&scratch.tiny(""), &sources, &[]).exits(0);
    let events = ran.events();
    for source in sources {
        let time = |name: &str, value: &str| {
            let fits = |event: &&serde_json::Value| event["source"] == source && event[name] == value;
            string(&events.iter().find(fits).unwrap()["time"])
        };
        assert_eq!(time("state", "up"), time("type", "face"), "{source}");
    }
}

#[test]
fn the_schema_is_a_schema_that_refuses_what_is_no_event() {
    let ran = run(&["schema"]).exits(0);
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    let validator = jsonschema::validator_for(&schema).unwrap();
    let right = serde_json::json!({
        "v": 1, "type": "source", "source": "a", "time": "2026-11-21T20:51:08.123Z", "state": "up", "reason": ""
    });
    assert!(validator.is_valid(&right));
    for (key, value) in
        [("v", 2.into()), ("type", "face".into()), ("state", "gone".into()), ("source", 7.into())]
    {
        let mut wrong = right.clone();
        wrong[key] = value;
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}

#[test]
fn logs_go_to_stderr_as_json_where_asked() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny("[log]\njson = true\n"), &["tests/data/astronaut.jpg"], &[]).exits(0);
    assert!(ran.stderr.lines().count() >= 3);
    for line in ran.stderr.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn alone_on_a_terminal_it_says_what_is_there_and_what_to_try() {
    let mut command = Command::new("script");
    command.args(["-qec", env!("CARGO_BIN_EXE_emotiond"), "/dev/null"]);
    crate::common::isolate(&mut command);
    let ran = finish(command).exits(0);
    for part in [
        "ok    runtime",
        "ok    model",
        "camera",
        "Try:",
        "emotiond run --source",
        "--stream",
        "emotiond check",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let ran = run(&[]).exits(2);
    assert!(ran.stderr.contains("Usage: emotiond") && ran.stdout.is_empty(), "{}", ran.stderr);
}
