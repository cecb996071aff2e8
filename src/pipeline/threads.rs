//! Starting and joining the pipeline's threads.

use crossbeam_channel::{Receiver, bounded};
use emotiond_core::exit::{Exit, Failure};
use std::{
    thread::{self, JoinHandle},
    time::Instant,
};

/// A running thread, and its result once it has one.
pub(super) struct Handle<T> {
    thread: JoinHandle<()>,
    result: Receiver<T>,
}

/// Starts a thread.
///
/// # Errors
/// When the system starts no more threads.
pub(super) fn spawn<T: Send + 'static>(
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<Handle<T>, Failure> {
    let (done, result) = bounded(1);
    let body = move || {
        // Nobody waits for a thread that was abandoned.
        let _ = done.send(body());
    };
    let thread = thread::Builder::new().name(name).spawn(body).map_err(Failure::no_thread)?;
    Ok(Handle { thread, result })
}

impl<T> Handle<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// When the thread has panicked.
    pub fn join(self) -> Result<T, Failure> {
        let panicked =
            || Failure::new(Exit::Software, anyhow::anyhow!("a thread of the pipeline has panicked"));
        self.thread.join().map_err(|_| panicked())?;
        self.result.recv().map_err(|_| panicked())
    }

    /// Waits for the result until `deadline`; `None` if there is none by then, or the thread has panicked.
    pub fn join_until(self, deadline: Instant) -> Option<T> {
        self.result.recv_deadline(deadline).ok()
    }
}
