//! A named pipe. It is opened once and never blocks, because opening it again would take data from its writer, and a
//! pipe without a writer would hold up a stop.

use super::{
    Source, SourceError, Stop,
    ffmpeg::FfmpegSource,
    raw_stream::{RawStreamSource, Y4M},
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    io::read,
    pipe::{SpliceFlags, pipe, tee},
};
use std::{
    fs,
    io::Error,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::FileTypeExt,
    },
    path::Path,
};

/// How often to check whether the program is asked to stop.
const POLL_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// Bytes at the start of a stream that tell its kind.
const START: usize = 16;

/// Whether the path is a named pipe.
pub fn is_named_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo())
}

/// Opens a named pipe and waits for its writer.
pub(super) fn open_pipe(
    path: &Path,
    fps: Option<u32>,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    let missing = |error: Error| SourceError::Missing { path: path.to_owned(), error };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let pipe = open(path, flags, Mode::empty()).map_err(|error| missing(error.into()))?;
    let uri = path.display().to_string();
    // ffmpeg and the reader expect a pipe that blocks until there is data.
    let flags = fcntl_getfl(&pipe).map_err(|error| missing(error.into()))?;
    fcntl_setfl(&pipe, flags - OFlags::NONBLOCK).map_err(|error| missing(error.into()))?;
    read_pipe(pipe, uri, fps, max_megapixels, stop)
}

/// Reads the stream in a pipe, once it has begun. MJPEG and Y4M are read directly, anything else through ffmpeg.
pub(super) fn read_pipe(
    pipe: OwnedFd,
    uri: String,
    fps: Option<u32>,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    wait_for_data(&pipe, stop);
    let unreadable = |error: Error| SourceError::Pipe { uri: uri.clone(), reason: error.to_string() };
    let is_raw = stop.is_set() || is_raw(&start(&pipe).map_err(unreadable)?);
    if is_raw {
        return Ok(Box::new(RawStreamSource::open(pipe, uri, fps, max_megapixels, stop)?));
    }
    Ok(Box::new(FfmpegSource::open_pipe(pipe, uri, max_megapixels, stop)?))
}

fn wait_for_data(pipe: &OwnedFd, stop: &Stop) {
    while !stop.is_set() {
        let mut fds = [PollFd::new(pipe, PollFlags::IN)];
        if poll(&mut fds, Some(&POLL_INTERVAL)).is_ok_and(|ready| ready > 0) {
            return;
        }
    }
}

/// The first bytes in the pipe, which stay in it.
fn start(pipe_in: &OwnedFd) -> Result<Vec<u8>, Error> {
    let (copy, copy_in) = pipe()?;
    let mut start = vec![0; START];
    let count = tee(pipe_in.as_fd(), copy_in.as_fd(), START, SpliceFlags::NONBLOCK)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let count = read(&copy, &mut start)?;
    start.truncate(count);
    Ok(start)
}

/// Whether a stream with this start is Y4M or MJPEG, which may begin with the headers of a multipart stream.
fn is_raw(start: &[u8]) -> bool {
    start.is_empty()
        || start.starts_with(&Y4M[..start.len().min(Y4M.len())])
        || start.starts_with(&[0xFF, 0xD8])
        || [&b"--"[..], b"\r\n", b"Content-", b"HTTP/"].iter().any(|headers| start.starts_with(headers))
}
