//! Child processes: ffmpeg and the window.

pub use crate::system::is_exhausted;
use crate::system::limit_space;
use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, ErrorKind, Read},
    num::NonZero,
    path::Path,
    process::Command,
    thread,
};

/// Threads of a decoder. More would take more memory, and one picture is rarely split into more parts.
const MOST_DECODER_THREADS: usize = 4;
/// Address space of ffmpeg with its libraries, and of each of its threads, in bytes.
const PROGRAM_BYTES: u64 = 512 << 20;
const THREAD_BYTES: u64 = 80 << 20;
/// Bytes a pixel in one block of memory, and in all pictures that a decoder keeps.
const BLOCK_BYTES_PER_PIXEL: f64 = 8.0;
const PICTURE_BYTES_PER_PIXEL: f64 = 16.0;
/// The largest pictures of the default configuration, in millions of pixels.
const USUAL_MEGAPIXELS: f64 = 64.0;

/// What ffmpeg and ffprobe may take of the memory: what they read may be made to exhaust it.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    block_bytes: u64,
    space_bytes: u64,
    threads: usize,
}

impl Bounds {
    /// Enough for pictures of `max_megapixels`.
    pub fn of(max_megapixels: f64) -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_DECODER_THREADS);
        let pictures = |bytes_per_pixel: f64| (max_megapixels * 1e6 * bytes_per_pixel) as u64;
        Self {
            block_bytes: (16 << 20) + pictures(BLOCK_BYTES_PER_PIXEL),
            space_bytes: PROGRAM_BYTES + THREAD_BYTES * threads as u64 + pictures(PICTURE_BYTES_PER_PIXEL),
            threads,
        }
    }

    /// The arguments that stand before those of ffmpeg's input.
    pub fn arguments(&self) -> [String; 4] {
        [
            "-max_alloc".to_owned(),
            self.block_bytes.to_string(),
            "-threads".to_owned(),
            self.threads.to_string(),
        ]
    }

    /// Limits the address space of the child.
    pub fn keep(self, command: &mut Command) {
        limit_space(command, self.space_bytes);
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::of(USUAL_MEGAPIXELS)
    }
}

/// What to do if the machine has no memory, processes or open files left.
pub const EXHAUSTED: &str = "the machine has no memory, processes or open files left for it: stop other programs, or raise their limits (`ulimit -a`, or LimitNOFILE= and TasksMax= of the service)";

/// What to do about a program that cannot be started.
pub fn remedy(program: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("install it, on Debian with `apt-get install {program}`"),
        ErrorKind::PermissionDenied => "check the permissions of the program".to_owned(),
        _ => EXHAUSTED.to_owned(),
    }
}

/// A file for ffmpeg: without the prefix, it would take the part of a file name before a colon for a protocol.
pub fn file_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// Reads a child's log to its end and returns its first non-empty line; later errors are usually its consequences.
pub fn first_complaint(log: impl Read) -> String {
    // It may contain names of files, which need not be UTF-8.
    let mut lines = BufReader::new(log).split(b'\n').map_while(Result::ok);
    let text = |line: Vec<u8>| without_origin(&String::from_utf8_lossy(&line)).to_owned();
    let first = lines.by_ref().map(text).find(|line| !line.is_empty());
    lines.for_each(drop);
    first.unwrap_or_default()
}

/// An error message of ffmpeg without the prefix in brackets that names the component.
pub fn without_origin(line: &str) -> &str {
    let mut rest = line.trim();
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|part| part.split_once("] ")) {
        rest = after.trim_start();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_missing_program_is_to_be_installed() {
        let told = |error: io::Error| remedy("ffmpeg", &error);
        assert!(told(ErrorKind::NotFound.into()).contains("apt-get install ffmpeg"));
        for errno in [libc::EMFILE, libc::ENFILE, libc::EAGAIN, libc::ENOMEM] {
            let error = told(io::Error::from_raw_os_error(errno));
            assert!(error.contains("open files left") && !error.contains("install"), "{errno}");
        }
    }
}
