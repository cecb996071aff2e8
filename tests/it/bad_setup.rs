//! Missing or invalid models, configurations, cameras, libraries, programs and arguments: one clear line on stderr with
//! the remedy, and the contract's exit code.

use crate::common::{Scratch, data, emotiond, finish, run, run_sources, text};
use emotiond_core::runtime::{Runtime, RuntimeConfig};
use std::{fs, os::unix::fs::symlink, process::Command};

#[test]
fn a_model_that_cannot_be_used_is_refused_with_both_shapes() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let portrait = text(&data("astronaut.jpg"));
    let garbage = scratch.file("garbage.onnx", "this is no network");
    let cases: [(String, &[&str]); 9] = [
        (garbage, &["garbage.onnx", "not a usable ONNX model"]),
        (scratch.file("empty.onnx", ""), &["empty.onnx", "not a usable ONNX model"]),
        ("none.onnx".to_owned(), &["none.onnx", "No such file"]),
        (text(&data("input_64.onnx")), &["input_64.onnx", "[N, 1, 64, 64]", "[N, 1, 48, 48]", "[model]"]),
        (text(&data("classes_6.onnx")), &["classes_6.onnx", "[N, 6]", "[N, 7]", "[model]"]),
        (text(&data("classes_6_unsaid.onnx")), &["classes_6_unsaid.onnx", "[N, 6]", "[N, 7]", "[model]"]),
        (text(&data("classes_8_unsaid.onnx")), &["classes_8_unsaid.onnx", "[N, 8]", "[N, 7]", "[model]"]),
        (text(&data("logits.onnx")), &["logits.onnx", "softmax"]),
        (text(&data("same_labels.onnx")), &["same_labels.onnx", "happy", "names that differ"]),
    ];
    for (model, words) in cases {
        let ran = run_sources(&config, &[&portrait], &["--model", &model]).exits(69);
        ran.complains_once(words);
        assert_eq!(ran.stdout, "");
    }
    let ran = run_sources(&config, &[&portrait], &["--model", &text(&data("no_metadata.onnx"))]).exits(69);
    ran.complains_once(&["no_metadata.onnx", "labels", "[model]"]);
}

#[test]
fn only_regular_files_of_a_size_that_fits_are_read_as_networks() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    let [zero, fifo, sparse] = ["zero.onnx", "fifo.onnx", "sparse.onnx"].map(|name| scratch.path(name));
    symlink("/dev/zero", &zero).unwrap();
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    // It takes no space on the disk.
    fs::File::create(&sparse).unwrap().set_len(10 << 30).unwrap();
    for (file, word) in [(zero, "no regular file"), (fifo, "no regular file"), (sparse, "at most 1024 MB")] {
        let name = text(&file);
        let ran = run_sources(&scratch.tiny(""), &[&portrait], &["--model", &name]).exits(69);
        ran.complains_once(&[&name, word]);
        let toml = format!("[detector]\nname = \"yunet\"\nfile = {name:?}\n");
        let ran = run_sources(&scratch.file("c.toml", toml), &[&portrait], &["--ep", "cpu"]).exits(69);
        ran.complains_once(&[&name, word, "detector"]);
    }
}

#[test]
fn a_detector_that_cannot_be_used_is_refused() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    let garbage = scratch.file("garbage.onnx", "this is no network");
    for (file, word) in [(garbage, "garbage.onnx"), (text(&data("tiny.onnx")), "tiny.onnx")] {
        for name in ["yunet", "centerface"] {
            let model = data("tiny.onnx");
            let toml = format!("[detector]\nname = {name:?}\nfile = {file:?}\n[model]\nfile = {model:?}\n");
            let ran = run_sources(&scratch.file("c.toml", toml), &[&portrait], &["--ep", "cpu"]).exits(69);
            ran.complains_once(&[word]);
        }
    }
}

