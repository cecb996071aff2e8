//! What hostile input, helpers and a poor machine can and cannot do.

use crate::common::http_camera::HttpCamera;
use crate::common::{Scratch, data, emotiond, ffmpeg, finish, number, run_sources, string, text};
use std::{
    fs,
    os::unix::{ffi::OsStringExt, fs::PermissionsExt, fs::symlink},
    process::Command,
};

/// A folder with a program in the place of another one, as a value of PATH.
fn in_place_of(scratch: &Scratch, program: &str, script: &str) -> String {
    let file = scratch.file(&format!("bin/{program}"), format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", text(&scratch.path("bin")), std::env::var("PATH").unwrap())
}

/// A video of the portrait, with another codec than JPEG if `codec` says so.
fn video(scratch: &Scratch, name: &str, codec: &str, frames: &str) -> String {
    let (portrait, path) = (text(&data("astronaut.jpg")), text(&scratch.path(name)));
    ffmpeg(&["-loop", "1", "-framerate", "10", "-i", &portrait, "-frames:v", frames, "-c:v", codec, &path]);
    path
}

/// Some versions of ffmpeg print texts of pictures. None is taken for what ffmpeg says about a frame.
#[test]
fn text_in_a_video_is_not_taken_for_ffmpegs_notes() {
    let scratch = Scratch::new();
    let forged = "printf '%s\\n' '[Parsed_showinfo_0 @ 0x1] [info] config in time_base: 1/1, frame_rate: 1/1' \
                  '[Parsed_showinfo_0 @ 0x1] [info] n:   0 pts:  99999 s:9000x9000 i:P' \
                  '0,          0,      99999,        1,    99999999, 0x1' >&2";
    let more = "i=0; while [ $i -lt 2000 ]; do echo '0, 0, 99999, 1, 5, 0x1'; \
                echo '[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: 7 s:5x5'; i=$((i+1)); done >&2";
    for (name, codec) in [("a.avi", "mjpeg"), ("a.mkv", "mpeg4")] {
        let video = video(&scratch, name, codec, "5");
        let path = in_place_of(&scratch, "ffmpeg", &format!("{forged}\n{more}\nexec /usr/bin/ffmpeg \"$@\""));
        let arguments = ["run", "--config", &scratch.tiny(""), "--source", &video, "--emit", "every-frame"];
        let mut command = emotiond(&arguments);
        command.env("PATH", path);
        let ran = finish(command).exits(0);
        let faces = ran.faces();
        let times: Vec<u64> = faces.iter().filter_map(|face| face["pts_ms"].as_u64()).collect();
        assert!(times.iter().all(|time| *time <= 500), "{times:?}");
        let frames = faces.iter().map(|face| number(&face["frame"])).max();
        assert_eq!(frames, Some(4), "{}", ran.stdout);
    }
}

#[test]
fn ffmpeg_is_bounded_in_its_memory() {
    let scratch = Scratch::new();
    let video = video(&scratch, "a.mkv", "mpeg4", "5");
    let (limits, arguments) = (text(&scratch.path("limits")), text(&scratch.path("arguments")));
    let script =
        format!("ulimit -v >> {limits}; echo \"$@\" >> {arguments}; exec /usr/bin/$(basename $0) \"$@\"");
    in_place_of(&scratch, "ffprobe", &script);
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", &video]);
    command.env("PATH", in_place_of(&scratch, "ffmpeg", &script));
    assert!(!finish(command).exits(0).faces().is_empty());
    let limits = fs::read_to_string(limits).unwrap();
    assert_eq!(limits.lines().count(), 2, "ffprobe and ffmpeg: {limits}");
    for limit in limits.lines() {
        let kib: u64 = limit.parse().unwrap_or_else(|_| panic!("no limit: {limit}"));
        assert!(kib < 2 << 20, "{kib}");
    }
    let arguments = fs::read_to_string(arguments).unwrap();
    assert_eq!(arguments.matches("-max_alloc ").count(), 2, "{arguments}");
}

#[test]
fn a_playlist_leads_to_no_other_host_unless_asked_for() {
    let scratch = Scratch::new();
    let asked_other = HttpCamera::start(|_, client| client.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n"));
    let other = format!("http://localhost:{}/a.ts", asked_other.address.port());
    let list = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n");
    let camera = HttpCamera::start(move |_, client| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nConnection: close\r\n";
        write!(client, "{head}Content-Length: {}\r\n\r\n{list}", list.len())
    });
    let uri = format!("http://127.0.0.1:{}/live.m3u8", camera.address.port());
    let ran = run_sources(&scratch.tiny(""), &[&uri], &[]).exits(69);
    ran.complains_once(&["leads to another host", "other_hosts = true"]);
    assert_eq!(asked_other.requests().len(), 0);
    let source = format!("[[source]]\nuri = {uri:?}\nother_hosts = true\n");
    crate::common::run(&["run", "--config", &scratch.tiny(&source)]);
    assert!(!asked_other.requests().is_empty());
}

#[test]
fn a_name_adds_no_line_to_the_log_and_names_that_are_no_text_stay_apart() {
    let scratch = Scratch::new();
    let forged = "a\n2026-11-26T00:00:00Z ERROR all is lost\n.jpg";
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path(forged))], &[]).exits(66);
    assert_eq!(ran.complaints().len(), 1, "{}", ran.stderr);
    scratch.file(forged, "no picture");
    fs::copy(data("astronaut.jpg"), scratch.path("b.jpg")).unwrap();
    let ran = run_sources(&scratch.tiny(""), &[&text(&scratch.path(""))], &[]).exits(0);
    ran.complains_only_of(&["WARN"]);

    let folder = Scratch::new();
    for byte in [0xE9, 0xEA] {
        let name = std::ffi::OsString::from_vec(vec![b'c', byte, b'.', b'j', b'p', b'g']);
        fs::copy(data("astronaut.jpg"), folder.path("").join(name)).unwrap();
    }
    let ran = run_sources(&scratch.tiny(""), &[&text(&folder.path(""))], &[]).exits(0);
    let faces = ran.faces();
    let files: Vec<&str> =
        faces.iter().map(|face| string(&face["file"]).rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["c\\xE9.jpg", "c\\xEA.jpg"]);
}

