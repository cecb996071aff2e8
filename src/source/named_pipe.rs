//! A named pipe. It is opened once and never blocks, because opening it again would take data from its writer, and a
//! pipe without a writer would hold up a stop.

use super::{
    Source, SourceError, Stop,
    ffmpeg::FfmpegSource,
    raw_stream::{RawStreamSource, Y4M},
};
use crate::system::{self, OwnedPipe};
use std::{io::Error, path::Path, time::Duration};

/// How often to check whether the program is asked to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes at the start of a stream that tell its kind.
const START: usize = 16;

/// Opens a named pipe and waits for its writer.
pub(super) fn open_pipe(
    path: &Path,
    fps: Option<u32>,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    let missing = |error: Error| SourceError::Missing { path: path.to_owned(), error };
    let pipe = system::open_named_pipe(path).map_err(missing)?;
    read_pipe(pipe, path.display().to_string(), fps, max_megapixels, stop)
}

/// Reads the stream in a pipe, once it has begun. MJPEG and Y4M are read directly, anything else through ffmpeg, if the
/// system tells what is in a pipe before it is read.
pub(super) fn read_pipe(
    pipe: OwnedPipe,
    uri: String,
    fps: Option<u32>,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    wait_for_data(&pipe, stop);
    let unreadable = |error: Error| SourceError::Pipe { uri: uri.clone(), reason: error.to_string() };
    let is_raw =
        stop.is_set() || system::peek(&pipe, START).map_err(unreadable)?.is_none_or(|start| is_raw(&start));
    if is_raw {
        return Ok(Box::new(RawStreamSource::open(pipe, uri, fps, max_megapixels, stop)?));
    }
    Ok(Box::new(FfmpegSource::open_pipe(pipe, uri, max_megapixels, stop)?))
}

fn wait_for_data(pipe: &OwnedPipe, stop: &Stop) {
    while !stop.is_set() && !system::wait_for_data(pipe, POLL_INTERVAL).unwrap_or(false) {}
}

/// Whether a stream with this start is Y4M or MJPEG, which may begin with the headers of a multipart stream.
fn is_raw(start: &[u8]) -> bool {
    start.is_empty()
        || start.starts_with(&Y4M[..start.len().min(Y4M.len())])
        || start.starts_with(&[0xFF, 0xD8])
        || [&b"--"[..], b"\r\n", b"Content-", b"HTTP/"].iter().any(|headers| start.starts_with(headers))
}
