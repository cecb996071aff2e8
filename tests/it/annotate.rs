//! Annotated copies, written by the program and examined with ffprobe.

use crate::common::{
    Ran, Running, Scratch, astronaut, broker::free_port, data, emotiond, encode, ffmpeg, finish, frame_times,
    run_sources, text, wait_until,
};
use crate::network::portrait_camera;
use emotiond_core::palette::color;
use image::{ImageFormat, Rgb, RgbImage};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// Runs the program on a source and writes annotated copies.
fn annotate(scratch: &Scratch, sources: &[&str], out: &Path) -> Ran {
    run_sources(&scratch.tiny(""), sources, &["--annotate", out.to_str().unwrap()])
}

/// The colour of the emotion that the run reported.
fn told_color(ran: &Ran) -> Rgb<u8> {
    let face = &ran.faces()[0];
    let labels = face["probabilities"].as_object().unwrap();
    let emotion = crate::common::string(&face["emotion"]);
    Rgb(color(emotion, labels.keys().position(|label| label == emotion).unwrap()))
}

/// Pixels that are close to a colour; encoders change colours slightly.
fn count(image: &RgbImage, color: Rgb<u8>) -> usize {
    let is_near = |pixel: &&Rgb<u8>| pixel.0.iter().zip(color.0).all(|(a, b)| a.abs_diff(b) <= 24);
    image.pixels().filter(is_near).count()
}

/// A video of the portrait with a number of frames and a frame rate.
fn video(scratch: &Scratch, name: &str, rate: &str, frames: &str, filter: &str) -> String {
    let path = scratch.file(name, "");
    let portrait = text(&data("astronaut.jpg"));
    let input = ["-loop", "1", "-framerate", rate, "-i", &portrait, "-frames:v", frames, "-vf", filter];
    ffmpeg(
        &[&input[..], &["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", &path]].concat(),
    );
    path
}

/// ffprobe's description of a video stream, including its number of frames.
fn probe(path: &Path) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-show_streams", "-of", "json"]).arg(path);
    let output = command.output().expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["streams"][0].clone()
}

fn frame_of(scratch: &Scratch, video: &Path, number: u32) -> RgbImage {
    let picture = text(&scratch.path("frame.png"));
    let select = format!("select=eq(n\\,{number})");
    ffmpeg(&["-i", &text(video), "-vf", &select, "-frames:v", "1", &picture]);
    image::open(picture).unwrap().into_rgb8()
}

#[test]
fn a_picture_gets_its_box_and_the_original_stays() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    for name in ["out.png", "out.jpg", "out.webp", "out.tif", "out.bmp", "out.ppm"] {
        let out = scratch.path(name);
        let ran = annotate(&scratch, &[&portrait], &out).exits(0);
        ran.complains_not();
        let drawn = image::open(&out).unwrap_or_else(|error| panic!("{name}: {error}")).into_rgb8();
        assert_eq!(drawn.dimensions(), (512, 512));
        assert!(count(&drawn, told_color(&ran)) > count(&astronaut(), told_color(&ran)) + 500, "{name}");
    }
    // The same result twice, and an older file is replaced.
    let first = fs::read(scratch.path("out.png")).unwrap();
    annotate(&scratch, &[&portrait], &scratch.path("out.png")).exits(0);
    assert_eq!(fs::read(scratch.path("out.png")).unwrap(), first);
}

