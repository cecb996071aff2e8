//! Slow work beside the supervisor, which must go on to answer signals and the service manager.

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use emotiond_core::exit::{Exit, Failure};
use std::{thread, time::Duration};

/// Enough for the graph optimisers of runtimes, which are written for a program's main thread.
const STACK_BYTES: usize = 8 << 20;

/// Work in a thread of its own.
pub(super) struct Background<T>(Receiver<Result<T, Failure>>);

/// What is known of the work.
pub(super) enum Progress<T> {
    /// It goes on.
    GoesOn,
    /// It is done.
    Done(Result<T, Failure>),
}

impl<T: Send + 'static> Background<T> {
    /// Starts the work.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn start(
        name: &str,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (done, result) = bounded(1);
        let body = move || {
            // Nobody waits for it any longer if the program ends.
            let _ = done.send(work());
        };
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(body);
        thread.map_err(Failure::no_thread)?;
        Ok(Self(result))
    }

    /// Waits up to `time` for the result.
    pub fn wait(&self, time: Duration) -> Progress<T> {
        match self.0.recv_timeout(time) {
            Ok(result) => Progress::Done(result),
            Err(RecvTimeoutError::Timeout) => Progress::GoesOn,
            Err(RecvTimeoutError::Disconnected) => Progress::Done(Err(Failure::new(
                Exit::Software,
                anyhow::anyhow!("a thread of the program has panicked"),
            ))),
        }
    }
}
