//! Bad input: one clear line on stderr, the contract's exit code, and the rest goes on.
mod common;

use common::{
    HANG, Running, Scratch, astronaut, data, emotiond, encode, ffmpeg, finish, run, run_sources, text,
};
use image::ImageFormat;
use rustix::process::Signal;
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Runs the daemon on one source with the tiny network.
fn run_one(source: &str) -> common::Ran {
    let scratch = Scratch::new();
    run_sources(&scratch.tiny(""), &[source], &[])
}

#[test]
fn a_file_or_folder_that_is_not_there() {
    for name in ["none.jpg", "none.mp4", "none"] {
        run_one(name).exits(66).complains_once(&[name, "No such file", "check"]);
    }
}

#[test]
fn a_missing_file_among_others_does_not_stop_them() {
    let scratch = Scratch::new();
    let good = text(&data("astronaut.jpg"));
    let ran = run_sources(&scratch.tiny(""), &["none.jpg", &good], &[]).exits(66);
    ran.complains_once(&["none.jpg", "No such file"]);
    assert_eq!(ran.faces().len(), 1);
    assert!(ran.states().contains(&"none.jpg ended".to_owned()), "{:?}", ran.states());
}

#[test]
fn a_file_that_may_not_be_read() {
    let scratch = Scratch::new();
    let secret = scratch.file("secret.jpg", "x");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(scratch.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    // Root may read everything, so the program runs as nobody, from a place where nobody finds it.
    let program = scratch.path("emotiond");
    fs::copy(env!("CARGO_BIN_EXE_emotiond"), &program).unwrap();
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        command
    } else {
        Command::new(&program)
    };
    command.args(["run", "--source", &secret]);
    common::isolate(&mut command);
    command.current_dir("/");
    finish(command).exits(66).complains_once(&["secret.jpg", "Permission denied"]);
}

#[test]
fn an_empty_file() {
    let scratch = Scratch::new();
    run_one(&scratch.file("empty.jpg", "")).exits(65).complains_once(&["empty.jpg", "it is empty"]);
    run_one(&scratch.file("empty.mp4", "")).exits(65).complains_once(&["empty.mp4"]);
}

#[test]
fn a_text_with_a_pictures_name() {
    let scratch = Scratch::new();
    let source = scratch.file("text.jpg", "Dear reader, this is no picture.\n");
    run_one(&source).exits(65).complains_once(&["text.jpg", "not a picture"]);
    let source = scratch.file("text.mp4", "Dear reader, this is no video.\n");
    run_one(&source).exits(65).complains_once(&["text.mp4", "whole video"]);
}

#[test]
fn a_truncated_jpeg() {
    let scratch = Scratch::new();
    let whole = fs::read(data("astronaut.jpg")).unwrap();
    for length in [2, 200, whole.len() / 2, whole.len() - 100] {
        let source = scratch.file("cut.jpg", &whole[..length]);
        let ran = run_one(&source).exits(65);
        ran.complains_once(&["cut.jpg"]);
        assert!(ran.faces().is_empty());
    }
}

#[test]
fn a_picture_of_one_pixel_holds_no_face() {
    let scratch = Scratch::new();
    let source = scratch.file("one.png", encode(&image::RgbImage::new(1, 1), ImageFormat::Png));
    let ran = run_one(&source).exits(0);
    ran.complains_not();
    assert_eq!(ran.faces().len(), 0);
    let strip = scratch.file("strip.png", encode(&image::RgbImage::new(3000, 1), ImageFormat::Png));
    run_one(&strip).exits(0).complains_not();
}

#[test]
fn yunet_takes_a_picture_of_one_pixel_too() {
    let scratch = Scratch::new();
    let source = scratch.file("one.png", encode(&image::RgbImage::new(1, 1), ImageFormat::Png));
    let ran = run_sources(&scratch.real(""), &[&source], &[]).exits(0);
    assert_eq!(ran.faces().len(), 0);
    ran.complains_not();
}

