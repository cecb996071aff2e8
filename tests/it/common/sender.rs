//! `emotiond send`, by hand and as the daemon starts it, with event lines of known content.

use super::{Ran, Running, emotiond, isolate};
use emotiond_send::{
    event::{Counts, Kind},
    settings::{DeviceConfig, OutputConfig, Settings},
    wire::{Opening, SourceStatus, Status, write_numbered},
};
use std::{
    io::Write,
    path::Path,
    process::{ChildStdin, Command, Stdio},
};

/// An audience line.
pub fn audience(source: &str, second: usize) -> String {
    format!(
        r#"{{"v":1,"type":"audience","source":"{source}","time":"2026-11-21T20:{:02}:{:02}.000Z","window_s":10,"faces":{{"now":2,"mean":1.5,"max":3,"distinct":4}},"emotions":{{"happy":0.75,"sad":0.25}},"dominant":"happy","facing":0.4}}"#,
        second / 60 % 60,
        second % 60
    )
}

/// A source line.
pub fn state(source: &str, state: &str) -> String {
    format!(
        r#"{{"v":1,"type":"source","source":"{source}","time":"2026-11-21T20:00:00.000Z","state":"{state}","reason":""}}"#
    )
}

/// A face line.
pub fn face(source: &str, phase: &str, more: &str) -> String {
    format!(
        r#"{{"v":1,"type":"face","phase":"{phase}","source":"{source}","time":"2026-11-21T20:00:00.000Z","frame":1,"track":7,"box":{{"x":1,"y":2,"w":3,"h":4}},"score":0.9,"emotion":"happy","confidence":0.8,"probabilities":{{"angry":0.2,"happy":0.8}}{more},"latency_ms":9.4}}"#
    )
}

/// A marker line.
pub const MARKER: &str =
    r#"{"v":1,"type":"marker","time":"2026-11-21T20:00:00.000Z","kind":"cue","label":"Act 2"}"#;

/// `emotiond send` with a home of its own.
pub fn send(home: &Path, arguments: &[&str]) -> Command {
    let mut command = emotiond(&["send"]);
    command.args(arguments).env("XDG_STATE_HOME", home).env_remove("STATE_DIRECTORY");
    command
}

/// A status with these sources.
pub fn status(sources: &[(&str, bool)]) -> Status {
    let source = |&(name, enabled): &(&str, bool)| SourceStatus {
        name: name.to_owned(),
        state: "up".to_owned(),
        enabled,
        faces: Some(2),
        dominant: Some("happy".to_owned()),
        facing: Some(0.4),
        ..SourceStatus::default()
    };
    Status { sources: sources.iter().map(source).collect(), ..Status::default() }
}

/// The sender as the daemon's child.
pub struct Sender {
    pub running: Running,
    stdin: Option<ChildStdin>,
    counts: Counts,
}

impl Sender {
    /// Starts it for the device `box1`.
    pub fn start(home: &Path, run: &str, outputs: Vec<OutputConfig>) -> Self {
        Self::start_command(send(home, &["--child"]), run, outputs)
    }

    /// The same on a disk that is full: no file may be longer than 8 kB.
    pub fn start_on_a_full_disk(home: &Path, run: &str, outputs: Vec<OutputConfig>) -> Self {
        let program = send(home, &[]).get_program().to_owned();
        let mut command = Command::new("sh");
        // Without the signal, a write fails as on a full disk.
        command.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" send --child"]).arg(program);
        isolate(&mut command);
        command.env("XDG_STATE_HOME", home);
        Self::start_command(command, run, outputs)
    }

    fn start_command(mut command: Command, run: &str, outputs: Vec<OutputConfig>) -> Self {
        command.stdin(Stdio::piped());
        let mut running = Running::start(command);
        let stdin = running.child.stdin.take();
        let mut sender = Self { running, stdin, counts: Counts::default() };
        let device = DeviceConfig { id: Some("box1".to_owned()) };
        let settings = Settings { device, outputs, http: None };
        sender.write(
            &serde_json::to_string(&Opening { settings, run: run.to_owned(), pictures: false }).unwrap(),
        );
        sender
    }

    fn write(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Goes on with the numbers of an earlier sender.
    pub fn go_on_after(&mut self, lines: usize) {
        (0..lines).for_each(|_| self.counts.add(Kind::Audience));
    }

    /// Writes an event.
    pub fn tell(&mut self, kind: Kind, line: &str) {
        self.counts.add(kind);
        let mut text = Vec::new();
        write_numbered(&self.counts, line.as_bytes(), &mut text);
        self.stdin.as_mut().unwrap().write_all(&text).unwrap();
    }

    /// Writes a status.
    pub fn tell_status(&mut self, status: &Status) {
        self.write(&serde_json::to_string(status).unwrap());
    }

    /// Closes stdin and waits until it exits.
    pub fn end(mut self) -> Ran {
        self.stdin = None;
        self.running.finish()
    }
}
