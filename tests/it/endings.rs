//! How a run ends: by a signal, by a second one, or because the reader of stdout closes its end.

use crate::common::{HANG, Running, Scratch, data, emotiond, finish, text};
use rustix::process::Signal;
use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
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
fn a_second_signal_leaves_at_once() {
    let scratch = Scratch::new();
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    // Nobody reads the pipe: it fills up, and then the pipeline cannot drain.
    let portrait = fs::read(data("astronaut.jpg")).unwrap();
    thread::spawn(move || {
        while stdin.write_all(&portrait).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let pid = rustix::process::Pid::from_child(&child);
    let stdout = child.stdout.take().unwrap();
    // The smallest possible pipe.
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
