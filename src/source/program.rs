//! A program whose stdout is a video stream: MJPEG, Y4M, or whatever ffmpeg reads. For cameras that are no V4L2 devices, such
//! as camera modules behind libcamera or Argus, gphoto2 and NDI.

use super::{Read, Source, SourceError, Stop, named_pipe::read_pipe};
use crate::{
    frame::Frame,
    system::{OwnedPipe, ask_to_end, die_with_us, kill_all, separate, signal, widen},
};
use std::{
    fmt,
    io::{BufRead, BufReader, Read as _},
    mem,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    str::FromStr,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// What a source begins with that is a program.
pub const COMMAND_PREFIX: &str = "exec:";
/// How long a program may take to end after SIGTERM, so that it can release its camera.
const ENDING: Duration = Duration::from_millis(500);
/// The longest line of its log that is kept, in bytes.
const LONGEST_LINE: u64 = 4096;

/// A program and its arguments, as in `exec:rpicam-vid -t 0 --codec mjpeg -o -`. What is shown of it are not its arguments,
/// because they may contain a password.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// As it was written.
    written: String,
    words: Vec<String>,
}

impl CommandLine {
    /// The text as it was written.
    pub fn written(&self) -> &str {
        &self.written
    }
}

impl FromStr for CommandLine {
    type Err = String;

    /// Splits the text into words at spaces, except within quotation marks. There are no variables, wildcards or pipes:
    /// no shell runs it.
    fn from_str(text: &str) -> Result<Self, String> {
        let words =
            shlex::split(text).ok_or("the command after exec: has a quotation mark without an end")?;
        if words.is_empty() {
            return Err(
                "write a program after exec:, such as exec:rpicam-vid -t 0 --codec mjpeg -o -".to_owned()
            );
        }
        Ok(Self { written: text.to_owned(), words })
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COMMAND_PREFIX}{}", self.words[0])
    }
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A program as a source. Dropping it ends the program.
pub(super) struct ProgramSource {
    running: Running,
    stream: Box<dyn Source>,
}

struct Running {
    uri: String,
    child: Child,
    /// Returns the last line of its log.
    log: Option<JoinHandle<String>>,
    /// Whether it was ended: afterwards, its number may be that of another program.
    is_over: bool,
    stop: Stop,
}

impl ProgramSource {
    pub fn open(
        command: &CommandLine,
        fps: Option<u32>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let (mut running, stdout) = Running::start(command, stop)?;
        match read_pipe(stdout, running.uri.clone(), fps, max_megapixels, stop) {
            Ok(stream) => Ok(Self { running, stream }),
            Err(error) => Err(running.failure(error.to_string())),
        }
    }
}

impl Source for ProgramSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let read = self.stream.read(frame);
        // It is live: its clock is the time of arrival.
        frame.pts_ms = None;
        match read {
            Ok(Read::Ended) => self.running.end(),
            Err(error) => Err(self.running.failure(error.to_string())),
            other => other,
        }
    }
}

impl Running {
    fn start(command: &CommandLine, stop: &Stop) -> Result<(Self, OwnedPipe), SourceError> {
        let uri = command.to_string();
        let mut process = Command::new(&command.words[0]);
        process.args(&command.words[1..]);
        process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: it may have children, and Ctrl-C must not reach it before the last pictures are read.
        separate(&mut process);
        die_with_us(&mut process);
        let failed = |reason: String| SourceError::Program { uri: uri.clone(), reason };
        let mut child = process.spawn().map_err(|error| failed(format!("it cannot be started: {error}")))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            unreachable!("both are piped")
        };
        widen(&stdout);
        let log = thread::Builder::new().name("program-log".to_owned()).spawn(move || last_line(stderr)).ok();
        Ok((Self { uri, child, log, is_over: false, stop: stop.clone() }, stdout.into()))
    }

    /// The end of the stream: in order if the program says so.
    fn end(&mut self) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        // It has closed its stdout, so it has nothing more to say.
        if self.ended_within(ENDING).is_none_or(|status| status.success()) {
            return Ok(Read::Ended);
        }
        Err(self.failure("its stream has ended".to_owned()))
    }

    /// Why there is no stream, in the program's own words if it has ended with an error.
    fn failure(&mut self, reason: String) -> SourceError {
        let status = self.ended_within(ENDING).filter(|status| !status.success());
        self.finish();
        let log = self.log.take().and_then(|log| log.join().ok()).filter(|line| !line.is_empty());
        let reason = match (status.map(|status| (status.code(), signal(status))), log) {
            (Some((Some(code), _)), Some(log)) => format!("exit code {code}, {log}"),
            (Some((Some(code), _)), None) => format!("exit code {code}"),
            (Some((_, signal)), _) => format!("it was ended by signal {}", signal.unwrap_or_default()),
            (None, _) => reason,
        };
        SourceError::Program { uri: self.uri.clone(), reason }
    }

    fn ended_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + time;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                status => return status.ok().flatten(),
            }
        }
    }

    /// Ends the program and its children.
    fn finish(&mut self) {
        if mem::replace(&mut self.is_over, true) {
            return;
        }
        ask_to_end(&self.child);
        self.ended_within(ENDING);
        kill_all(&mut self.child);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Reads a log to its end; returns the last line that is not empty, which usually says why a program ends.
fn last_line(log: ChildStderr) -> String {
    let (mut log, mut line, mut last) = (BufReader::new(log), Vec::new(), String::new());
    while log.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            last = text.trim().to_owned();
        }
        line.clear();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_into_words_and_shown_without_them() {
        let command: CommandLine = "rpicam-vid -t 0 --name 'a b' \"c\"".parse().unwrap();
        assert_eq!(command.words, ["rpicam-vid", "-t", "0", "--name", "a b", "c"]);
        assert_eq!(
            (command.to_string(), format!("{command:?}")),
            ("exec:rpicam-vid".into(), "exec:rpicam-vid".into())
        );
        for wrong in ["", "  ", "cat 'a"] {
            assert!(wrong.parse::<CommandLine>().is_err(), "{wrong:?}");
        }
    }
}