#[test]
fn annotated_copies_follow_no_link() {
    let scratch = Scratch::new();
    let kept = scratch.file("kept", "kept");
    let video = video(&scratch, "a.avi", "mjpeg", "5");
    let out = scratch.path("out.mp4");
    symlink(&kept, &out).unwrap();
    run_sources(&scratch.tiny(""), &[&video], &["--annotate", &text(&out)]).exits(0);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "kept");
    assert!(!out.is_symlink() && crate::common::frame_times(&out).len() == 5);

    let (from, to, elsewhere) = (scratch.path("from"), scratch.path("to"), scratch.path("elsewhere"));
    for folder in [&from.join("sub"), &to, &elsewhere] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::copy(data("astronaut.jpg"), from.join("sub/a.jpg")).unwrap();
    symlink(&elsewhere, to.join("sub")).unwrap();
    let source = format!("[[source]]\nuri = {from:?}\nrecursive = true\n");
    let config = scratch.tiny(&source);
    let ran = crate::common::run(&["run", "--config", &config, "--annotate", &text(&to)]).exits(74);
    assert!(ran.stderr.contains("it is a link"), "{}", ran.stderr);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn help_to_a_full_disk_is_an_error() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["schema"], &["config"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = emotiond(arguments).stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(74), "{arguments:?}");
    }
}

/// Without threads, descriptors or memory, a clear line and the exit code for what is unavailable.
#[test]
fn a_machine_without_resources_is_told_and_never_crashes() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let video = video(&scratch, "a.avi", "mjpeg", "5");
    // Root has no limit of processes.
    let nobody = ["setpriv", "--reuid=65534", "--clear-groups"];
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    fs::set_permissions(scratch.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    for (limit, values) in [("nproc", 1..26), ("nofile", 4..26)] {
        for value in values.step_by(2) {
            let mut command = Command::new("prlimit");
            command.arg(format!("--{limit}={value}"));
            if is_root && limit == "nproc" {
                command.args(nobody);
            }
            command
                .arg(env!("CARGO_BIN_EXE_emotiond"))
                .args(["run", "--config", &config, "--source", &video]);
            crate::common::isolate(&mut command);
            let output = command.output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code();
            assert!(
                code.is_some_and(|code| [0, 1, 66, 69, 70, 78].contains(&code)),
                "{limit} {value}: {:?} {told}",
                output.status
            );
            assert!(!told.contains("panicked"), "{limit} {value}: {told}");
            assert!(!told.contains("install it"), "{limit} {value}: {told}");
        }
    }
}