#[test]
fn a_folder_becomes_a_folder_of_the_same_names() {
    let scratch = Scratch::new();
    scratch.file("in/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    scratch.file("in/b.PNG", encode(&astronaut(), ImageFormat::Png));
    scratch.file("in/broken.jpg", "no picture");
    scratch.file("in/c.gif", encode(&RgbImage::from_pixel(40, 30, Rgb([200; 3])), ImageFormat::Gif));
    let (input, out) = (text(&scratch.path("in")), scratch.path("deep/out"));
    // A link that leads to an original is replaced, not followed.
    let original = fs::read(scratch.path("in/a.jpg")).unwrap();
    fs::create_dir_all(&out).unwrap();
    std::os::unix::fs::symlink(scratch.path("in/a.jpg"), out.join("a.jpg")).unwrap();
    let ran = annotate(&scratch, &[&input], &out).exits(0);
    let mut names: Vec<String> =
        fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["a.jpg", "b.PNG", "c.gif"]);
    assert_eq!(fs::read(scratch.path("in/a.jpg")).unwrap(), original);
    let drawn = image::open(out.join("a.jpg")).unwrap().into_rgb8();
    assert!(count(&drawn, told_color(&ran)) > 500);
    assert!(ran.stderr.contains("3 annotated frames written, 0 skipped"), "{}", ran.stderr);
}

#[test]
fn a_video_keeps_its_rate_its_frames_and_its_size() {
    let scratch = Scratch::new();
    let clip = video(&scratch, "clip.mp4", "30000/1001", "45", "format=gbrp,crop=501:399");
    let out = scratch.path("out.mp4");
    let ran = annotate(&scratch, &[&clip], &out).exits(0);
    ran.complains_not();
    let stream = probe(&out);
    assert_eq!((&stream["nb_read_frames"], &stream["r_frame_rate"]), (&"45".into(), &"30000/1001".into()));
    assert_eq!(stream["avg_frame_rate"], "30000/1001");
    // H.264 requires even sides.
    assert_eq!((&stream["width"], &stream["height"]), (&502.into(), &400.into()));
    let duration: f64 = crate::common::string(&stream["duration"]).parse().unwrap();
    assert!((duration - 1.5015).abs() < 0.001, "{duration}");
    assert_eq!(frame_times(&out)[0], 0.0);
    assert!(count(&frame_of(&scratch, &out, 30), told_color(&ran)) > 500);
}

#[test]
fn a_video_without_a_constant_rate_keeps_its_times() {
    let scratch = Scratch::new();
    let clip = video(&scratch, "varied.mkv", "25", "20", "setpts=N*N*3/(25*TB)/4");
    let out = scratch.path("out.mp4");
    annotate(&scratch, &[&clip], &out).exits(0);
    let (before, after) = (frame_times(Path::new(&clip)), frame_times(&out));
    assert_eq!(before.len(), after.len());
    assert!(before.len() >= 19 && before.windows(2).any(|pair| pair[1] - pair[0] > 0.5));
    for (before, after) in before.iter().zip(&after) {
        assert!((before - after).abs() < 0.01, "{before} has become {after}");
    }
}

#[test]
fn frames_of_other_sizes_are_fitted_into_the_first_ones() {
    let scratch = Scratch::new();
    let sizes = [(320, 240), (320, 240), (200, 400), (640, 480), (320, 240)];
    let picture = |(width, height)| {
        let scaled =
            image::imageops::resize(&astronaut(), width, height, image::imageops::FilterType::Triangle);
        encode(&scaled, ImageFormat::Jpeg)
    };
    let stream = scratch.file("stream", sizes.map(picture).concat());
    let out = scratch.path("out.mp4");
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--annotate"]);
    command.arg(&out).stdin(fs::File::open(stream).unwrap());
    finish(command).exits(0).complains_not();
    let stream = probe(&out);
    assert_eq!((&stream["width"], &stream["height"]), (&320.into(), &240.into()));
    assert_eq!(stream["nb_read_frames"], "5");
    let upright = frame_of(&scratch, &out, 2);
    assert!(upright.get_pixel(20, 120).0.iter().all(|value| *value < 24), "bars at its sides");
    assert!((40..120).any(|y| upright.get_pixel(160, y).0[0] > 100), "a picture between them");
}

