//! Examines a video file with ffprobe, which is part of ffmpeg.

use super::{Stop, address::Address, ffmpeg::HTTP_PROTOCOLS};
use crate::{
    child::{Bounds, file_url},
    system::die_with_us,
};
use serde::Deserialize;
use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long ffprobe may take, for example because a server is slow.
const TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 64 << 10;

/// The pixel formats of common JPEG pictures. ffmpeg decodes all others, such as those with limited range.
const PIXELS_OF_JPEG: [&str; 4] = ["yuvj420p", "yuvj422p", "yuvj444p", "gray"];

#[derive(Deserialize)]
struct Answer {
    streams: Vec<Stream>,
}

#[derive(Deserialize)]
struct Stream {
    codec_name: Option<String>,
    pix_fmt: Option<String>,
    field_order: Option<String>,
    width: u32,
    height: u32,
    /// Includes the display matrix, which rotates the pictures.
    #[serde(default)]
    side_data_list: Vec<serde::de::IgnoredAny>,
}

/// Width and height if the video at `path` consists of upright JPEG pictures, one per frame; otherwise `None`, also if
/// the file cannot be read, because ffmpeg then reports the error.
pub(super) fn jpeg_pictures(path: &Path, stop: &Stop) -> Option<(u32, u32)> {
    // Reading from a pipe would consume its data.
    if !path.is_file() {
        return None;
    }
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "quiet", "-select_streams", "V:0", "-print_format", "json"]);
    command.args(["-show_entries", "stream=codec_name,pix_fmt,field_order,width,height:stream_side_data"]);
    command.arg(file_url(path));
    let answer: Answer = serde_json::from_str(&ask(command, "", stop)?).ok()?;
    let stream = answer.streams.into_iter().next()?;
    // An interlaced frame would be two pictures.
    let whole = matches!(stream.field_order.as_deref(), None | Some("unknown" | "progressive"));
    let jpeg = stream.codec_name.as_deref() == Some("mjpeg")
        && stream.pix_fmt.is_some_and(|pixels| PIXELS_OF_JPEG.contains(&pixels.as_str()));
    (jpeg && whole && stream.side_data_list.is_empty()).then_some((stream.width, stream.height))
}

/// Whether what a server sends has an end and times of its own, as a recorded video has.
pub(super) fn has_duration(address: &Address, stop: &Stop) -> bool {
    let mut command = Command::new("ffprobe");
    command.args(["-loglevel", "quiet", "-protocol_whitelist", HTTP_PROTOCOLS]);
    command.args(["-show_entries", "format=duration", "-of", "csv=p=0"]);
    // The address comes through a pipe, because all users can see the arguments of a process.
    command.arg("concatf:pipe:0");
    let answer = ask(command, &format!("{}\n", address.for_ffmpeg()), stop).unwrap_or_default();
    answer.trim().parse().is_ok_and(|seconds: f64| seconds.is_finite() && seconds > 0.0)
}

/// Runs ffprobe with a text on its stdin, and returns what it prints; `None` if it takes too long.
fn ask(mut command: Command, text: &str, stop: &Stop) -> Option<String> {
    let bounds = Bounds::default();
    command.args(&bounds.arguments()[..2]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    die_with_us(&mut command);
    bounds.keep(&mut command);
    let mut child = command.spawn().ok()?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(text.as_bytes());
    }
    let deadline = Instant::now() + TIMEOUT;
    // What it prints fits into its pipe.
    while matches!(child.try_wait(), Ok(None)) {
        if stop.is_set() || Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        thread::sleep(POLL_INTERVAL);
    }
    let mut answer = String::new();
    child.stdout.take()?.take(LONGEST_ANSWER).read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A file's frames per second as a fraction; `None` where they vary or cannot be told.
pub fn constant_rate(path: &Path) -> Option<(u64, u64)> {
    // Reading from a pipe would consume its data.
    if !path.is_file() {
        return None;
    }
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-select_streams",
        "V:0",
        "-show_entries",
        "stream=r_frame_rate,avg_frame_rate",
    ]);
    command.args(["-of", "csv=p=0"]).arg(file_url(path));
    let text = ask(command, "", &Stop::default())?;
    let mut rates = text.trim().split(',').filter_map(fraction);
    let (least, mean) = (rates.next()?, rates.next()?);
    let value = |(rate, per): (u64, u64)| rate as f64 / per as f64;
    ((value(least) / value(mean) - 1.0).abs() < 1e-3).then_some(least)
}

fn fraction(text: &str) -> Option<(u64, u64)> {
    let (rate, per) = text.trim().split_once('/')?;
    let (rate, per) = (rate.parse().ok()?, per.parse().ok()?);
    (rate > 0 && per > 0).then_some((rate, per))
}
