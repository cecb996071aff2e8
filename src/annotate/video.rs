//! Annotated videos, written through an ffmpeg process. A video consists of fragments of one second, so that it can be
//! played up to the last fragment after a crash.

use super::{AnnotateError, Writer, matroska};
use crate::{
    analysed::{Analysed, PipelineInfo},
    child::first_complaint,
    draw::{Artist, RateMeter, Rect, Scaler, fit, live_status, recorded_status},
    frame::Picture,
    source::{self, SourceUri},
    system::{give_way, separate, widen},
};
use emotiond_core::files;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

/// Niceness of ffmpeg: it gets about a tenth of the processor time if the analysis needs all.
const NICER: i32 = 10;

/// Writes a video with the size of the first frame.
pub(super) struct VideoWriter {
    path: PathBuf,
    stage: Arc<PipelineInfo>,
    is_live: bool,
    /// The video that is read.
    video: Option<PathBuf>,
    /// Frame rate as a fraction, if it is constant; known with the first frame.
    rate: Option<(u64, u64)>,
    encoder: Option<Encoder>,
    artist: Artist,
    scaler: Scaler,
    meter: RateMeter,
    canvas: Picture,
    /// A frame of another size, scaled to fit.
    fitted: Analysed,
    started: Option<Instant>,
    last_us: Option<u64>,
}

/// A running ffmpeg process. It ends when its input ends, even if this process was killed.
struct Encoder {
    child: Child,
    input: ChildStdin,
    log: JoinHandle<String>,
}

impl VideoWriter {
    pub fn new(path: &Path, uri: &SourceUri, stage: Arc<PipelineInfo>) -> Self {
        let video = if let SourceUri::Video(path) = uri { Some(path.clone()) } else { None };
        Self {
            path: path.to_owned(),
            stage,
            is_live: uri.is_live(),
            video,
            rate: None,
            encoder: None,
            artist: Artist::default(),
            scaler: Scaler::default(),
            meter: RateMeter::default(),
            canvas: Picture::default(),
            fitted: Analysed::default(),
            started: None,
            last_us: None,
        }
    }

    fn start(&self) -> Result<Encoder, AnnotateError> {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]);
        command.args(["-probesize", "32", "-analyzeduration", "0", "-f", "matroska", "-i", "pipe:0"]);
        // H.264 requires even sides.
        let filter = "pad=ceil(iw/2)*2:ceil(ih/2)*2,scale=out_color_matrix=bt709:out_range=tv,format=yuv420p";
        // No B-frames, because the header of a fragmented file cannot compensate for their initial delay.
        command.args(["-vf", filter, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "0"]);
        command.args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]);
        let (rate, per) = self.rate.unwrap_or((1000, 1));
        command.args(["-fps_mode", "passthrough", "-enc_time_base", &format!("{per}:{rate}")]);
        command.args([
            "-movflags",
            "+frag_keyframe+empty_moov+default_base_moof",
            "-frag_duration",
            "1000000",
        ]);
        command.args(["-flush_packets", "1", "-f", "mp4"]).arg("pipe:1");
        let file = files::create(&self.path)
            .map_err(|error| AnnotateError::Write { path: self.path.clone(), reason: error.to_string() })?;
        command.stdin(Stdio::piped()).stdout(file).stderr(Stdio::piped());
        // Ctrl-C must not reach ffmpeg, because the last frames are still being written.
        separate(&mut command);
        let failed = |error| AnnotateError::Helper { path: self.path.clone(), error };
        let mut child = command.spawn().map_err(failed)?;
        give_way(&child, NICER);
        let mut input = child.stdin.take().expect("stdin is piped");
        widen(&input);
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = thread::Builder::new().name("ffmpeg-log".to_owned()).spawn(move || first_complaint(stderr));
        let log = log.map_err(|error| AnnotateError::Thread(error.to_string()))?;
        // If the pipe is already broken, writing the first frame reports it.
        let _ = input.write_all(&matroska::header(self.canvas.width, self.canvas.height));
        Ok(Encoder { child, input, log })
    }

    fn draw(&mut self, shown: &Analysed) {
        let line = if self.is_live {
            let rate = self.meter.measure(shown.analysed, Instant::now());
            live_status(&self.stage, shown, rate)
        } else {
            recorded_status(&self.stage, shown)
        };
        let (width, height) = (self.canvas.width, self.canvas.height);
        if (shown.picture.width, shown.picture.height) == (width, height) {
            self.canvas.copy_from(&shown.picture);
            self.artist.draw_all(&mut self.canvas, shown, &self.stage);
        } else {
            let whole = Rect::of(&self.canvas);
            let place = fit(shown.picture.width, shown.picture.height, whole);
            self.scaler.scale_shown(shown, place.w as u32, place.h as u32, &mut self.fitted);
            self.artist.draw_on(&mut self.fitted, &self.stage);
            self.canvas.fill(whole, [0; 3]);
            self.canvas.paste(&self.fitted.picture, place.x as u32, place.y as u32);
        }
        self.artist.draw_status(&mut self.canvas, &line);
    }

    /// The frame's time in microseconds: a file's own time, rounded to multiples of the frame duration if the rate is
    /// constant, otherwise the time since the first frame; always later than the previous frame.
    fn time_us(&mut self, shown: &Analysed) -> u64 {
        let time_us = match (shown.pts_ms, self.rate) {
            (Some(pts_ms), Some((rate, per))) => {
                let number = (pts_ms * rate + 500 * per) / (1000 * per);
                (number * per * 1_000_000 + rate / 2) / rate
            }
            (Some(pts_ms), None) => pts_ms * 1000,
            (None, _) => {
                let captured = shown.captured.unwrap_or_else(Instant::now);
                captured.saturating_duration_since(*self.started.get_or_insert(captured)).as_millis() as u64
                    * 1000
            }
        };
        let step_us = self.rate.map_or(1000, |(rate, per)| per * 1_000_000 / rate);
        let time_us = self.last_us.map_or(time_us, |last| time_us.max(last + step_us));
        self.last_us = Some(time_us);
        time_us
    }

    /// Closes ffmpeg's input and waits for it to exit. `error` is the error of the last write.
    fn end(&mut self, error: Option<&io::Error>) -> Result<(), AnnotateError> {
        let Some(Encoder { mut child, input, log }) = self.encoder.take() else { return Ok(()) };
        drop(input);
        let status = child.wait();
        let complaint = log.join().unwrap_or_default();
        if error.is_none() && status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Ok(());
        }
        let told = || error.map_or_else(|| format!("ffmpeg ended with {status:?}"), ToString::to_string);
        let reason = if complaint.is_empty() { told() } else { complaint };
        Err(AnnotateError::Write { path: self.path.clone(), reason })
    }
}

impl Writer for VideoWriter {
    fn write(&mut self, shown: &Analysed) -> Result<(), AnnotateError> {
        if self.encoder.is_none() {
            self.canvas.resize(shown.picture.width, shown.picture.height);
            self.rate = self.video.as_deref().and_then(source::constant_rate);
            self.encoder = Some(self.start()?);
        }
        self.draw(shown);
        let time_us = self.time_us(shown);
        let header = matroska::frame_header(time_us, self.canvas.pixels.len());
        let encoder = self.encoder.as_mut().expect("it was started above");
        let written =
            encoder.input.write_all(&header).and_then(|()| encoder.input.write_all(&self.canvas.pixels));
        written.or_else(|error| self.end(Some(&error)))
    }

    fn finish(&mut self) -> Result<(), AnnotateError> {
        self.end(None)
    }
}