/// A small picture whose header claims 20,000x20,000 pixels, in three formats. Nothing after the header matters:
/// a program that reads on has taken 1.2 GB by then.
fn huge_pictures() -> [(&'static str, Vec<u8>); 3] {
    let small = image::RgbImage::new(16, 16);
    let side = 20_000u32;
    let mut jpeg = encode(&small, ImageFormat::Jpeg);
    let frame_header = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let side_bytes = (side as u16).to_be_bytes();
    jpeg[frame_header + 5..][..4].copy_from_slice(&[side_bytes, side_bytes].concat());
    let mut png = encode(&small, ImageFormat::Png);
    png[16..24].copy_from_slice(&[side.to_be_bytes(), side.to_be_bytes()].concat());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let pnm = format!("P6 {side} {side} 255\n").into_bytes();
    [("huge.jpg", jpeg), ("huge.png", png), ("huge.ppm", pnm)]
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[test]
fn a_huge_picture_is_refused_with_the_remedy() {
    let scratch = Scratch::new();
    for (name, bytes) in huge_pictures() {
        let ran = run_one(&scratch.file(name, bytes)).exits(65);
        ran.complains_once(&[name, "20000x20000", "64 megapixels", "max_megapixels"]);
    }
}

#[test]
fn huge_pictures_take_little_memory() {
    let scratch = Scratch::new();
    let folder = scratch.path("pictures");
    for (name, bytes) in huge_pictures() {
        scratch.file(&format!("pictures/{name}"), bytes);
    }
    // Stdin says nothing, so that the program is still there to be looked at when the folder is done.
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&folder), "--source", "-"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    running.wait_for(|event| event["state"] == "ended");
    let status = fs::read_to_string(format!("/proc/{}/status", running.child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_mb = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024;
    assert!(peak_mb < 250, "{peak_mb} MB");
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert_eq!(ran.complaints().len(), 3, "{}", ran.stderr);
}

#[test]
fn a_huge_y4m_header_takes_no_memory() {
    let scratch = Scratch::new();
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
    command
        .stdin(fs::File::open(scratch.file("huge.y4m", "YUV4MPEG2 W30000 H30000 F30:1\nFRAME\n")).unwrap());
    finish(command).exits(65).complains_once(&["30000x30000", "max_megapixels"]);
}

#[test]
fn a_huge_clip_is_refused() {
    let scratch = Scratch::new();
    let mut gif = encode(&image::RgbImage::new(16, 16), ImageFormat::Gif);
    // The screen's size and the picture's.
    let side = 20_000u16.to_le_bytes();
    gif[6..10].copy_from_slice(&[side, side].concat());
    let ran = run_one(&scratch.file("huge.gif", gif)).exits(65);
    ran.complains_once(&["huge.gif", "20000x20000"]);

    // ffmpeg has a limit of its own; ours is the lower one.
    let clip = scratch.file("clip.gif", encode(&image::RgbImage::new(400, 300), ImageFormat::Gif));
    let ran = run_sources(&scratch.tiny("[limits]\nmax_megapixels = 0.1\n"), &[&clip], &[]).exits(65);
    ran.complains_once(&["clip.gif", "400x300", "max_megapixels"]);
}

/// 20 frames of the portrait as a video whose index stands at its beginning.
fn video(scratch: &Scratch) -> Vec<u8> {
    let path = text(&scratch.path("whole.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    let frames =
        ["-loop", "1", "-r", "10", "-i", &portrait, "-frames:v", "20", "-g", "1", "-pix_fmt", "yuv420p"];
    ffmpeg(&[&frames[..], &["-movflags", "+faststart", &path]].concat());
    fs::read(path).unwrap()
}

#[test]
fn a_video_that_was_cut_in_the_middle_is_read_as_far_as_it_goes() {
    let scratch = Scratch::new();
    let whole = video(&scratch);
    let source = scratch.file("cut.mp4", &whole[..whole.len() / 2]);
    let ran = run_sources(&scratch.tiny(""), &[&source], &["--emit", "every-frame"]).exits(0);
    ran.complains_once(&["cut.mp4", "the video is damaged", "frames could be read"]);
    let seen = ran.faces().iter().filter(|face| face["phase"] != "end").count();
    assert!((5..15).contains(&seen), "{seen} of 20 frames");
}

#[test]
fn a_video_without_its_index_is_refused() {
    let scratch = Scratch::new();
    let whole = video(&scratch);
    run_one(&scratch.file("cut.mp4", &whole[..200])).exits(65).complains_once(&["cut.mp4"]);
}

#[test]
fn a_folder_with_bad_pictures_gives_the_good_ones() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    for name in ["a.jpg", "c.jpg", "e.jpg"] {
        scratch.file(&format!("mixed/{name}"), &portrait);
    }
    scratch.file("mixed/b.jpg", "no picture");
    scratch.file("mixed/d.jpg", &portrait[..10_000]);
    scratch.file("mixed/notes.txt", "not looked at");
    let ran = run_one(&text(&scratch.path("mixed"))).exits(0);
    let files: Vec<String> =
        ran.faces().iter().map(|face| common::string(&face["file"]).to_owned()).collect();
    assert_eq!(files, ["a.jpg", "c.jpg", "e.jpg"].map(|name| text(&scratch.path("mixed").join(name))));
    let complaints = ran.complaints();
    assert!(complaints.len() == 2 && complaints[0].contains("b.jpg") && complaints[1].contains("d.jpg"));
    assert!(ran.stderr.contains("3 frames analysed, 2 unreadable"), "{}", ran.stderr);
}

#[test]
fn a_folder_with_nothing_but_bad_pictures() {
    let scratch = Scratch::new();
    scratch.file("bad/a.jpg", "no picture");
    scratch.file("bad/b.png", "");
    let ran = run_one(&text(&scratch.path("bad"))).exits(65);
    assert_eq!(ran.complaints().len(), 3, "{}", ran.stderr);
}

#[test]
fn an_empty_folder() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("empty")).unwrap();
    run_one(&text(&scratch.path("empty"))).exits(65).complains_once(&["empty", "holds no picture", "jpg"]);
}

#[test]
fn stdin_that_is_empty_or_something_else() {
    let scratch = Scratch::new();
    run_one("-").exits(65).complains_once(&["stdin", "empty", "MJPEG or Y4M"]);
    for (bytes, words) in [
        ("Dear reader", ["neither", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W0 H0\n", ["width and height", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W64 H64 C420p10\n", ["420p10", "MJPEG or Y4M"]),
        ("YUV4MPEG2 W64 H64 F30:1\nFRAME\n123", ["cut off", "MJPEG or Y4M"]),
    ] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
        command.stdin(fs::File::open(scratch.file("stdin", bytes)).unwrap());
        finish(command).exits(65).complains_once(&words);
    }
}

#[test]
fn a_model_that_cannot_be_used_is_refused_with_both_shapes() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let portrait = text(&data("astronaut.jpg"));
    let garbage = scratch.file("garbage.onnx", "this is no network");
    let cases: [(String, &[&str]); 8] = [
        (garbage, &["garbage.onnx", "not a usable ONNX model"]),
        (scratch.file("empty.onnx", ""), &["empty.onnx", "not a usable ONNX model"]),
        ("none.onnx".to_owned(), &["none.onnx", "No such file"]),
        (text(&data("input_64.onnx")), &["input_64.onnx", "[N, 1, 64, 64]", "[N, 1, 48, 48]", "[model]"]),
        (text(&data("classes_6.onnx")), &["classes_6.onnx", "[N, 6]", "[N, 7]", "[model]"]),
        (text(&data("classes_6_unsaid.onnx")), &["classes_6_unsaid.onnx", "[N, 6]", "[N, 7]", "[model]"]),
        (text(&data("classes_8_unsaid.onnx")), &["classes_8_unsaid.onnx", "[N, 8]", "[N, 7]", "[model]"]),
        (text(&data("logits.onnx")), &["logits.onnx", "softmax"]),
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
    let folder = common::root().join("config/broken");
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
fn no_runtime_library() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    // Copied, so that nothing lies around it, and without a home.
    let program = scratch.path("bin/emotiond");
    fs::create_dir(scratch.path("bin")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_emotiond"), &program).unwrap();
    let mut command = Command::new(program);
    command.args(["run", "--config", &scratch.tiny(""), "--source", &portrait]);
    common::isolate(&mut command);
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
fn ffmpeg_is_missing() {
    let scratch = Scratch::new();
    let video = scratch.file("clip.mp4", "any");
    for source in [video.as_str(), "http://127.0.0.1:9/", "rtsp://127.0.0.1:9/"] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", source]);
        command.env("PATH", scratch.path("nowhere"));
        finish(command).exits(69).complains_once(&["ffmpeg", "apt-get install ffmpeg"]);
    }
}

#[test]
fn a_stream_that_nobody_serves() {
    run_one("http://user:secret@127.0.0.1:9/cam").exits(69).complains_once(&["127.0.0.1:9/cam", "refused"]);
}

#[test]
fn the_reader_of_stdout_goes_away() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    (0..20).for_each(|i| drop(scratch.file(&format!("many/{i}.jpg"), &portrait)));
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", r#""$0" "$@" | head -1"#, env!("CARGO_BIN_EXE_emotiond"), "run"]);
    command.args(["--config", &scratch.tiny(""), "--source", &text(&scratch.path("many"))]);
    common::isolate(&mut command);
    let ran = finish(command).exits(0);
    assert_eq!(ran.events().len(), 1);
    ran.complains_not();
}

#[test]
fn the_reader_goes_away_while_nothing_is_to_be_written() {
    let scratch = Scratch::new();
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let deadline = Instant::now() + HANG;
    while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    let status = child.try_wait().unwrap();
    let _ = child.kill();
    assert_eq!(status.expect("the program has ended").code(), Some(0));
}

#[test]
fn events_that_cannot_be_written_are_a_failure() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&data("astronaut.jpg"))]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));
}

