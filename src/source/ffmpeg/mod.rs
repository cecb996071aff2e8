//! Videos and network streams through an ffmpeg process, which writes frames to stdout, and beside them their sizes and
//! times. Frames are RGB pixels, or the unchanged JPEG pictures of a file, which our decoder can decode at reduced size.

mod list;
mod notes;
mod pace;

use super::{
    Read, Source, SourceError, Stop, address::Address, check_size, config::Transport, ffprobe::jpeg_pictures,
    polled::PolledReader,
};
use crate::{
    child::{Bounds, file_url},
    frame::{Encoding, Frame},
    system::{OwnedPipe, PIPE_BYTES, die_with_us, give_way, signal, widen},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
pub(super) use list::HTTP_PROTOCOLS;
use notes::{Content, Note, line_on_error, line_on_frame, line_on_packet, read_log};
use pace::{Decoded, Pace};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufReader, PipeReader, Read as _, Write as _},
    mem,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::Once,
    thread::{self, JoinHandle},
    time::Duration,
};
use uuid::Uuid;

/// The exit code of the system's loader.
const NOT_LOADED: i32 = 127;
/// How often to check the stop flag while waiting for a note.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How much nicer than the analysis ffmpeg is when it decodes a live stream: on a machine that is too small, what is decoded
/// must still be analysed.
const NICER: i32 = 10;
/// ffmpeg's arguments to decode only key frames, which need no other frames.
const KEY_FRAMES: [&str; 2] = ["-skip_frame", "nokey"];

/// ffmpeg's arguments to decode each frame at its own size; the filter that notes its size and time on stderr follows. In
/// ffmpeg's selector, `V` means a video that is no attached picture, such as the cover of an album.
const DECODED: [&str; 15] = [
    "-loglevel",
    "level+info",
    "-nostats",
    "-map",
    "0:V:0",
    "-fps_mode",
    "passthrough",
    "-noautoscale",
    "-f",
    "rawvideo",
    "-c:v",
    "rawvideo",
    "-pix_fmt",
    "rgb24",
    "pipe:1",
];
/// ffmpeg's arguments to copy each frame. The line for each frame is `0, dts, pts, duration, size, checksum`, with times in
/// ticks. It goes through a pipe of its own, which is the process's stdin, so that no message is taken for it.
const COPIED: [&str; 16] = [
    "-loglevel",
    "error",
    "-map",
    "0:V:0",
    "-c",
    "copy",
    "-f",
    "framecrc",
    "pipe:0",
    "-map",
    "0:V:0",
    "-c",
    "copy",
    "-f",
    "mjpeg",
    "pipe:1",
];

/// What ffmpeg reads.
struct Input {
    arguments: Vec<OsString>,
    stdin: Feed,
    /// The file or address, as it is shown.
    uri: String,
    /// An address, whose secrets are removed from ffmpeg's messages.
    address: Option<Address>,
    live: bool,
    /// Whether frames are copied as JPEG pictures.
    jpeg: bool,
}

/// A live stream that can be opened again with less to decode, or with all.
struct Live {
    address: Address,
    transport: Transport,
    pace: Pace,
}

/// What ffmpeg reads from its stdin.
enum Feed {
    /// This text.
    Text(String),
    /// A pipe.
    Pipe(OwnedPipe),
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
    live: Option<Live>,
    stop: Stop,
}

impl FfmpegSource {
    pub fn open_file(path: &Path, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        File::open(path).map_err(|error| SourceError::Missing { path: path.to_owned(), error })?;
        let uri = path.display().to_string();
        let arguments = vec!["-i".into(), file_url(path)];
        let pictures = jpeg_pictures(path, stop);
        if let Some((width, height)) = pictures {
            check_size(&uri, width, height, max_megapixels)?;
        }
        // Only there, a child can write to the pipe that is its stdin.
        let jpeg = pictures.is_some() && cfg!(unix);
        let input =
            Input { arguments, stdin: Feed::Text(String::new()), uri, address: None, live: false, jpeg };
        Self::start(input, max_megapixels, stop)
    }

