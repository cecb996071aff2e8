//! Videos and network streams through an ffmpeg process, which writes frames to stdout and their times to stderr.
//! Frames are PPM pictures, or the unchanged JPEG pictures of a file, which our decoder can decode at reduced size.

mod list;
mod notes;

use super::{
    Read, Source, SourceError, Stop, address::Address, check_size, config::Transport, ffprobe::jpeg_pictures,
    polled::PolledReader,
};
use crate::{
    child::{PIPE_BYTES, die_with_us, widen},
    frame::{Encoding, Frame},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
pub(super) use list::PROTOCOLS;
use notes::{Note, line_on_frame, line_on_packet, read_log};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Capacity of the queue of notes, which may be ahead of the frames by the contents of the pipe.
const NOTES_AHEAD: usize = 1024;
/// How often to check the stop flag while waiting for a note.
const POLL: Duration = Duration::from_millis(50);
/// How long to wait for a frame's time. ffmpeg writes it before the frame, but the log thread may be slow.
const TIMESTAMP_TIMEOUT: Duration = Duration::from_secs(1);

/// ffmpeg's arguments to write each frame's time. The filter prints the time only of frames with at least one entry.
const TIMED: [&str; 2] =
    ["-vf", "metadata=add:key=emotiond:value=1,metadata=print:file=/dev/stderr:direct=1"];
/// ffmpeg's arguments to decode each frame.
const DECODED: [&str; 11] = [
    "-map",
    "0:v:0",
    "-fps_mode",
    "passthrough",
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

/// What ffmpeg reads.
struct Input {
    arguments: Vec<String>,
    /// What it reads from its stdin.
    stdin: String,
    /// The file or address, as it is shown.
    uri: String,
    /// An address, whose secrets are removed from ffmpeg's messages.
    address: Option<Address>,
    live: bool,
    /// Whether frames are copied as JPEG pictures.
    jpeg: bool,
}

/// A running ffmpeg process. Dropping it kills the process.
pub(super) struct FfmpegSource {
    input: Input,
    max_megapixels: f64,
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
        let uri = path.display().to_string();
        // Without the prefix, ffmpeg would take the part of a file name before a colon for a protocol.
        let arguments = vec!["-i".to_owned(), format!("file:{uri}")];
        let pictures = jpeg_pictures(path);
        if let Some((width, height)) = pictures {
            check_size(&uri, width, height, max_megapixels)?;
        }
        let jpeg = pictures.is_some();
        let input = Input { arguments, stdin: String::new(), uri, address: None, live: false, jpeg };
        Self::start(input, max_megapixels, stop)
    }

    /// Opens a live stream.
    pub fn open_stream(
        address: &Address,
        transport: Transport,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut arguments = ["-fflags", "nobuffer", "-flags", "low_delay"].map(str::to_owned).to_vec();
        arguments.extend(list::arguments());
        let input = Input {
            arguments,
            stdin: list::live(address, transport),
            uri: address.to_string(),
            address: Some(address.clone()),
            live: true,
            jpeg: false,
        };
        Self::start(input, max_megapixels, stop)
    }

    /// Opens a recorded video on a server.
    pub fn open_recording(address: &Address, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let input = Input {
            arguments: list::arguments().to_vec(),
            stdin: list::recorded(address),
            uri: address.to_string(),
            address: Some(address.clone()),
            live: false,
            jpeg: false,
        };
        Self::start(input, max_megapixels, stop)
    }

    fn start(input: Input, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]).args(&input.arguments);
        match &input {
            Input { jpeg: true, .. } => command.args(COPIED),
            Input { live: true, .. } => command.args(DECODED),
            _ => command.args(TIMED).args(DECODED),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process that waits for a silent camera would otherwise outlive this one.
        die_with_us(&mut command);
        let helper = |error| SourceError::Helper { program: "ffmpeg", uri: input.uri.clone(), error };
        let mut child = command.spawn().map_err(helper)?;
        let mut stdin = child.stdin.take().expect("stdin is piped");
        // If it has ended already, its stderr says why.
        let _ = stdin.write_all(input.stdin.as_bytes());
        drop(stdin);
        let stdout = child.stdout.take().expect("stdout is piped");
        widen(&stdout);
        let stderr = child.stderr.take().expect("stderr is piped");
        let (to_notes, notes) = bounded(NOTES_AHEAD);
        let (jpeg, address) = (input.jpeg, input.address.clone());
        let log = thread::Builder::new()
            .name("ffmpeg-log".to_owned())
            .spawn(move || {
                let complaint = if jpeg {
                    let mut seconds_a_tick = 1.0;
                    read_log(stderr, |line| line_on_packet(line, &mut seconds_a_tick), &to_notes)
                } else {
                    read_log(stderr, line_on_frame, &to_notes)
                };
                address.map_or(complaint.clone(), |address| address.hide_in(&complaint))
            })
            .ok();
        let frames = BufReader::with_capacity(PIPE_BYTES, PolledReader::new(stdout, stop));
        let (header, stop) = (String::new(), stop.clone());
        Ok(Self { input, max_megapixels, child, frames, notes, log, given: 0, header, stop })
    }

    /// Reads one PPM picture; `false` at the end.
    fn read_ppm(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let Some((width, height)) = read_ppm_header(&mut self.frames, &mut self.header) else {
            return Ok(false);
        };
        check_size(&self.input.uri, width, height, self.max_megapixels)?;
        (frame.encoding, frame.width, frame.height) = (Encoding::Rgb, width, height);
        frame.bytes.resize(width as usize * height as usize * 3, 0);
        let is_whole = self.frames.read_exact(&mut frame.bytes).is_ok();
        // The times of live streams are often invented: their clock is the time of arrival.
        if !self.input.live {
            frame.pts_ms = self.notes.recv_timeout(TIMESTAMP_TIMEOUT).ok().map(|note| note.pts_ms);
        }
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
        let uri = self.input.uri.clone();
        match (self.input.live, succeeded, self.given) {
            (true, false, _) | (true, _, 0) => Err(SourceError::Stream { uri, reason }),
            (false, _, 0) => Err(SourceError::Video { uri, reason }),
            _ => {
                if !complaint.is_empty() {
                    tracing::warn!(
                        source = self.input.uri,
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
        let is_there = if self.input.jpeg { self.read_packet(frame) } else { self.read_ppm(frame)? };
        if !is_there {
            return self.end();
        }
        frame.stamp();
        self.given += 1;
        Ok(Read::Frame)
    }

    fn is_recorded(&self) -> bool {
        !self.input.live
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
