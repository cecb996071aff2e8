//! The behaviour of a daemon: settings that change while it runs, notifications to a service manager, sources that
//! stall and return, and no output except the events.

use crate::common::{
    Running, Scratch, astronaut, data, emotiond, encode, ffmpeg, finish, isolate, number, run_sources,
    string, text,
};
use rustix::process::Signal;
use std::{
    cell::Cell,
    fs,
    io::Write,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Pipes the portrait as JPEG into the program ten times per second until it is dropped.
struct Feed {
    ends: Arc<AtomicBool>,
}

impl Feed {
    fn start(running: &mut Running) -> Self {
        let mut pipe = running.child.stdin.take().unwrap();
        let picture = encode(&astronaut(), image::ImageFormat::Jpeg);
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        thread::spawn(move || {
            while !told.load(Ordering::Relaxed) && pipe.write_all(&picture).is_ok() {
                thread::sleep(Duration::from_millis(100));
            }
        });
        Self { ends }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// The daemon with an endless stream and a service manager's socket.
fn serve(scratch: &Scratch, config: &str) -> (Running, Feed, UnixDatagram) {
    let path = scratch.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(crate::common::HANG)).unwrap();
    let mut command = emotiond(&["run", "--config", config, "--source", "-"]);
    command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "60000000").stdin(Stdio::piped());
    let mut running = Running::start(command);
    let feed = Feed::start(&mut running);
    (running, feed, socket)
}

/// Waits for a message with this prefix, and returns it.
fn hear(socket: &UnixDatagram, word: &str) -> String {
    let deadline = Instant::now() + crate::common::HANG;
    let mut buffer = [0; 4096];
    while Instant::now() < deadline {
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{word} was not said: {error}"));
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if message.starts_with(word) {
            return message;
        }
    }
    panic!("{word} was not said");
}

#[test]
fn a_service_manager_is_told_of_start_state_reload_and_end() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let (mut running, _feed, socket) = serve(&scratch, &config);
    hear(&socket, "READY=1");
    running.wait_for(|event| event["phase"] == "new");
    while !hear(&socket, "STATUS=").contains("- up, ") {}
    while !hear(&socket, "STATUS=").trim_end().ends_with(" ms") {}

    // The face does not change, so only the new policy can cause another event.
    fs::write(&config, "emit = \"every-frame\"\n".to_owned() + &crate::common::tiny_config()).unwrap();
    running.signal(Signal::HUP);
    assert!(hear(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    hear(&socket, "READY=1");
    let update = running.wait_for(|event| event["phase"] == "update");
    assert_eq!(number(&update["track"]), 1);

    running.signal(Signal::TERM);
    hear(&socket, "STOPPING=1");
    let ran = running.finish().exits(0);
    ran.complains_not();
    assert_eq!(ran.states(), ["- up", "- ended"]);
}

#[test]
fn the_watchdog_is_fed() {
    let scratch = Scratch::new();
    let path = scratch.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(crate::common::HANG)).unwrap();
    let mut command = emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-"]);
    command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "2000000").stdin(Stdio::piped());
    let mut running = Running::start(command);
    let _feed = Feed::start(&mut running);
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    running.signal(Signal::TERM);
    running.finish().exits(0);
}

#[test]
fn a_broken_configuration_is_refused_and_the_old_one_goes_on() {
    let scratch = Scratch::new();
    let config = scratch.tiny("");
    let (mut running, _feed, socket) = serve(&scratch, &config);
    hear(&socket, "READY=1");
    let first = running.wait_for(|event| event["phase"] == "new");
    for broken in
        ["emit = \"sometimes\"\n", "[tracker]\nmin_iou = 7\n", "[model]\nfile = \"/none.onnx\"\n", "= ="]
    {
        fs::write(&config, broken).unwrap();
        running.signal(Signal::HUP);
        hear(&socket, "RELOADING=1");
        hear(&socket, "READY=1");
    }
    fs::write(&config, "emit = \"every-frame\"\n".to_owned() + &crate::common::tiny_config()).unwrap();
    running.signal(Signal::HUP);
    let update = running.wait_for(|event| event["phase"] == "update");
    assert_eq!(update["track"], first["track"]);
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    let complaints: Vec<_> = ran.stderr.lines().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(complaints.len(), 4, "{}", ran.stderr);
    assert!(
        complaints.iter().all(|line| line.contains("rejected") && line.contains("keeping the old one")),
        "{}",
        ran.stderr
    );
}

/// A clip in which the portrait moves to the right at 80 pixels per second.
fn moving_clip(scratch: &Scratch) -> String {
    let path = text(&scratch.path("moving.mp4"));
    let portrait = text(&data("astronaut.jpg"));
    let motion = "pad=800:512:0:0,crop=640:512:'160-80*t':0,format=yuv420p";
    ffmpeg(&[
        "-loop",
        "1",
        "-framerate",
        "15",
        "-i",
        &portrait,
        "-frames:v",
        "30",
        "-vf",
        motion,
        "-q:v",
        "2",
        &path,
    ]);
    path
}

