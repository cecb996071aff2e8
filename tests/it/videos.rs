//! Videos and pipes that are not as simple as a file with one video of one size.

use crate::common::{
    Running, Scratch, astronaut, data, emotiond, encode, ffmpeg, finish, number, run_sources, text,
    wait_until,
};
use image::ImageFormat;
use rustix::{
    fs::{CWD, FileType, Mode, mknodat},
    process::Signal,
};
use std::{ffi::OsStr, fs, io::Write, os::unix::ffi::OsStrExt, path::PathBuf, process::Stdio, thread};

/// A video of the portrait, `side` pixels wide.
fn video(scratch: &Scratch, name: &str, side: u32, frames: u32) -> String {
    let picture = text(&data("astronaut.jpg"));
    let path = text(&scratch.path(name));
    let (scale, frames) = (format!("scale={side}:{side}"), frames.to_string());
    let input = ["-loop", "1", "-framerate", "10", "-i", &picture, "-frames:v", &frames, "-vf", &scale];
    ffmpeg(&[&input[..], &["-pix_fmt", "yuv420p", "-c:v", "mpeg2video", "-q:v", "3", &path]].concat());
    path
}

#[test]
fn a_cover_before_the_video_is_passed_over() {
    let scratch = Scratch::new();
    let film = video(&scratch, "film.mp4", 512, 12);
    let cover = scratch.file("cover.png", encode(&astronaut(), ImageFormat::Png));
    let both = text(&scratch.path("both.mp4"));
    let streams = ["-i", &film, "-i", &cover, "-map", "1", "-map", "0", "-c", "copy"];
    ffmpeg(&[&streams[..], &["-disposition:v:0", "attached_pic", &both]].concat());
    let ran = run_sources(&scratch.tiny(""), &[&both], &["--emit", "every-frame"]).exits(0);
    assert_eq!(ran.faces().iter().filter(|face| face["phase"] == "update").count(), 11, "{}", ran.stdout);
}

#[test]
fn each_frame_keeps_its_size_and_tracks_end_where_it_changes() {
    let scratch = Scratch::new();
    let parts = [video(&scratch, "a.ts", 512, 10), video(&scratch, "b.ts", 768, 10)];
    let film = scratch.file("film.ts", parts.map(|part| fs::read(part).unwrap()).concat());
    let ran = run_sources(&scratch.tiny(""), &[&film], &["--emit", "every-frame"]).exits(0);
    let faces = ran.faces();
    let of = |track: u64| faces.iter().filter(move |face| number(&face["track"]) == track);
    let (first, second) = (of(1).next().unwrap(), of(2).next().unwrap());
    assert_eq!(
        (of(1).next_back().unwrap()["phase"].as_str(), second["phase"].as_str()),
        (Some("end"), Some("new"))
    );
    let ratio = number(&second["box"]["w"]) as f64 / number(&first["box"]["w"]) as f64;
    assert!((ratio - 1.5).abs() < 0.15, "{first} {second}");
}

#[test]
fn a_video_of_hours_has_exact_times() {
    let scratch = Scratch::new();
    let film = video(&scratch, "film.mkv", 512, 3);
    let late = text(&scratch.path("late.mkv"));
    // ffmpeg writes seconds with six digits, which are tenths after three hours.
    let filter = "settb=1/1000,setpts=PTS+if(gt(N\\,0)\\,14400033\\,0)";
    let codec = ["-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-c:v", "ffv1"];
    ffmpeg(&[&["-i", &film, "-vf", filter], &codec[..], &[&late]].concat());
    let ran = run_sources(&scratch.tiny(""), &[&late], &["--emit", "every-frame"]);
    let faces = ran.exits(0).faces();
    let last = faces.iter().rfind(|face| face["phase"] != "end").unwrap();
    assert_eq!(number(&last["pts_ms"]), 14_400_233, "{last}");
}

fn named_pipe(scratch: &Scratch) -> PathBuf {
    let path = scratch.path("pipe");
    mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    path
}

#[test]
fn a_named_pipe_is_read_to_its_end_and_its_writer_finishes() {
    let scratch = Scratch::new();
    let pipe = named_pipe(&scratch);
    let film = video(&scratch, "film.mpg", 512, 12);
    let pictures = scratch.file("film.mjpeg", encode(&astronaut(), ImageFormat::Jpeg).repeat(12));
    for stream in [film, pictures] {
        let to = pipe.clone();
        let writer = thread::spawn(move || {
            let bytes = fs::read(stream).unwrap();
            fs::OpenOptions::new().write(true).open(to).and_then(|mut pipe| pipe.write_all(&bytes))
        });
        let ran = run_sources(&scratch.tiny(""), &[&text(&pipe)], &["--emit", "every-frame"]).exits(0);
        writer.join().unwrap().expect("the writer is not cut off");
        assert_eq!(ran.faces().iter().filter(|face| face["phase"] == "update").count(), 11, "{}", ran.stdout);
    }
}

#[test]
fn a_named_pipe_without_a_writer_is_left_with_one_signal() {
    let scratch = Scratch::new();
    let pipe = named_pipe(&scratch);
    let arguments = ["run", "--config", &scratch.tiny(""), "--source", &text(&pipe)];
    let mut running = Running::start(emotiond(&arguments));
    running.wait_for_log("emotion model");
    running.signal(Signal::TERM);
    wait_until("the program has ended", || running.child.try_wait().unwrap());
    running.finish().exits(0);
}

#[test]
fn a_second_header_on_a_y4m_pipe_is_another_stream_and_a_cut_frame_is_told() {
    let scratch = Scratch::new();
    let y4m = |side: u32| {
        let film = video(&scratch, &format!("{side}.mpg"), side, 3);
        let raw = text(&scratch.path(&format!("{side}.y4m")));
        ffmpeg(&["-i", &film, &raw]);
        fs::read(raw).unwrap()
    };
    let (first, second) = (y4m(512), y4m(768));
    let stream = [&first[..], &second[..second.len() - 1000]].concat();
    let config = scratch.tiny("");
    let mut command = emotiond(&["run", "--config", &config, "--source", "-", "--emit", "every-frame"]);
    command.stdin(Stdio::from(fs::File::open(scratch.file("both.y4m", stream)).unwrap()));
    let ran = finish(command).exits(0);
    ran.complains_once(&["cut off within frame 5"]);
    assert_eq!(ran.faces().iter().filter(|face| face["phase"] == "new").count(), 2, "{}", ran.stdout);
}

#[test]
fn a_file_name_need_not_be_utf8() {
    let scratch = Scratch::new();
    let film = video(&scratch, "film.mpg", 512, 3);
    let folder = scratch.path("Fotos");
    fs::create_dir(&folder).unwrap();
    let film_path = folder.join(OsStr::from_bytes(b"caf\xe9.mpg"));
    fs::rename(film, &film_path).unwrap();
    let picture = folder.join(OsStr::from_bytes(b"caf\xe9.jpg"));
    fs::copy(data("astronaut.jpg"), &picture).unwrap();
    for path in [film_path, picture] {
        let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source"]);
        command.arg(&path);
        assert!(!finish(command).exits(0).faces().is_empty(), "{}", path.display());
    }
}
