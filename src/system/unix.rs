//! Linux and other systems of its kind.

use super::{Asked, Waiting};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    io::Errno,
    process::{
        Pid, Resource, Rlimit, Signal, getpriority_process, kill_process_group, setpriority_process,
        setrlimit,
    },
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::{
    ffi::OsString,
    fs, io,
    os::unix::{
        ffi::OsStringExt,
        fs::FileTypeExt,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

/// SIGINT and SIGTERM, which ask for the end, and SIGHUP.
pub struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// From now on, these signals are handled here.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn new() -> io::Result<Self> {
        signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).map(Self)
    }

    /// Waits for the next one.
    pub fn wait(&mut self) -> Asked {
        match self.0.forever().next() {
            Some(SIGHUP) => Asked::Reload,
            _ => Asked::End,
        }
    }
}

pub use std::os::fd::{AsFd as AsPipe, OwnedFd as OwnedPipe};

/// A handle of its own for an open pipe or file, such as stdin.
///
/// # Errors
/// When the system has no more handles.
pub fn own(pipe: &impl AsPipe) -> io::Result<OwnedPipe> {
    pipe.as_fd().try_clone_to_owned()
}

/// What is seen of a pipe after up to `patience`.
fn look(pipe: &impl AsPipe, wanted: PollFlags, patience: Duration) -> io::Result<PollFlags> {
    let mut fds = [PollFd::new(pipe, wanted)];
    let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
    match poll(&mut fds, Some(&patience)) {
        Ok(_) | Err(Errno::INTR) => Ok(fds[0].revents()),
        Err(error) => Err(error.into()),
    }
}

/// Waits up to `patience` until a read would not block: there is data, or the end.
///
/// # Errors
/// When the state of the pipe cannot be found.
pub fn wait_for_data(pipe: &impl AsPipe, patience: Duration) -> io::Result<bool> {
    Ok(!look(pipe, PollFlags::IN, patience)?.is_empty())
}

/// Waits up to `patience` for the end of a pipe, or also for data if some is wanted. Data before the end is not told.
///
/// # Errors
/// When the state of the pipe cannot be found.
pub fn wait_for_end(pipe: &impl AsPipe, wants_data: bool, patience: Duration) -> io::Result<Waiting> {
    let wanted = if wants_data { PollFlags::IN } else { PollFlags::empty() };
    let seen = look(pipe, wanted, patience)?;
    Ok(match (seen.contains(PollFlags::HUP), seen.contains(PollFlags::IN)) {
        (true, _) => Waiting::End,
        (false, true) => Waiting::Data,
        (false, false) => Waiting::Nothing,
    })
}

/// Waits up to `patience` until a small write would not block.
///
/// # Errors
/// When the state of the pipe cannot be found.
pub fn wait_for_room(pipe: &impl AsPipe, patience: Duration) -> io::Result<bool> {
    Ok(!look(pipe, PollFlags::OUT, patience)?.is_empty())
}

/// Whether the reader of a pipe has closed its end.
pub fn is_abandoned(pipe: &impl AsPipe) -> bool {
    look(pipe, PollFlags::empty(), Duration::ZERO).is_ok_and(|seen| seen.contains(PollFlags::ERR))
}

/// Whether stderr would take a line at once.
pub fn takes_log() -> bool {
    wait_for_room(&io::stderr(), Duration::ZERO).unwrap_or(false)
}

/// Writes to stderr within the handler of a signal: one system call.
pub fn write_from_handler(text: &[u8]) {
    let _ = rustix::io::write(rustix::stdio::stderr(), text);
}

/// Whether the path is a named pipe.
pub fn is_named_pipe(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.file_type().is_fifo())
}

/// Opens a named pipe without waiting for its writer.
///
/// # Errors
/// When it cannot be opened.
pub fn open_named_pipe(path: &Path) -> io::Result<OwnedPipe> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let pipe = open(path, flags, Mode::empty())?;
    // ffmpeg and the reader expect a pipe that blocks until there is data.
    let flags = fcntl_getfl(&pipe)?;
    fcntl_setfl(&pipe, flags - OFlags::NONBLOCK)?;
    Ok(pipe)
}

