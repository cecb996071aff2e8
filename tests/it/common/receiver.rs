//! Programs that receive what the outputs send: scripts in `tests/it/receivers`, run by the Python that
//! `scripts/setup --tests` prepares.

use super::{Running, wait_until};
use serde_json::Value;
use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

/// A command that runs a receiver.
pub fn receiver(script: &str) -> Command {
    let python = env::var_os("EMOTIOND_PYTHON")
        .map_or_else(|| test_support::root().join(".venv/bin/python"), PathBuf::from);
    let mut command = Command::new(python);
    command.arg(test_support::root().join("tests/it/receivers").join(script));
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The next line, as JSON.
#[track_caller]
pub fn next(running: &Running) -> Value {
    let line =
        wait_until("a line of the receiver", || running.lines.recv_timeout(Duration::from_millis(100)).ok());
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// Reads lines until one fits, and returns all.
#[track_caller]
pub fn read_until(running: &Running, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut lines = Vec::new();
    loop {
        lines.push(next(running));
        if fits(&lines[lines.len() - 1]) {
            return lines;
        }
    }
}
