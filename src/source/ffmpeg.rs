//! Videos and network streams through an ffmpeg process, which writes frames to stdout and their times to stderr.
//! Frames are PPM pictures, or the unchanged JPEG pictures of a file, which our decoder can decode at reduced size.

use super::{
    Read, Source, SourceError, Stop, check_size, ffprobe::jpeg_pictures, polled::PolledReader,
    uri::without_credentials,
};
use crate::{
    child::{PIPE_BYTES, die_with_us, widen, without_origin},
    frame::{Encoding, Frame},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Capacity of the queue of notes, which may be ahead of the frames by the contents of the pipe.
const NOTES_AHEAD: usize = 1024;
/// How often to check the stop flag while waiting for a note.
const POLL: Duration = Duration::from_millis(50);
/// How long to wait for a frame's time. ffmpeg writes it before the frame, but the log thread may be slow.
const TIMESTAMP_TIMEOUT: Duration = Duration::from_secs(1);

/// ffmpeg's arguments to decode each frame. The metadata filter prints the time only of frames with at least one entry.
const DECODED: [&str; 13] = [
    "-map",
    "0:v:0",
    "-fps_mode",
    "passthrough",
    "-vf",
    "metadata=add:key=emotiond:value=1,metadata=print:file=/dev/stderr:direct=1",
    "-f",
    "image2pipe",
    "-c:v",
    "ppm",
    "-pix_fmt",
    "rgb24",
    "pipe:1",
];
/// ffmpeg's arguments to copy each frame. The line on stderr for each frame is `0, dts, pts, duration, size, checksum`,
/// with times in ticks.
const COPIED: [&str; 14] = [
    "-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:2", "-map", "0:v:0", "-c", "copy", "-f", "mjpeg",
    "pipe:1",
];

/// What ffmpeg reports about a frame on stderr.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Note {
    pts_ms: u64,
    /// Bytes of the frame, if frames are copied.
    bytes: usize,
}

/// A running ffmpeg process. Dropping it kills the process.
pub(super) struct FfmpegSource {
    uri: String,
    live: bool,
    max_megapixels: f64,
    /// Whether the frames are JPEG pictures.
    jpeg: bool,
    child: Child,
    frames: BufReader<PolledReader<ChildStdout>>,
    notes: Receiver<Note>,
    log: Option<JoinHandle<String>>,
    given: u64,
    /// Memory for each frame's header.
    header: String,
    stop: Stop,
}

impl FfmpegSource {
    pub fn open_file(path: &Path, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        File::open(path).map_err(|error| SourceError::Missing { path: path.to_owned(), error })?;
        let shown = path.display().to_string();
        // Without the prefix, ffmpeg would take the part of a file name before a colon for a protocol.
        let input = ["-i".to_owned(), format!("file:{shown}")];
        let pictures = jpeg_pictures(path);
        if let Some((width, height)) = pictures {
            check_size(&shown, width, height, max_megapixels)?;
        }
        Self::start(&input, shown, None, pictures.is_some(), max_megapixels, stop)
    }

    pub fn open_stream(address: &str, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let mut arguments: Vec<String> =
            ["-fflags", "nobuffer", "-flags", "low_delay"].map(str::to_owned).to_vec();
        // The time-out of a silent server in microseconds.
        let silence = if address.starts_with("rtsp") {
            ["-rtsp_transport", "tcp", "-timeout", "10000000"].as_slice()
        } else {
            &["-rw_timeout", "10000000"]
        };
        arguments.extend(silence.iter().map(|&argument| argument.to_owned()));
        arguments.extend(["-i".to_owned(), address.to_owned()]);
        Self::start(&arguments, without_credentials(address), Some(address), false, max_megapixels, stop)
    }

