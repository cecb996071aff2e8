//! Runs the real program as a user would, and checks its output against the contract.

pub mod broker;
pub mod crowd;
pub mod damage;
mod display;
pub mod http_camera;
pub mod judged;
mod media;
pub mod receiver;
pub mod rtsp_camera;
pub mod sender;
pub mod stand_in;

pub use display::{Display, SCREEN};
pub use media::*;
pub use test_support::{data, root, shared};

use serde_json::Value;
use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, OnceLock,
        mpsc::{self, Receiver},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Time-out for hangs; long enough for the slowest machine.
pub const HANG: Duration = Duration::from_secs(120);

/// The first sections of each test's configuration: the built-in detector and a network with a known result.
pub fn tiny_config() -> String {
    format!(
        "[detector]\nname = \"seetaface\"\nmin_face_px = 80.0\n[model]\nfile = {:?}\n[runtime]\nep = \"cpu\"\n",
        data("tiny.onnx")
    )
}

/// The same with YuNet, whose file is part of the developers' data, and a real emotion model.
pub fn real_config() -> String {
    let detector = shared("models/yunet_s_640_640.onnx");
    let model = root().join("models/mini_xception.onnx");
    format!(
        "[detector]\nname = \"yunet\"\nfile = {detector:?}\n[model]\nfile = {model:?}\n[runtime]\nep = \"cpu\"\n"
    )
}

/// A folder for one test; dropping it deletes it.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path as text.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        text(&path)
    }

    /// The path of a configuration with the tiny network, followed by `more`.
    pub fn tiny(&self, more: &str) -> String {
        self.file("tiny.toml", tiny_config() + more)
    }

    /// The path of a configuration with the built-in detector and the default emotion model of the checkout.
    pub fn built_in(&self) -> String {
        let model = root().join("models/emotion_int8.onnx");
        let text =
            format!("[detector]\nname = \"seetaface\"\n[model]\nfile = {model:?}\n[runtime]\nep = \"cpu\"\n");
        self.file("built_in.toml", text)
    }

    /// The path of a configuration with YuNet and a real emotion model.
    pub fn real(&self, more: &str) -> String {
        self.file("real.toml", real_config() + more)
    }
}

pub fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The program with `arguments`, run in the checkout and independent of the caller's settings.
pub fn emotiond(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emotiond"));
    command.args(arguments);
    isolate(&mut command);
    command
}