#[test]
fn between_searches_faces_are_foreseen() {
    let scratch = Scratch::new();
    let clip = moving_clip(&scratch);
    let boxes = |every: &str| {
        let more = format!("[[source]]\nuri = {clip:?}\n{every}");
        let ran = run_sources(&scratch.tiny(&more), &[], &["--emit", "every-frame"]).exits(0);
        ran.faces().into_iter().filter(|face| face["phase"] != "end").collect::<Vec<_>>()
    };
    let (searched, foreseen) = (boxes(""), boxes("every = 3\n"));
    assert!(searched.len() >= 28 && foreseen.len() >= 24, "{} and {}", searched.len(), foreseen.len());
    assert!(searched.iter().all(|face| face.get("predicted").is_none()));
    for told in &foreseen {
        let frame = number(&told["frame"]);
        assert_eq!(told.get("predicted").is_some(), !frame.is_multiple_of(3), "{told}");
        assert_eq!(told["track"], foreseen[0]["track"]);
        let Some(seen) = searched.iter().find(|seen| seen["frame"] == told["frame"]) else { continue };
        let off = number(&told["box"]["x"]).abs_diff(number(&seen["box"]["x"]));
        assert!(off <= 25, "frame {frame} is {off} pixels off");
    }
}

#[test]
fn an_audience_is_told_at_the_end_of_a_clip_and_can_be_turned_off() {
    let scratch = Scratch::new();
    let clip = moving_clip(&scratch);
    let ran = run_sources(&scratch.tiny(""), &[&clip], &[]).exits(0);
    let told: Vec<_> = ran.events().into_iter().filter(|event| event["type"] == "audience").collect();
    assert_eq!(told.len(), 1, "{}", ran.stdout);
    let faces = &told[0]["faces"];
    assert_eq!((number(&faces["now"]), number(&faces["max"]), number(&faces["distinct"])), (1, 1, 1));
    let shares = told[0]["emotions"].as_object().unwrap();
    let sum: f64 = shares.values().map(|share| share.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-3);
    let dominant = shares.iter().max_by(|a, b| a.1.as_f64().unwrap().total_cmp(&b.1.as_f64().unwrap()));
    assert_eq!(string(&told[0]["dominant"]), dominant.unwrap().0);

    let silent = run_sources(&scratch.tiny("[audience]\nevery_s = 0\n"), &[&clip], &[]).exits(0);
    assert!(silent.events().iter().all(|event| event["type"] != "audience"));
}

#[test]
fn a_camera_that_is_waited_for_disturbs_nobody() {
    let scratch = Scratch::new();
    let more = "[[source]]\nname = \"door\"\nuri = \"camera:61\"\nwait = true\n[[source]]\nname = \"hall\"\nuri = \"-\"\n";
    let mut command = emotiond(&["run", "--config", &scratch.tiny(more)]);
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    let feed = Feed::start(&mut running);
    // In any order.
    let (down, new) = (Cell::new(false), Cell::new(false));
    running.wait_for(|event| {
        down.set(down.get() || event["source"] == "door" && event["state"] == "down");
        new.set(new.get() || event["source"] == "hall" && event["phase"] == "new");
        down.get() && new.get()
    });
    drop(feed);
    running.wait_for(|event| event["source"] == "hall" && event["state"] == "ended");
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    let door: Vec<String> = ran.states().into_iter().filter(|state| state.starts_with("door")).collect();
    assert_eq!(door, ["door down", "door ended"]);
}

/// Whether a line of strace shows a file that is opened for writing, or a network connection.
fn leaks(call: &str) -> bool {
    let changes =
        ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"].iter().any(|flag| call.contains(flag));
    // ffmpeg writes the frames' times to its own stderr, which is a pipe to the daemon.
    let is_stream = ["\"/dev/null\"", "\"/dev/stderr\""].iter().any(|stream| call.contains(stream));
    let names =
        ["socket(", "connect(", "bind(", "creat(", "mkdir", "unlink", "rename", "link(", "chmod", "truncate"];
    let acts = names.iter().any(|name| call.contains(&format!(" {name}"))) && !call.contains(" readlink(");
    (changes && !is_stream) || acts
}

#[test]
fn nothing_is_written_to_a_file_and_no_socket_is_opened() {
    let scratch = Scratch::new();
    scratch.file("pictures/a.jpg", fs::read(data("astronaut.jpg")).unwrap());
    let clip = moving_clip(&scratch);
    let trace = scratch.path("trace");
    let config = scratch.tiny("");
    for source in [text(&scratch.path("pictures")), clip] {
        let mut command = Command::new("strace");
        command
            .args(["-f", "-e", "trace=file,network", "-o"])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_emotiond"));
        command.args(["run", "--config", &config, "--source", &source]);
        isolate(&mut command);
        // The runtime disables its telemetry on CI machines; it must be disabled everywhere.
        command.env_remove("CI").env_remove("GITHUB_ACTIONS").env("HOME", scratch.path("home"));
        command.env("XDG_DATA_HOME", data_home()).env_remove("XDG_CACHE_HOME");
        fs::create_dir_all(scratch.path("home")).unwrap();
        let ran = finish(command).exits(0);
        assert!(!ran.faces().is_empty());
        let calls = fs::read_to_string(&trace).unwrap();
        assert!(calls.contains("astronaut") || calls.contains("a.jpg") || calls.contains("moving.mp4"));
        let found: Vec<&str> = calls.lines().filter(|call| leaks(call)).collect();
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(fs::read_dir(scratch.path("home")).unwrap().count(), 0);
    }
}

/// The folder in which `scripts/setup` has installed ONNX Runtime.
fn data_home() -> String {
    std::env::var("XDG_DATA_HOME").unwrap_or_else(|_| {
        text(&Path::new(&std::env::var("HOME").expect("tests have a home")).join(".local/share"))
    })
}