#[test]
fn broken_configurations_are_refused_with_the_messages_on_record() {
    let folder = crate::common::root().join("config/broken");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut messages = String::new();
    for name in names {
        let path = format!("config/broken/{name}");
        for command in ["run", "check", "config"] {
            let ran = run(&[command, "--config", &path]).exits(78);
            assert_eq!(ran.stdout, "");
            match command {
                "run" => messages += &ran.stderr,
                _ => assert!(messages.ends_with(&ran.stderr), "{}", ran.stderr),
            }
        }
    }
    let golden = folder.join("messages.txt");
    if std::env::var_os("EMOTIOND_UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &messages).unwrap();
    }
    assert_eq!(messages, fs::read_to_string(golden).unwrap());
}

#[test]
fn a_configuration_that_is_not_there() {
    run(&["run", "--config", "none.toml"]).exits(78).complains_once(&["none.toml", "No such file"]);
}

#[test]
fn an_absent_camera() {
    let scratch = Scratch::new();
    for source in ["camera:97", "/dev/video97", "/dev/v4l/by-id/none"] {
        let ran = run_sources(&scratch.tiny(""), &[source], &[]).exits(69);
        ran.complains_once(&["No such file", "`emotiond cameras`"]);
        assert_eq!(ran.states().len(), 1);
    }
}

#[test]
fn an_absent_camera_does_not_stop_the_others() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny(""), &["camera:97", &text(&data("astronaut.jpg"))], &[]).exits(0);
    ran.complains_once(&["camera:97", "`emotiond cameras`"]);
    assert_eq!(ran.faces().len(), 1);
}

#[test]
fn an_answer_that_is_no_probability_is_an_error_and_never_an_event() {
    let scratch = Scratch::new();
    let (model, portrait) = (text(&data("bright_is_nan.onnx")), text(&data("astronaut.jpg")));
    let ran = run_sources(&scratch.tiny(""), &[&portrait], &["--model", &model]).exits(65);
    ran.complains_only_of(&["bright_is_nan.onnx answers with NaN, which is no probability"]);
    assert!(ran.faces().is_empty() && !ran.stdout.contains("null"), "{}", ran.stdout);
}

#[test]
fn no_runtime_library() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    // Copied to an empty folder and without a home, so that it finds no library.
    let program = scratch.path("bin/emotiond");
    fs::create_dir(scratch.path("bin")).unwrap();
    crate::common::copy_program(&program);
    let mut command = Command::new(program);
    command.args(["run", "--config", &scratch.tiny(""), "--source", &portrait]);
    crate::common::isolate(&mut command);
    command.env("HOME", scratch.path("")).env_remove("XDG_DATA_HOME");
    finish(command).exits(69).complains_once(&["no ONNX Runtime library", "scripts/setup"]);

    let text_file = scratch.file("libonnxruntime.so", "no library");
    for (library, words) in [
        ("/none/libonnxruntime.so", ["no such file", "scripts/setup"]),
        (&text_file, ["cannot be loaded", "setup"]),
    ] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", &portrait]);
        command.env("ORT_DYLIB_PATH", library);
        finish(command).exits(69).complains_once(&words);
    }
}

#[test]
fn without_installed_models_the_built_in_ones_are_used() {
    let scratch = Scratch::new();
    let library = Runtime::load(&RuntimeConfig::default()).unwrap().library().to_owned();
    fs::create_dir(scratch.path("bin")).unwrap();
    let program = scratch.path("bin/emotiond");
    crate::common::copy_program(&program);
    let mut command = Command::new(program);
    command.args(["run", "--source"]).arg(data("astronaut.jpg"));
    crate::common::isolate(&mut command);
    command.env("HOME", scratch.path("")).env_remove("XDG_DATA_HOME").env("ORT_DYLIB_PATH", library);
    let ran = finish(command).exits(0);
    let faces = ran.faces();
    assert!(faces[0]["emotion"] == "happy" && faces[0]["confidence"].as_f64().unwrap() > 0.9, "{faces:?}");
    assert!(ran.stderr.contains("emotion_int8.onnx (built in)"), "{}", ran.stderr);
}

/// A library that says it is ONNX Runtime 1.21, like that of Debian 13.
const OLD_RUNTIME: &str = r#"
static const void *api(unsigned version) { return 0; }
static const char *version(void) { return "1.21.0"; }
static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
const void *OrtGetApiBase(void) { return &base; }
"#;

