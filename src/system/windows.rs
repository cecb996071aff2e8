//! Windows.

use super::{Asked, Waiting};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};
use std::{
    fs::Metadata,
    io::{self, ErrorKind},
    os::windows::{io::AsRawHandle, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use windows_sys::Win32::{
    Foundation::{ERROR_BROKEN_PIPE, ERROR_NOT_ENOUGH_MEMORY, ERROR_TOO_MANY_OPEN_FILES},
    System::{Pipes::PeekNamedPipe, Threading::CREATE_NEW_PROCESS_GROUP},
};

pub use std::os::windows::io::{AsHandle as AsPipe, OwnedHandle as OwnedPipe};

/// Ctrl+C, and the end of the session.
pub struct Signals(Arc<AtomicBool>);

impl Signals {
    /// From now on, they are handled here.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn new() -> io::Result<Self> {
        let asked = Arc::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Waits for the next one.
    pub fn wait(&mut self) -> Asked {
        while !self.0.swap(false, Ordering::Relaxed) {
            thread::sleep(SIGNALS_EVERY);
        }
        Asked::End
    }
}

/// Between two looks for signals: C libraries only tell them to a handler.
const SIGNALS_EVERY: Duration = Duration::from_millis(50);
/// Between two looks at a pipe: the system has no wait for one that can be given up.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A handle of its own for an open pipe or file, such as stdin.
///
/// # Errors
/// When the system has no more handles.
pub fn own(pipe: &impl AsPipe) -> io::Result<OwnedPipe> {
    pipe.as_handle().try_clone_to_owned()
}

#[expect(unsafe_code)]
fn look(pipe: &impl AsPipe) -> Waiting {
    let (handle, mut bytes) = (pipe.as_handle().as_raw_handle(), 0);
    let nowhere = std::ptr::null_mut();
    // SAFETY: the handle is open, nothing is copied, and the number of bytes lives until the function returns.
    let is_known =
        unsafe { PeekNamedPipe(handle, nowhere, 0, nowhere.cast(), &raw mut bytes, nowhere.cast()) } != 0;
    match (is_known, bytes) {
        (true, 0) => Waiting::Nothing,
        (true, _) => Waiting::Data,
        (false, _) if io::Error::last_os_error().raw_os_error() == Some(ERROR_BROKEN_PIPE as i32) => {
            Waiting::End
        }
        // A file never blocks.
        (false, _) => Waiting::Data,
    }
}

fn wait_while(mut is_waiting: impl FnMut() -> bool, patience: Duration) {
    let began = Instant::now();
    while is_waiting() && began.elapsed() < patience {
        thread::sleep(LOOK_EVERY);
    }
}

/// Waits up to `patience` until a read would not block: there is data, or the end.
///
/// # Errors
/// None on this system.
pub fn wait_for_data(pipe: &impl AsPipe, patience: Duration) -> io::Result<bool> {
    wait_while(|| look(pipe) == Waiting::Nothing, patience);
    Ok(look(pipe) != Waiting::Nothing)
}

/// Waits up to `patience` for the end of a pipe, or also for data if some is wanted.
///
/// # Errors
/// None on this system.
pub fn wait_for_end(pipe: &impl AsPipe, wants_data: bool, patience: Duration) -> io::Result<Waiting> {
    let is_over = |seen| seen == Waiting::End || wants_data && seen == Waiting::Data;
    wait_while(|| !is_over(look(pipe)), patience);
    let seen = look(pipe);
    Ok(if is_over(seen) { seen } else { Waiting::Nothing })
}

/// The room in a pipe is not known: a write may block.
///
/// # Errors
/// None on this system.
pub fn wait_for_room(_: &impl AsPipe, _: Duration) -> io::Result<bool> {
    Ok(true)
}

/// Whether the reader has gone is known by the next write only.
pub fn is_abandoned(_: &impl AsPipe) -> bool {
    false
}

/// Whether stderr would take a line at once is not known.
pub fn takes_log() -> bool {
    true
}

/// Writes to stderr within the handler of a signal.
#[expect(unsafe_code)]
pub fn write_from_handler(text: &[u8]) {
    // SAFETY: 2 is stderr, and the text lives until the function returns.
    let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len() as u32) };
}

/// There are none in the file system.
pub fn is_named_pipe(_: &Path) -> bool {
    false
}

/// There are none in the file system.
///
/// # Errors
/// Always.
pub fn open_named_pipe(_: &Path) -> io::Result<OwnedPipe> {
    Err(ErrorKind::Unsupported.into())
}

/// What is in a pipe is not known before it is read.
///
/// # Errors
/// None on this system.
pub fn peek(_: &OwnedPipe, _: usize) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// Cameras are no device files here.
pub fn device_numbers(_: &Metadata) -> Option<(u32, u32)> {
    None
}

/// Nothing: a child that reads or writes a pipe of this process ends with it.
pub fn die_with_us(_: &mut Command) {}

/// Nothing: only ffmpeg's own limit of single blocks holds.
pub fn limit_space(_: &mut Command, _: u64) {}

/// Puts the child into a group of its own, so that Ctrl-C does not reach it.
pub fn separate(command: &mut Command) {
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// Nothing: there are no signals.
pub fn ask_to_end(_: &Child) {}

/// Kills a child, without its children.
pub fn kill_all(child: &mut Child) {
    let _ = child.kill();
}

/// There are no signals.
pub fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// Nothing: the child gets as much processor time as this process.
pub fn give_way(_: &Child, _: i32) {}

/// Nothing: the thread gets as much processor time as the others.
pub fn give_way_here(_: i32) {}

/// Whether the machine has no memory or open files left.
pub fn is_exhausted(error: &io::Error) -> bool {
    let codes = [ERROR_NOT_ENOUGH_MEMORY, ERROR_TOO_MANY_OPEN_FILES].map(|code| Some(code as i32));
    codes.contains(&error.raw_os_error())
}

/// A child gets only its three standard pipes.
///
/// # Errors
/// Always.
pub fn give_pipe(_: &mut Command, _: impl Into<OwnedPipe>, _: i32) -> io::Result<()> {
    Err(io::Error::new(ErrorKind::Unsupported, "--stream works on Linux and macOS only: leave it out"))
}

/// Nothing: the system does it by itself.
pub fn return_memory() {}

/// Nothing: the system chooses the capacity of a pipe.
pub fn widen(_: impl AsPipe) {}

/// The path of these bytes of UTF-8.
pub fn path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