    /// Starts ffmpeg. `address` is a stream's address with its password; with `jpeg`, frames are copied as JPEG
    /// pictures.
    fn start(
        input: &[String],
        uri: String,
        address: Option<&str>,
        jpeg: bool,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]).args(input);
        if jpeg {
            command.args(COPIED);
        } else {
            command.args(DECODED);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process that waits for a silent camera would otherwise outlive this one.
        die_with_us(&mut command);
        let mut child = command.spawn().map_err(|error| SourceError::Helper {
            program: "ffmpeg",
            uri: uri.clone(),
            error,
        })?;
        let stdout = child.stdout.take().expect("stdout is piped");
        widen(&stdout);
        let stderr = child.stderr.take().expect("stderr is piped");
        let (to_notes, notes) = bounded(NOTES_AHEAD);
        let (live, secret, shown) = (address.is_some(), address.unwrap_or(&uri).to_owned(), uri.clone());
        let log = thread::Builder::new()
            .name("ffmpeg-log".to_owned())
            .spawn(move || {
                let complaint = if jpeg {
                    let mut seconds_a_tick = 1.0;
                    read_log(stderr, |line| line_on_packet(line, &mut seconds_a_tick), &to_notes)
                } else {
                    read_log(stderr, line_on_frame, &to_notes)
                };
                complaint.replace(&secret, &shown)
            })
            .ok();
        let frames = BufReader::with_capacity(PIPE_BYTES, PolledReader::new(stdout, stop));
        Ok(Self {
            uri,
            live,
            max_megapixels,
            jpeg,
            child,
            frames,
            notes,
            log,
            given: 0,
            header: String::new(),
            stop: stop.clone(),
        })
    }

    /// Reads one PPM picture; `false` at the end.
    fn read_ppm(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let Some((width, height)) = read_ppm_header(&mut self.frames, &mut self.header) else {
            return Ok(false);
        };
        check_size(&self.uri, width, height, self.max_megapixels)?;
        (frame.encoding, frame.width, frame.height) = (Encoding::Rgb, width, height);
        frame.bytes.resize(width as usize * height as usize * 3, 0);
        let is_whole = self.frames.read_exact(&mut frame.bytes).is_ok();
        frame.pts_ms = self.notes.recv_timeout(TIMESTAMP_TIMEOUT).ok().map(|note| note.pts_ms);
        Ok(is_whole)
    }

    /// Reads one JPEG picture; `false` at the end.
    fn read_packet(&mut self, frame: &mut Frame) -> bool {
        let note = loop {
            match self.notes.recv_timeout(POLL) {
                Ok(note) => break note,
                Err(RecvTimeoutError::Timeout) if !self.stop.is_set() => {}
                Err(_) => return false,
            }
        };
        (frame.encoding, frame.width, frame.height) = (Encoding::Jpeg, 0, 0);
        frame.pts_ms = Some(note.pts_ms);
        frame.bytes.resize(note.bytes, 0);
        self.frames.read_exact(&mut frame.bytes).is_ok()
    }

    /// Called after the last frame: returns the end, or ffmpeg's error.
    fn end(&mut self) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let succeeded = self.child.wait().is_ok_and(|status| status.success());
        let complaint = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        let reason =
            if complaint.is_empty() { "ffmpeg found no video".to_owned() } else { complaint.clone() };
        let uri = self.uri.clone();
        match (self.live, succeeded, self.given) {
            (true, false, _) | (true, _, 0) => Err(SourceError::Stream { uri, reason }),
            (false, _, 0) => Err(SourceError::Video { uri, reason }),
            _ => {
                if !complaint.is_empty() {
                    tracing::warn!(
                        source = self.uri,
                        "the video is damaged, {} frames could be read: {complaint}",
                        self.given
                    );
                }
                Ok(Read::Ended)
            }
        }
    }
}

impl Source for FfmpegSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let is_there = if self.jpeg { self.read_packet(frame) } else { self.read_ppm(frame)? };
        if !is_there {
            return self.end();
        }
        self.given += 1;
        Ok(Read::Frame)
    }
}