/// The daemon on a stream on stdin that never ends: the portrait over and over. Counts the pictures it took.
fn endless(scratch: &Scratch) -> (Running, Arc<AtomicUsize>) {
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().unwrap();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    thread::spawn(move || {
        while stdin.write_all(&portrait).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (running, taken)
}

#[test]
fn a_signal_in_the_middle_of_a_frame_drains_and_ends() {
    let scratch = Scratch::new();
    for signal in [Signal::INT, Signal::TERM] {
        let (mut running, _) = endless(&scratch);
        running.wait_for(|event| event["phase"] == "update");
        running.signal(signal);
        let ran = running.finish().exits(0);
        ran.complains_not();
        assert_eq!(ran.states(), ["- up", "- ended"]);
        let events = ran.events();
        assert_eq!(events[events.len() - 1]["state"], "ended");
        assert_eq!(events[events.len() - 2]["phase"], "end");
    }
}

#[test]
fn a_signal_while_a_source_is_silent_still_tells_its_end() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    for _ in 0..5 {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let mut stdin = running.child.stdin.take().unwrap();
        // A picture, and the beginning of one that never comes.
        stdin.write_all(&[&portrait[..], &portrait[..1000]].concat()).unwrap();
        running.wait_for(|event| event["phase"] == "new");
        running.signal(Signal::TERM);
        let ran = running.finish().exits(0);
        assert_eq!(ran.states(), ["- up", "- ended"]);
        assert_eq!(ran.faces().len(), 2, "{}", ran.stdout);
    }
}

#[test]
fn a_second_signal_leaves_at_once() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    // Two faces a line and a pipe that nobody empties: it fills, and then nothing can drain.
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    thread::spawn(move || {
        while stdin.write_all(&portrait).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let pid = rustix::process::Pid::from_child(&child);
    let stdout = child.stdout.take().unwrap();
    // The smallest pipe there is.
    rustix::pipe::fcntl_setpipe_size(&stdout, 4096).unwrap();
    let mut before = usize::MAX;
    while before != taken.load(Ordering::Relaxed) || before == 0 {
        before = taken.load(Ordering::Relaxed);
        thread::sleep(Duration::from_secs(2));
    }
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    thread::sleep(Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none(), "the first signal waits until all is written");
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
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
fn astronaut_is_the_portrait_that_the_other_tests_count_on() {
    assert_eq!(astronaut().dimensions(), (512, 512));
}