/// Copies the program to `to`, in another process: otherwise a test that starts a program at the same moment would
/// inherit the file while it is open for writing, and the system does not execute such a file.
pub fn copy_program(to: &Path) {
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_emotiond")).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Removes the environment variables that would change the daemon's behaviour.
pub fn isolate(command: &mut Command) {
    command.current_dir(root()).stdin(Stdio::null());
    let own = [
        "RUST_LOG",
        "RUST_BACKTRACE",
        "ORT_DYLIB_PATH",
        "EMOTIOND_DATA_DIR",
        "EMOTIOND_SENDER",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "TZ",
    ];
    for variable in own {
        command.env_remove(variable);
    }
}

/// Runs `emotiond` with `arguments` until it exits.
pub fn run(arguments: &[&str]) -> Ran {
    finish(emotiond(arguments))
}

/// Runs `emotiond run` with a configuration and sources until it exits.
pub fn run_sources(config: &str, sources: &[&str], more: &[&str]) -> Ran {
    let mut arguments = vec!["run", "--config", config];
    sources.iter().for_each(|source| arguments.extend(["--source", *source]));
    arguments.extend(more);
    run(&arguments)
}

/// Polls until the value is available.
#[track_caller]
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + HANG;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "this did not come: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command until it exits.
pub fn finish(command: Command) -> Ran {
    Running::start(command).finish()
}

/// A running program; dropping it kills it.
pub struct Running {
    pub child: Child,
    pub lines: Receiver<String>,
    seen: String,
    log: Arc<Mutex<String>>,
    log_reader: Option<JoinHandle<()>>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stderr(Stdio::piped());
        Self::spawn(command)
    }

    /// Starts it with a stderr whose reader is gone.
    pub fn start_without_log(mut command: Command) -> Self {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stderr(writer);
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take();
        let (to_us, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if to_us.send(line).is_err() {
                    return;
                }
            }
        });
        let log = Arc::<Mutex<String>>::default();
        let written = Arc::clone(&log);
        let log_reader = thread::spawn(move || {
            let Some(stderr) = stderr else { return };
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let _ = writeln!(written.lock().unwrap(), "{}", String::from_utf8_lossy(&line));
            }
        });
        Self { child, lines, seen: String::new(), log, log_reader: Some(log_reader) }
    }

    /// The whole of stderr, once it is closed.
    fn whole_log(&mut self) -> String {
        if let Some(reader) = self.log_reader.take() {
            reader.join().unwrap();
        }
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log contains `words`.
    pub fn wait_for_log(&self, words: &str) {
        wait_until(words, || self.log.lock().unwrap().contains(words).then_some(()));
    }

    /// Waits for the next event that satisfies the condition.
    pub fn wait_for(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + HANG;
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(patience) else {
                let _ = self.child.kill();
                let log = self.whole_log();
                panic!("the event that was waited for did not come; there were\n{}\n{log}", self.seen);
            };
            let _ = writeln!(self.seen, "{line}");
            let event = parse_event(&line);
            if fits(&event) {
                return event;
            }
        }
    }

    /// Sends a signal by its number.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until it exits and collects its output.
    pub fn finish(mut self) -> Ran {
        let deadline = Instant::now() + HANG;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("the program hangs; its log:\n{}", self.whole_log());
            }
            thread::sleep(Duration::from_millis(5));
        };
        let mut stdout = std::mem::take(&mut self.seen);
        for line in &self.lines {
            let _ = writeln!(stdout, "{line}");
        }
        Ran { status, stdout, stderr: self.whole_log() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The result of a program that has exited.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Checks the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for bad in ["panicked", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(!self.stderr.contains(bad), "{}", self.stderr);
        }
        self
    }

    /// The lines on stderr above level info, without the one that ONNX Runtime writes on processors that are new to it.
    pub fn complaints(&self) -> Vec<&str> {
        let is_complaint =
            |line: &&str| !line.contains(" INFO ") && !line.starts_with("onnxruntime cpuid_info warning");
        self.stderr.lines().filter(is_complaint).collect()
    }

    /// Checks that there is exactly one complaint and that it contains all of `words`.
    #[track_caller]
    pub fn complains_once(&self, words: &[&str]) {
        let complaints = self.complaints();
        assert_eq!(complaints.len(), 1, "{}", self.stderr);
        for word in words {
            assert!(complaints[0].contains(word), "{word:?} is missing in {:?}", complaints[0]);
        }
    }

    /// Checks that there is a complaint and that each contains all of `words`.
    #[track_caller]
    pub fn complains_only_of(&self, words: &[&str]) {
        let complaints = self.complaints();
        let fits = |complaint: &&str| words.iter().all(|word| complaint.contains(word));
        assert!(!complaints.is_empty() && complaints.iter().all(fits), "{words:?}: {}", self.stderr);
    }

    /// Checks that there is no complaint.
    #[track_caller]
    pub fn complains_not(&self) {
        assert!(self.complaints().is_empty(), "{}", self.stderr);
    }

    /// All events. Checks each against the schema, and that the times of a source never decrease.
    pub fn events(&self) -> Vec<Value> {
        let events: Vec<Value> = self.stdout.lines().map(parse_event).collect();
        let mut latest: HashMap<&str, &str> = HashMap::new();
        for event in &events {
            let time = string(&event["time"]);
            let before =
                latest.insert(event["source"].as_str().unwrap_or_default(), time).unwrap_or_default();
            assert!(before <= time, "{before} was told before {event}");
        }
        events
    }

    /// The face events.
    pub fn faces(&self) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["type"] == "face").collect()
    }

    /// The states of the sources, as `source state`.
    pub fn states(&self) -> Vec<String> {
        let events = self.events();
        let states = events.iter().filter(|event| event["type"] == "source");
        states.map(|event| format!("{} {}", string(&event["source"]), string(&event["state"]))).collect()
    }

    /// The lines without values that differ from run to run.
    pub fn masked(&self) -> Vec<String> {
        self.events();
        self.stdout.lines().map(mask).collect()
    }
}

pub fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string"))
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no whole number"))
}

/// Parses a line and checks it against `emotiond schema`.
fn parse_event(line: &str) -> Value {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    let schema = SCHEMA.get_or_init(|| {
        let printed = emotiond(&["schema"]).output().unwrap();
        jsonschema::validator_for(&serde_json::from_slice(&printed.stdout).unwrap()).unwrap()
    });
    let event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(schema.is_valid(&event), "this line is not what `emotiond schema` says: {line}");
    event
}

/// Replaces time and latency by `*`.
fn mask(line: &str) -> String {
    let mut line = line.to_owned();
    for (key, end) in [("\"time\":\"", '"'), ("\"latency_ms\":", '}')] {
        if let Some(start) = line.find(key).map(|at| at + key.len()) {
            let length = line[start..].find(end).unwrap();
            line.replace_range(start..start + length, "*");
        }
    }
    line
}