#[test]
fn a_runtime_library_that_is_another_or_too_old() {
    let scratch = Scratch::new();
    for (name, code, words) in [
        ("old", OLD_RUNTIME, ["it is version 1.21.0", "version 1.24 or later is needed", "scripts/setup"]),
        ("other", "int nothing;", ["cannot be loaded", "it is another library", "scripts/setup"]),
    ] {
        let source = scratch.file(&format!("{name}.c"), code);
        let library = text(&scratch.path(&format!("{name}.so")));
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &source]).status();
        assert!(compiled.expect("scripts/setup has installed a C compiler").success());
        let mut command =
            emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&data("astronaut.jpg"))]);
        command.env("ORT_DYLIB_PATH", library);
        finish(command).exits(69).complains_once(&words);
    }
}

#[test]
fn an_execution_provider_that_cannot_be_had() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    for (name, library, setup) in [
        ("cuda", "libonnxruntime_providers_cuda.so", "scripts/setup --runtime cuda"),
        ("tensorrt", "libonnxruntime_providers_tensorrt.so", "scripts/setup --runtime cuda"),
        ("openvino", "libonnxruntime_providers_openvino.so", "scripts/setup --runtime openvino"),
    ] {
        let ran = run_sources(&config, &[&text(&data("astronaut.jpg"))], &["--ep", name]).exits(69);
        ran.complains_once(&[name, library, setup]);
    }
}

#[test]
fn half_precision_where_there_is_none() {
    let scratch = Scratch::new();
    let config = scratch.tiny("precision = \"half\"\n");
    let ran = run_sources(&config, &[&text(&data("astronaut.jpg"))], &[]).exits(78);
    ran.complains_once(&["`cpu` computes in full precision", "tensorrt or openvino"]);
}

#[test]
fn ffmpeg_is_missing() {
    let scratch = Scratch::new();
    let video = scratch.file("clip.mp4", "any");
    for source in [video.as_str(), "rtmp://127.0.0.1:9/", "rtsp://127.0.0.1:9/"] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", source]);
        command.env("PATH", scratch.path("nowhere"));
        finish(command).exits(69).complains_once(&["ffmpeg", "apt-get install ffmpeg"]);
    }
}

#[test]
fn a_stream_that_nobody_serves() {
    let scratch = Scratch::new();
    let ran = run_sources(&scratch.tiny(""), &["http://user:secret@127.0.0.1:9/cam"], &[]).exits(69);
    ran.complains_once(&["127.0.0.1:9/cam", "refused"]);
    assert!(!(ran.stdout + &ran.stderr).contains("secret"));
}

#[test]
fn a_wrong_command_line() {
    for arguments in [
        &[][..],
        &["fly"],
        &["run", "--emit", "sometimes"],
        &["run", "--emit", "interval=-1"],
        &["run", "--ep", "abacus"],
        &["run", "--detector", "eyes"],
        &["run", "--source", ""],
        &["run", "--source", "camera:front"],
        &["run", "--config"],
        &["run", "a.jpg"],
    ] {
        let ran = run(arguments).exits(2);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains("Usage") || ran.stderr.contains("error"), "{}", ran.stderr);
    }
}

#[test]
fn a_configuration_is_a_short_text_in_utf_8() {
    let scratch = Scratch::new();
    let long = scratch.file("long.toml", "# nothing\n".repeat(8_000_000));
    let latin = scratch.file("latin.toml", b"[log]\n# caf\xe9\n");
    for (config, parts) in [
        (long.as_str(), ["long.toml", "more than 1048576 bytes"]),
        (&latin, ["latin.toml", "line 2 is not UTF-8: save the file as UTF-8"]),
    ] {
        for command in ["run", "check"] {
            run(&[command, "--config", config]).exits(78).complains_once(&parts);
        }
    }
}

#[test]
fn a_source_that_is_given_twice() {
    run(&["run", "--source", "a.mp4", "--source", "a.mp4"]).exits(2).complains_once(&["a.mp4", "`name`"]);
}