/// Up to `count` bytes at the start of what is in the pipe, which stay in it; `None` where the system cannot do that.
///
/// # Errors
/// When the pipe cannot be read.
#[cfg(target_os = "linux")]
pub fn peek(pipe: &OwnedPipe, count: usize) -> io::Result<Option<Vec<u8>>> {
    use rustix::pipe::{SpliceFlags, tee};
    let (copy, copy_in) = rustix::pipe::pipe()?;
    let found = tee(pipe, &copy_in, count, SpliceFlags::NONBLOCK)?;
    let mut start = vec![0; found];
    if found > 0 {
        let read = rustix::io::read(&copy, &mut start)?;
        start.truncate(read);
    }
    Ok(Some(start))
}

/// The same: the system cannot do that.
///
/// # Errors
/// None on this system.
#[cfg(not(target_os = "linux"))]
pub fn peek(_: &OwnedPipe, _: usize) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// Makes the system kill the child when the thread that starts it ends, for whatever reason. Only Linux can.
#[cfg_attr(target_os = "linux", expect(unsafe_code))]
#[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
pub fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        let set = || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
                .map_err(|_| io::ErrorKind::Unsupported.into())
        };
        // SAFETY: between fork and exec the closure only makes one system call; it allocates nothing and takes no lock.
        unsafe { command.pre_exec(set) };
    }
}

/// Limits the address space of the child.
#[expect(unsafe_code)]
pub fn limit_space(command: &mut Command, bytes: u64) {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // A lower limit of this process stays in effect.
    let set = move || {
        let _ = setrlimit(Resource::As, limit);
        Ok(())
    };
    // SAFETY: between fork and exec the closure only makes one system call; it allocates nothing and takes no lock.
    unsafe { command.pre_exec(set) };
}

/// Puts the child into a group of its own, so that Ctrl-C does not reach it.
pub fn separate(command: &mut Command) {
    command.process_group(0);
}

/// Asks a [separate](separate) child and its children to end.
pub fn ask_to_end(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::TERM);
}

/// Kills a [separate](separate) child and its children.
pub fn kill_all(child: &mut Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// The signal that ended a child.
pub fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Raises the child's niceness by 1 to 19, so that it gets less processor time than this process.
pub fn give_way(child: &Child, nicer: i32) {
    raise_niceness(Some(Pid::from_child(child)), nicer);
}

/// The same for the calling thread, which does not slow down the threads of the analysis then.
pub fn give_way_here(nicer: i32) {
    // On Linux, a niceness belongs to a thread, and no process number means the calling one.
    if cfg!(target_os = "linux") {
        raise_niceness(None, nicer);
    }
}

fn raise_niceness(of: Option<Pid>, nicer: i32) {
    // Best effort.
    if let Ok(ours) = getpriority_process(None) {
        let _ = setpriority_process(of, (ours + nicer).min(19));
    }
}

/// Whether the machine has no memory, processes or open files left.
pub fn is_exhausted(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM].contains(&errno))
}

/// Gives the child a pipe under this number.
///
/// # Errors
/// When the number is taken.
pub fn give_pipe(command: &mut Command, pipe: impl Into<OwnedPipe>, number: i32) -> io::Result<()> {
    use command_fds::{CommandFdExt, FdMapping};
    let mapping = FdMapping { parent_fd: pipe.into(), child_fd: number };
    command.fd_mappings(vec![mapping]).map(drop).map_err(io::Error::other)
}

/// Returns the free pages of the C library's heaps to the system.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code)]
pub fn return_memory() {
    // SAFETY: it takes no pointer, and locks the heaps itself.
    unsafe { libc::malloc_trim(0) };
}

/// Nothing: the C library does it by itself, or not at all.
#[cfg(not(target_env = "gnu"))]
pub fn return_memory() {}

/// Sets the capacity of a pipe to [`PIPE_BYTES`](super::PIPE_BYTES), where the system can.
#[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
pub fn widen(pipe: impl AsPipe) {
    // Best effort: a smaller pipe only causes more context switches.
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, super::PIPE_BYTES);
}

/// Major and minor number of a device file for characters, such as a camera.
#[cfg(target_os = "linux")]
pub fn device_numbers(file: &fs::Metadata) -> Option<(u32, u32)> {
    use rustix::fs::{major, minor};
    use std::os::unix::fs::MetadataExt;
    file.file_type().is_char_device().then(|| (major(file.rdev()), minor(file.rdev())))
}

/// Cameras are no device files here.
#[cfg(not(target_os = "linux"))]
pub fn device_numbers(_: &fs::Metadata) -> Option<(u32, u32)> {
    None
}

/// The path of these bytes, which need not be UTF-8.
pub fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}