#[test]
fn several_sources_become_a_file_each() {
    let scratch = Scratch::new();
    let clip = video(&scratch, "clip.mp4", "10", "5", "null");
    let other = video(&scratch, "other/clip.mp4.avi", "10", "5", "null");
    scratch.file("in/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    let (portrait, folder) = (text(&data("astronaut.jpg")), text(&scratch.path("in")));
    let out = scratch.path("out");
    annotate(&scratch, &[&clip, &other, &portrait, &folder], &out).exits(0);
    for name in ["clip.mp4", "clip.mp4.mp4", "astronaut.jpg", "in/a.jpg"] {
        assert!(out.join(name).is_file(), "{name} is missing");
    }
}

/// Records an endless stream on stdin with ten pictures per second.
fn record_endless(scratch: &Scratch, out: &Path) -> Running {
    let config = scratch.tiny("[[source]]\nuri = \"-\"\nfps = 10\n");
    let arguments =
        ["run", "--config", &config, "--emit", "every-frame", "--annotate", out.to_str().unwrap()];
    let mut command = emotiond(&arguments);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let mut pipe = running.child.stdin.take().unwrap();
    let picture = encode(&astronaut(), ImageFormat::Jpeg);
    thread::spawn(move || {
        while pipe.write_all(&picture).is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    running
}

#[test]
fn a_kill_leaves_a_video_that_can_be_played() {
    let scratch = Scratch::new();
    let out = scratch.path("out.mp4");
    let mut running = record_endless(&scratch, &out);
    running.wait_for(|event| event["frame"].as_u64().is_some_and(|frame| frame >= 25));
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    // ffmpeg notices the end of its input, completes the file and ends.
    wait_until("the recorder has ended", || {
        let writes_to_out = |process: &std::path::PathBuf| {
            let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok()).any(|file| file == out)
        };
        let mut processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        (!processes.any(|process| writes_to_out(&process))).then_some(())
    });
    let stream = probe(&out);
    let frames: u32 = crate::common::string(&stream["nb_read_frames"]).parse().unwrap();
    assert!(frames >= 20, "{frames} frames");
}

#[test]
fn a_recording_ends_whole_with_a_signal() {
    let scratch = Scratch::new();
    let out = scratch.path("out.mp4");
    let mut running = record_endless(&scratch, &out);
    running.wait_for(|event| event["phase"] == "update");
    running.signal(rustix::process::Signal::TERM);
    let ran = running.finish().exits(0);
    ran.complains_not();
    let analysed = ran.faces().iter().filter(|face| face["phase"] != "end").count();
    let frames: usize = crate::common::string(&probe(&out)["nb_read_frames"]).parse().unwrap();
    assert!(frames >= analysed, "{frames} frames for {analysed} events");
}

#[test]
fn what_is_read_is_never_overwritten() {
    let scratch = Scratch::new();
    let picture = scratch.file("in/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    let clip = video(&scratch, "clip.mp4", "10", "3", "null");
    fs::hard_link(&picture, scratch.path("linked.jpg")).unwrap();
    std::os::unix::fs::symlink(scratch.path("in"), scratch.path("other")).unwrap();
    let folder = text(&scratch.path("in"));
    let cases: [(&[&str], &str); 6] = [
        (&[&picture], "in/a.jpg"),
        (&[&picture], "in"),
        (&[&picture], "linked.jpg"),
        (&[&folder], "other"),
        (&[&clip], "clip.mp4"),
        (&[&picture, &clip], "in"),
    ];
    for (sources, out) in cases {
        let before = (fs::read(&picture).unwrap(), fs::read(&clip).unwrap());
        let ran = annotate(&scratch, sources, &scratch.path(out)).exits(2);
        ran.complains_once(&["--annotate", "overwrite"]);
        assert_eq!((fs::read(&picture).unwrap(), fs::read(&clip).unwrap()), before);
    }
}

/// Records a clip to a device that is always full.
/// A run whose ffmpeg writes recordings to a full disk.
fn on_a_full_disk(scratch: &Scratch, config: &str, source: &str) -> Command {
    let real = "exec /usr/bin/env PATH=/usr/bin:/usr/local/bin:/bin ffmpeg \"$@\"";
    let script = format!("#!/bin/sh\ncase \"$*\" in *matroska*) {real} >/dev/full;; esac\n{real}\n");
    let program = scratch.file("bin/ffmpeg", script);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let out = text(&scratch.path("full.mp4"));
    let arguments = ["run", "--config", &scratch.tiny(config), "--source", source, "--annotate", &out];
    let mut command = emotiond(&arguments);
    let path = format!("{}:{}", text(&scratch.path("bin")), std::env::var("PATH").unwrap());
    command.env("PATH", path);
    command
}

#[test]
fn what_cannot_be_written_is_told_in_one_line() {
    let scratch = Scratch::new();
    let portrait = text(&data("astronaut.jpg"));
    let clip = video(&scratch, "clip.mp4", "10", "30", "null");
    annotate(&scratch, &[&portrait], &scratch.path("out.xyz"))
        .exits(2)
        .complains_once(&["must end in", "png"]);
    annotate(&scratch, &[&clip], &scratch.path("out.avi")).exits(2).complains_once(&["mp4"]);
    let file = scratch.file("file", "");
    let folder = text(&scratch.path("in"));
    scratch.file("in/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    annotate(&scratch, &[&folder], Path::new(&file)).exits(2).complains_once(&["folder"]);
    annotate(&scratch, &[&portrait, &clip], Path::new(&file))
        .exits(74)
        .complains_once(&["cannot be written"]);
    // Even root cannot write there.
    annotate(&scratch, &[&portrait], Path::new("/proc/none.png"))
        .exits(74)
        .complains_only_of(&["/proc/none.png"]);
    annotate(&scratch, &[&folder], Path::new("/proc/none")).exits(74).complains_once(&["/proc/none"]);
    annotate(&scratch, &[&clip], Path::new("/proc/none.mp4"))
        .exits(74)
        .complains_only_of(&["/proc/none.mp4"]);
    finish(on_a_full_disk(&scratch, "", &clip)).exits(74).complains_only_of(&["No space left"]);
}

#[test]
fn without_ffmpeg_a_video_cannot_be_written() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let out = text(&scratch.path("out.mp4"));
    let mut command = emotiond(&["run", "--config", &config, "--source", "-", "--annotate", &out]);
    command.env("PATH", scratch.path("empty"));
    finish(command).exits(69).complains_once(&["ffmpeg", "apt-get install"]);
    // The error message of a failing ffmpeg is reported.
    let helper =
        scratch.file("bin/ffmpeg", "#!/bin/sh\necho '[x @ 1] Unknown encoder libx264' >&2\nexit 1\n");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = emotiond(&["run", "--config", &config, "--source", "-", "--annotate", &out]);
    let path = format!("{}:{}", text(&scratch.path("bin")), std::env::var("PATH").unwrap());
    command.env("PATH", path).stdin(fs::File::open(data("astronaut.jpg")).unwrap());
    finish(command).exits(74).complains_only_of(&["out.mp4", "Unknown encoder libx264"]);
}

#[test]
fn a_recording_that_fails_does_not_end_the_analysis() {
    let scratch = Scratch::new();
    let clip = video(&scratch, "clip.mp4", "10", "30", "null");
    let alone = run_sources(&scratch.tiny(""), &[&clip], &[]).exits(0);
    let ran = finish(on_a_full_disk(&scratch, "", &clip)).exits(74);
    ran.complains_only_of(&["full.mp4", "No space left"]);
    assert_eq!(ran.faces().len(), alone.faces().len());
    assert!(ran.stderr.contains("the analysis goes on without this recording"), "{}", ran.stderr);
}

#[test]
fn a_recording_that_fails_is_seen_in_the_metrics() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let config = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n");
    let mut running = Running::start(on_a_full_disk(&scratch, &config, &camera.url("/")));
    running.wait_for_log("HTTP server on");
    wait_until("the recording is down", || {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let (mut page, request) =
            (String::new(), "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).and_then(|()| socket.read_to_string(&mut page)).ok()?;
        page.lines()
            .any(|line| line.starts_with("emotiond_recording_up{") && line.ends_with(" 0.0"))
            .then_some(())
    });
    // The analysis goes on.
    running.wait_for(|event| event["type"] == "face");
    running.signal(Signal::TERM);
    running.finish().exits(74);
}