impl Drop for FfmpegSource {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a binary PPM's header of three lines; returns width and height, `None` at the end.
fn read_ppm_header(reader: &mut impl BufRead, header: &mut String) -> Option<(u32, u32)> {
    header.clear();
    for _ in 0..3 {
        reader.read_line(header).ok().filter(|count| *count > 0)?;
    }
    let mut lines = header.lines();
    let (kind, size) = (lines.next()?, lines.next()?);
    let (width, height) = size.trim().split_once(' ')?;
    (kind.trim() == "P6").then_some((width.parse().ok()?, height.parse().ok()?))
}

/// A line on ffmpeg's stderr.
enum Line {
    /// Describes a frame.
    Note(Note),
    /// Other information about frames, which is ignored.
    Other,
    /// An error message.
    Complaint,
}

/// Parses a line that ffmpeg prints with the arguments [`DECODED`].
fn line_on_frame(line: &str) -> Line {
    match line.split_once("pts_time:") {
        Some((start, time)) if start.starts_with("frame:") => {
            Line::Note(Note { pts_ms: milliseconds(time.trim().parse().unwrap_or(0.0)), bytes: 0 })
        }
        _ if line.starts_with("emotiond=") => Line::Other,
        _ => Line::Complaint,
    }
}

/// Parses a line that ffmpeg prints with the arguments [`COPIED`]. `#tb 0: 1/30` gives the duration of a tick in
/// seconds.
fn line_on_packet(line: &str, seconds_a_tick: &mut f64) -> Line {
    if let Some((numerator, denominator)) =
        line.strip_prefix("#tb 0: ").and_then(|ratio| ratio.trim().split_once('/'))
    {
        let number = |text: &str| text.parse().unwrap_or(1.0);
        *seconds_a_tick = number(numerator) / number(denominator);
    }
    let mut columns = line.split(',').map(str::trim);
    match (columns.next(), columns.nth(1), columns.nth(1).map(str::parse)) {
        // An empty packet repeats the previous frame.
        (Some("0"), Some(_), Some(Ok(0))) => Line::Other,
        (Some("0"), Some(ticks), Some(Ok(bytes))) => {
            let seconds = ticks.parse().unwrap_or(0.0) * *seconds_a_tick;
            Line::Note(Note { pts_ms: milliseconds(seconds), bytes })
        }
        _ if line.starts_with('#') => Line::Other,
        _ => Line::Complaint,
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// Forwards the notes and returns the first error message; later ones are usually its consequences.
fn read_log(stderr: ChildStderr, mut read: impl FnMut(&str) -> Line, notes: &Sender<Note>) -> String {
    let mut complaint = String::new();
    let mut stderr = BufReader::new(stderr);
    let mut line = String::new();
    while stderr.read_line(&mut line).is_ok_and(|count| count > 0) {
        match read(&line) {
            Line::Note(note) => {
                // Fails only when the source has been dropped.
                let _ = notes.send(note);
            }
            Line::Complaint if complaint.is_empty() => complaint = without_origin(&line).to_owned(),
            Line::Complaint | Line::Other => {}
        }
        line.clear();
    }
    complaint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_noted_with_their_time_and_size() {
        let mut tick = 1.0;
        let lines = "#software: Lavf59.27.100\n#tb 0: 1001/30000\n#dimensions 0: 640x480\n\
                     0,          0,          0,        1,    20746, 0x60095b0a\n\
                     0,          1,          3,        1,        0, 0x00000000, F=0x0\n\
                     0,          2,         30,        1,      785, 0x751f6bf1, F=0x0\n\
                     [avi @ 0x5581] index is missing\n";
        let (mut notes, mut complaints) = (Vec::new(), Vec::new());
        for line in lines.split_inclusive('\n') {
            match line_on_packet(line, &mut tick) {
                Line::Note(note) => notes.push(note),
                Line::Complaint => complaints.push(line),
                Line::Other => {}
            }
        }
        assert_eq!(notes, [Note { pts_ms: 0, bytes: 20746 }, Note { pts_ms: 1001, bytes: 785 }]);
        assert_eq!(complaints, ["[avi @ 0x5581] index is missing\n"]);
    }
}
