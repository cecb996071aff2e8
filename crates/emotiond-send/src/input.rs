//! Reads lines on a thread of its own: stdin cannot be read without blocking.

use emotiond_core::{files, lines::Lines};
use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
    thread,
};
use tokio::sync::mpsc;

/// Lines that are read ahead.
const AHEAD: usize = 64;

/// What is read.
#[derive(Debug)]
pub enum Read {
    /// A line, with its number from 1.
    Line(u64, String),
    /// A line that cannot be used, and why.
    Bad(u64, String),
    /// The input cannot be read any further.
    Broken(io::Error),
}

/// A recording, or a pipe.
pub struct Input {
    reader: Box<dyn io::Read + Send>,
    /// Whether it is a file: it can wait, and nothing new comes.
    pub is_file: bool,
}

impl Input {
    /// Opens a file; `-` is stdin.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::from_file(stdin()?);
        }
        Self::from_file(File::open(path)?)
    }

    fn from_file(file: File) -> io::Result<Self> {
        let found = file.metadata()?;
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self { reader: Box::new(file), is_file: found.is_file() })
    }

    /// Starts to read. The channel is closed at the end.
    pub fn lines(self) -> mpsc::Receiver<Read> {
        start(move |to_us| match files::decompress(self.reader) {
            Ok(input) => send_lines(Lines::new(input), &to_us),
            Err(error) => _ = to_us.blocking_send(Read::Broken(error)),
        })
    }
}

#[cfg(unix)]
fn stdin() -> io::Result<File> {
    std::os::fd::AsFd::as_fd(&io::stdin()).try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn stdin() -> io::Result<File> {
    std::os::windows::io::AsHandle::as_handle(&io::stdin()).try_clone_to_owned().map(File::from)
}

/// Starts to read what the daemon writes to stdin.
pub fn daemon_lines() -> mpsc::Receiver<Read> {
    start(|to_us| send_lines(Lines::new(BufReader::new(io::stdin())), &to_us))
}

fn start(read: impl FnOnce(mpsc::Sender<Read>) + Send + 'static) -> mpsc::Receiver<Read> {
    let (to_us, lines) = mpsc::channel(AHEAD);
    // It ends with the process, because a read cannot be interrupted.
    thread::spawn(move || read(to_us));
    lines
}

fn send_lines(mut lines: Lines<impl BufRead>, to_us: &mpsc::Sender<Read>) {
    loop {
        let line = match lines.next() {
            Ok(None) => return,
            Ok(Some(Ok(line))) => {
                Ok(String::from_utf8(line.to_vec()).map_err(|_| "it is not UTF-8".to_owned()))
            }
            Ok(Some(Err(reason))) => Ok(Err(reason)),
            Err(error) => Err(error),
        };
        let number = lines.number();
        let (read, is_last) = match line {
            Ok(Ok(line)) => (Read::Line(number, line), false),
            Ok(Err(reason)) => (Read::Bad(number, reason), false),
            Err(error) => (Read::Broken(error), true),
        };
        if to_us.blocking_send(read).is_err() || is_last {
            return;
        }
    }
}
