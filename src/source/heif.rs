//! HEIC and AVIF pictures, which ffmpeg decodes if it is new enough.

use super::{Stop, polled::PolledReader};
use crate::{
    child::{Bounds, file_url, first_complaint},
    system::die_with_us,
};
use std::{
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

/// Decodes the picture at `path` to a PPM file, which replaces the content of `out`.
///
/// # Errors
/// When ffmpeg is missing or cannot decode the picture; the message says what to do.
pub(super) fn decode(path: &Path, stop: &Stop, out: &mut Vec<u8>) -> Result<(), String> {
    let failed = |reason: &str| {
        format!(
            "this machine's ffmpeg cannot read HEIC or AVIF pictures like this one ({reason}): convert it to JPEG"
        )
    };
    let mut command = Command::new("ffmpeg");
    let bounds = Bounds::default();
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error"]).args(bounds.arguments());
    command.arg("-i").arg(file_url(path));
    command.args(["-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    die_with_us(&mut command);
    bounds.keep(&mut command);
    let mut child = command.spawn().map_err(|error| failed(&format!("it cannot be started: {error}")))?;
    let stdout = child.stdout.take().expect("stdout is piped");
    out.clear();
    let read = PolledReader::new(stdout, stop).read_to_end(out);
    if stop.is_set() || read.is_err() {
        // It may have ended already.
        let _ = child.kill();
    }
    let complaint = first_complaint(child.stderr.take().expect("stderr is piped"));
    let status = child.wait().map_err(|error| failed(&error.to_string()))?;
    if status.success() && !out.is_empty() { Ok(()) } else { Err(failed(&complaint)) }
}
