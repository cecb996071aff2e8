//! Videos and network streams through an ffmpeg process: frames as PPM on its stdout, their times on its stderr.

use super::{Read, Source, SourceError, Stop, check_size, polled::PolledReader, uri::without_credentials};
use crate::{
    child::{PIPE_BYTES, die_with_us, widen, without_origin},
    frame::{Encoding, Frame},
};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

/// Times run ahead of the frames by what lies in the pipe.
const TIMES_AHEAD: usize = 1024;
/// A time stands on stderr before its frame is on stdout; this is for a slow machine.
const TIME_PATIENCE: Duration = Duration::from_secs(1);

/// A running ffmpeg. Dropping it kills the process and waits for its end.
pub(super) struct FfmpegSource {
    uri: String,
    live: bool,
    max_megapixels: f64,
    child: Child,
    frames: BufReader<PolledReader<ChildStdout>>,
    times: Receiver<u64>,
    log: Option<JoinHandle<String>>,
    given: u64,
    /// Memory for the lines before each frame.
    header: String,
    stop: Stop,
}

impl FfmpegSource {
    pub fn open_file(path: &Path, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        File::open(path).map_err(|fault| SourceError::Missing { path: path.to_owned(), fault })?;
        let shown = path.display().to_string();
        // Without the prefix, a name with a colon would be taken for a protocol.
        Self::start(&["-i".to_owned(), format!("file:{shown}")], shown, None, max_megapixels, stop)
    }

    pub fn open_stream(address: &str, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let mut arguments: Vec<String> =
            ["-fflags", "nobuffer", "-flags", "low_delay"].map(str::to_owned).to_vec();
        // Microseconds after which a silent server counts as gone.
        let silence = if address.starts_with("rtsp") {
            ["-rtsp_transport", "tcp", "-timeout", "10000000"].as_slice()
        } else {
            &["-rw_timeout", "10000000"]
        };
        arguments.extend(silence.iter().map(|&argument| argument.to_owned()));
        arguments.extend(["-i".to_owned(), address.to_owned()]);
        Self::start(&arguments, without_credentials(address), Some(address), max_megapixels, stop)
    }

    /// `address` is a stream's, with its password.
    fn start(
        input: &[String],
        uri: String,
        address: Option<&str>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]).args(input);
        command.args(["-map", "0:v:0", "-fps_mode", "passthrough"]);
        // The filter prints a frame's time only where the frame carries some entry.
        command.args(["-vf", "metadata=add:key=emotiond:value=1,metadata=print:file=/dev/stderr:direct=1"]);
        command.args(["-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "-"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // One that waits for a silent camera would outlive us otherwise.
        die_with_us(&mut command);
        let mut child = command.spawn().map_err(|fault| SourceError::Helper {
            program: "ffmpeg",
            uri: uri.clone(),
            fault,
        })?;
        let stdout = child.stdout.take().expect("stdout is piped");
        widen(&stdout);
        let stderr = child.stderr.take().expect("stderr is piped");
        let (to_times, times) = bounded(TIMES_AHEAD);
        let (live, secret, shown) = (address.is_some(), address.unwrap_or(&uri).to_owned(), uri.clone());
        let log = thread::Builder::new()
            .name("ffmpeg-log".to_owned())
            .spawn(move || read_log(stderr, &to_times).replace(&secret, &shown))
            .ok();
        let frames = BufReader::with_capacity(PIPE_BYTES, PolledReader::new(stdout, stop));
        Ok(Self {
            uri,
            live,
            max_megapixels,
            child,
            frames,
            times,
            log,
            given: 0,
            header: String::new(),
            stop: stop.clone(),
        })
    }

    /// After the last frame: an end, or what ffmpeg complained about.
    fn end(&mut self) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let succeeded = self.child.wait().is_ok_and(|status| status.success());
        let complaint = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        let reason =
            if complaint.is_empty() { "ffmpeg found no video in it".to_owned() } else { complaint.clone() };
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
        let Some((width, height)) = read_ppm_header(&mut self.frames, &mut self.header) else {
            return self.end();
        };
        check_size(&self.uri, width, height, self.max_megapixels)?;
        frame.stamp();
        (frame.encoding, frame.width, frame.height) = (Encoding::Rgb, width, height);
        frame.bytes.resize(width as usize * height as usize * 3, 0);
        if self.frames.read_exact(&mut frame.bytes).is_err() {
            return self.end();
        }
        frame.pts_ms = self.times.recv_timeout(TIME_PATIENCE).ok();
        self.given += 1;
        Ok(Read::Frame)
    }
}

impl Drop for FfmpegSource {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Width and height from a binary PPM's header of three lines; `None` at the end.
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

/// Sends the frames' times on, in milliseconds, and returns the first complaint: the others follow from it.
fn read_log(stderr: ChildStderr, times: &Sender<u64>) -> String {
    let mut complaint = String::new();
    let mut stderr = BufReader::new(stderr);
    let mut line = String::new();
    while stderr.read_line(&mut line).is_ok_and(|count| count > 0) {
        if let Some((_, time)) = line.split_once("pts_time:").filter(|_| line.starts_with("frame:")) {
            let seconds: f64 = time.trim().parse().unwrap_or(0.0);
            // Nobody listens any more once the source is dropped.
            let _ = times.send((seconds.max(0.0) * 1000.0).round() as u64);
        } else if complaint.is_empty() && !line.starts_with("emotiond=") {
            complaint = without_origin(&line).to_owned();
        }
        line.clear();
    }
    complaint
}
