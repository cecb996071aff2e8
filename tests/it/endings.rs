//! How a run ends: by a signal, or because the reader of stdout closes its end or does not read.

use crate::common::{Running, Scratch, data, emotiond, ffmpeg, finish, text, wait_until};
use crate::network;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::Signal,
};
use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn the_reader_of_stdout_goes_away() {
    let scratch = Scratch::new();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    (0..20).for_each(|i| drop(scratch.file(&format!("many/{i}.jpg"), &portrait)));
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", r#""$0" "$@" | head -1"#, env!("CARGO_BIN_EXE_emotiond"), "run"]);
    command.args(["--config", &scratch.tiny(""), "--source", &text(&scratch.path("many"))]);
    crate::common::isolate(&mut command);
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
    let status = wait_until("the program has ended", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
}

#[test]
fn events_that_cannot_be_written_are_a_failure() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", &text(&data("astronaut.jpg"))]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));
}

/// The file is limited to 512 bytes, like a full disk, so the second line can only be written partly.
#[test]
fn a_line_that_does_not_fit_on_the_disk_leaves_no_part_of_it() {
    let scratch = Scratch::new();
    let events = text(&scratch.path("events.jsonl"));
    let run = |limit: &str| {
        let mut command = Command::new("sh");
        let script = format!(r#"trap "" XFSZ; {limit}; exec "$0" "$@" >> {events}"#);
        command.args(["-c", &script, env!("CARGO_BIN_EXE_emotiond"), "run", "--config", &scratch.tiny("")]);
        command.args(["--source", &text(&data("astronaut.jpg"))]);
        crate::common::isolate(&mut command);
        finish(command)
    };
    run("ulimit -f 1").exits(74).complains_once(&["the events cannot be written", "File too large"]);
    let written = fs::read_to_string(&events).unwrap();
    assert!(written.len() < 512 && written.ends_with('\n'), "{written}");
    run(":").exits(0);
    let written = fs::read_to_string(&events).unwrap();
    let states: Vec<String> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(|event: serde_json::Value| event["type"].to_string())
        .collect();
    assert!(states.len() > 2, "{written}");
}

/// The daemon with an endless stream on stdin that repeats the portrait. Counts the pictures that it has read.
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
        // A picture, and the start of another one that is never completed.
        stdin.write_all(&[&portrait[..], &portrait[..1000]].concat()).unwrap();
        running.wait_for(|event| event["phase"] == "new");
        running.signal(Signal::TERM);
        let ran = running.finish().exits(0);
        assert_eq!(ran.states(), ["- up", "- ended"]);
        assert_eq!(ran.faces().len(), 2, "{}", ran.stdout);
    }
}

#[test]
fn a_reader_that_does_not_read_does_not_hold_up_a_stop() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    // The smallest possible pipe, which nobody reads.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let log = scratch.path("log");
    command.stdin(Stdio::piped()).stdout(writer.try_clone().unwrap());
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    thread::spawn(move || while stdin.write_all(&portrait).is_ok() {});
    wait_until("the pipe is full", || {
        let mut fds = [PollFd::new(&writer, PollFlags::OUT)];
        (poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(0)).then_some(())
    });
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::TERM).unwrap();
    let status = wait_until("the program has ended", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("event lines were not written"), "{log}");
    drop(reader);
}

#[test]
fn a_file_that_was_not_read_whole_because_ffmpeg_was_killed_is_a_failure() {
    let scratch = Scratch::new();
    let video = text(&scratch.path("long.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    ffmpeg(&["-loop", "1", "-framerate", "25", "-i", &portrait, "-t", "60", "-c:v", "mpeg4", &video]);
    // Beside a source that is fine.
    let mut running = network::start(
        &scratch,
        &format!("[[source]]\nuri = {portrait:?}\n[[source]]\nname = \"long\"\nuri = {video:?}\n"),
        &[],
    );
    running.wait_for(|event| event["type"] == "face" && event["source"] == "long");
    let ffmpeg = network::child(&running, "long.mp4");
    rustix::process::kill_process(ffmpeg, Signal::KILL).unwrap();
    let ran = running.finish().exits(69);
    ran.complains_once(&["ended by signal 9 after", "frames of", "long.mp4"]);
}
