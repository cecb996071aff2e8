//! What differs between operating systems: waiting for pipes, and what a process may do with its children. The daemon is
//! complete on Linux. Elsewhere it reads files, pictures, streams and programs, but no camera by itself.

#[cfg(target_os = "linux")]
mod scheduler_hint;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub use scheduler_hint::ask_for_short_slices;
#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The end.
    End,
    /// The configuration is to be read again.
    Reload,
}

/// What a pipe holds for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing yet.
    Nothing,
    /// Data.
    Data,
    /// Its writer has closed it.
    End,
}

/// Capacity of a pipe to or from a child; enough for a frame of 640x480 pixels.
pub const PIPE_BYTES: usize = 1 << 20;

/// Nothing: the system's scheduler takes no hints.
#[cfg(not(target_os = "linux"))]
pub fn ask_for_short_slices() {}