    /// Reads a video from a pipe, which is in blocking mode.
    pub fn open_pipe(
        pipe: OwnedPipe,
        uri: String,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let arguments = ["-i", "pipe:0"].map(OsString::from).to_vec();
        let input =
            Input { arguments, stdin: Feed::Pipe(pipe), uri, address: None, live: false, jpeg: false };
        Self::start(input, max_megapixels, stop)
    }

    /// Opens a live stream.
    pub fn open_stream(
        address: &Address,
        transport: Transport,
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let mut source = Self::start_stream(address, transport, &[], max_megapixels, stop)?;
        source.live = Some(Live { address: address.clone(), transport, pace: Pace::default() });
        Ok(source)
    }

    fn start_stream(
        address: &Address,
        transport: Transport,
        decoder: &[&str],
        max_megapixels: f64,
        stop: &Stop,
    ) -> Result<Self, SourceError> {
        let words = ["-fflags", "nobuffer", "-flags", "low_delay"].iter().chain(decoder);
        let mut arguments: Vec<OsString> = words.map(OsString::from).collect();
        arguments.extend(list::arguments(address));
        let input = Input {
            arguments,
            stdin: Feed::Text(list::live(address, transport)),
            uri: address.to_string(),
            address: Some(address.clone()),
            live: true,
            jpeg: false,
        };
        let source = Self::start(input, max_megapixels, stop)?;
        give_way(&source.child, NICER);
        Ok(source)
    }

    /// Opens a live stream again: with its key frames alone, because the machine is too small to decode all frames, or
    /// with all, because it has had time for them for a while.
    fn open_again(&mut self, live: Live, decoded: Decoded) -> Result<(), SourceError> {
        static TOLD: Once = Once::new();
        let decoder: &[&str] = match decoded {
            Decoded::All => {
                tracing::info!(source = self.input.uri, "from now on, all frames are decoded");
                &[]
            }
            Decoded::KeyFrames => {
                TOLD.call_once(|| {
                    tracing::warn!(
                        "the machine is too small to decode all streams in time; of some, only key frames are decoded until \
                         it has had time for more for some minutes: read fewer or smaller streams"
                    );
                });
                tracing::info!(source = self.input.uri, "from now on, only key frames are decoded");
                &KEY_FRAMES
            }
        };
        let stop = self.stop.clone();
        *self = Self::start_stream(&live.address, live.transport, decoder, self.max_megapixels, &stop)?;
        self.live = Some(live);
        Ok(())
    }

    /// Opens a recorded video on a server.
    pub fn open_recording(address: &Address, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let input = Input {
            arguments: list::arguments(address).to_vec(),
            stdin: Feed::Text(list::recorded(address)),
            uri: address.to_string(),
            address: Some(address.clone()),
            live: false,
            jpeg: false,
        };
        Self::start(input, max_megapixels, stop)
    }

    fn start(mut input: Input, max_megapixels: f64, stop: &Stop) -> Result<Self, SourceError> {
        let mut command = Command::new("ffmpeg");
        let bounds = Bounds::of(max_megapixels);
        command.args(["-hide_banner", "-nostdin"]).args(bounds.arguments()).args(&input.arguments);
        let tag = Uuid::new_v4().simple().to_string();
        if input.jpeg {
            command.args(COPIED);
        } else {
            let filter = format!("metadata=mode=delete,showinfo@{tag}=checksum=0");
            command.args(["-vf", &filter]).args(DECODED);
        }
        let helper = |error| SourceError::Helper { program: "ffmpeg", uri: input.uri.clone(), error };
        let mut packets = None;
        let feed = mem::replace(&mut input.stdin, Feed::Text(String::new()));
        let (stdin, text) = match feed {
            Feed::Text(_) if input.jpeg => {
                let (reader, writer) = io::pipe().map_err(helper)?;
                packets = Some(reader);
                (Stdio::from(writer), String::new())
            }
            Feed::Text(text) => (Stdio::piped(), text),
            Feed::Pipe(pipe) => (Stdio::from(pipe), String::new()),
        };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process that waits for a silent camera would otherwise outlive this one.
        die_with_us(&mut command);
        bounds.keep(&mut command);
        let mut child = command.spawn().map_err(helper)?;
        // It holds the pipe of the notes, which ends with the process.
        drop(command);
        if let Some(mut stdin) = child.stdin.take() {
            // If it has ended already, its stderr says why.
            let _ = stdin.write_all(text.as_bytes());
        }
        let stdout = child.stdout.take().expect("stdout is piped");
        widen(&stdout);
        let stderr = child.stderr.take().expect("stderr is piped");
        // It is ahead of the frames by the contents of their pipe at most.
        let (to_notes, notes) = unbounded();
        let (jpeg, address) = (input.jpeg, input.address.clone());
        let started = packets.map_or(Ok(()), |packets| note_packets(packets, to_notes.clone()));
        let log = started.and_then(|()| {
            thread::Builder::new().name("ffmpeg-log".to_owned()).spawn(move || {
                let mut seconds_a_tick = 1.0;
                let complaint = if jpeg {
                    drop(to_notes);
                    read_log(stderr, line_on_error, None)
                } else {
                    read_log(stderr, |line| line_on_frame(line, &tag, &mut seconds_a_tick), Some(&to_notes))
                };
                address.map_or(complaint.clone(), |address| address.hide_in(&complaint))
            })
        });
        let log = log.map_err(|error| {
            let _ = child.kill();
            let _ = child.wait();
            SourceError::Thread(error)
        })?;
        let frames = BufReader::with_capacity(PIPE_BYTES, PolledReader::new(stdout, stop));
        let stop = stop.clone();
        Ok(Self { input, max_megapixels, child, frames, notes, log: Some(log), given: 0, live: None, stop })
    }

