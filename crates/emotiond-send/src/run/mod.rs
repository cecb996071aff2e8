//! The process `emotiond send`: as the daemon's child, or by hand.

mod by_hand;
mod child;
mod outputs;
mod pace;

pub use by_hand::{ByHand, by_hand};
pub use child::child;

use emotiond_core::exit::{Exit, ExitsWith};
use std::{io, path::PathBuf};
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// Why events were not sent.
#[derive(Debug, Error)]
pub enum SendError {
    /// The recording cannot be read.
    #[error("cannot read {0}: {1}; give a file of events, or - for stdin")]
    Input(PathBuf, io::Error),
    /// The recording contains no event.
    #[error("{0} contains no event line: {1}")]
    NoEvents(PathBuf, String),
    /// A broker can never be used.
    #[error("{0}")]
    Unusable(String),
    /// The first line from the daemon is not what it should be.
    #[error("--child is for the daemon, which writes its settings to stdin: {0}")]
    NoOpening(String),
    /// The system refuses something.
    #[error("the system refuses to start the sender: {0}")]
    System(#[from] io::Error),
}

impl ExitsWith for SendError {
    fn exit(&self) -> Exit {
        match self {
            Self::Input(..) => Exit::NoInput,
            Self::NoEvents(..) => Exit::Data,
            Self::Unusable(_) => Exit::Unavailable,
            Self::NoOpening(_) => Exit::Usage,
            Self::System(_) => Exit::Software,
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// SIGINT and SIGTERM.
#[cfg(unix)]
struct Signals(Signal, Signal);

/// Ctrl+C and Ctrl+Break.
#[cfg(windows)]
struct Signals(CtrlC, CtrlBreak);

impl Signals {
    #[cfg(windows)]
    fn new() -> io::Result<Self> {
        Ok(Self(ctrl_c()?, ctrl_break()?))
    }

    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}