    /// Reads one frame; `false` at the end.
    fn read_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let note = loop {
            match self.notes.recv_timeout(POLL_INTERVAL) {
                Ok(note) => break note,
                Err(RecvTimeoutError::Timeout) if !self.stop.is_set() => {}
                Err(_) => return Ok(false),
            }
        };
        let bytes = match note.content {
            Content::Jpeg(bytes) => {
                (frame.encoding, frame.width, frame.height) = (Encoding::Jpeg, 0, 0);
                bytes
            }
            Content::Pixels(width, height) => {
                check_size(&self.input.uri, width, height, self.max_megapixels)?;
                (frame.encoding, frame.width, frame.height) = (Encoding::Rgb, width, height);
                width as usize * height as usize * 3
            }
        };
        if let Some(mut live) = self.live.take() {
            if let Some(decoded) = live.pace.change(note.pts_ms) {
                self.open_again(live, decoded)?;
                return self.read_frame(frame);
            }
            self.live = Some(live);
        }
        // The times of live streams are often invented: their clock is the time of arrival.
        frame.pts_ms = note.pts_ms.filter(|_| !self.input.live);
        frame.bytes.resize(bytes, 0);
        Ok(self.frames.read_exact(&mut frame.bytes).is_ok())
    }

    /// Called after the last frame: returns the end, or ffmpeg's error.
    fn end(&mut self) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        // ffmpeg must not wait for a reader of what is left.
        let _ = io::copy(&mut self.frames, &mut io::sink());
        let status = self.child.wait();
        let succeeded = status.as_ref().is_ok_and(ExitStatus::success);
        let code = status.as_ref().ok().and_then(ExitStatus::code);
        let complaint = self.log.take().and_then(|log| log.join().ok()).unwrap_or_default();
        let reason =
            if complaint.is_empty() { "ffmpeg found no video".to_owned() } else { complaint.clone() };
        let uri = self.input.uri.clone();
        if let (Some(signal), false) = (status.ok().and_then(signal), self.input.live) {
            return Err(SourceError::Killed { uri, signal, frames: self.given });
        }
        if self.given == 0 && code == Some(NOT_LOADED) {
            return Err(SourceError::Unloaded { uri, reason });
        }
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

/// Forwards the notes about frames that are copied.
fn note_packets(packets: PipeReader, notes: Sender<Note>) -> io::Result<()> {
    let body = move || {
        let mut seconds_a_tick = 1.0;
        read_log(packets, |line| line_on_packet(line, &mut seconds_a_tick), Some(&notes));
    };
    thread::Builder::new().name("ffmpeg-notes".to_owned()).spawn(body).map(drop)
}

impl Source for FfmpegSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if !self.read_frame(frame)? {
            return self.end();
        }
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
