//! The thread that opens and reads a source. If a driver blocks forever, it blocks only this thread: others wait for it
//! with a time-out, and may abandon it.

use super::READ_AHEAD;
use crate::{
    frame::Frame,
    message::{Clock, Moment},
    source::{Identity, Read, Source, SourceError},
    system::ask_for_short_slices,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::{
    io, thread,
    time::{Duration, Instant},
};

/// A handle to the thread.
pub(super) struct Reader {
    wanted: Sender<Box<Frame>>,
    news: Receiver<News>,
}

/// A message from the thread.
pub(super) enum News {
    /// The source is open; contains a camera's identity.
    Opened {
        camera: Option<Identity>,
        /// Whether it is a recorded file, whatever its address says.
        is_recorded: bool,
    },
    /// There is no new picture, but the source works.
    Unchanged,
    /// A frame was read, at this moment.
    Frame(Box<Frame>, Moment),
    /// The next picture cannot be read, and why.
    Unreadable(Box<Frame>, Moment, String),
    /// There are no more frames.
    Ended(Box<Frame>),
    /// The source failed and is closed; returns the unused frame.
    Failed(SourceError, Option<Box<Frame>>),
}

/// Why there is no message.
pub(super) enum Silence {
    /// The time-out has expired.
    TimedOut,
    /// The thread has panicked, as libraries do with some defective cameras.
    Panicked,
}

impl Reader {
    /// Starts the thread, which opens the source with `open`. It ends after its last message, or when this handle is
    /// dropped; it then closes the source, as soon as the driver returns.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        name: String,
        clock: Clock,
        open: impl FnOnce() -> Result<Box<dyn Source>, SourceError> + Send + 'static,
    ) -> io::Result<Self> {
        let (wanted, to_fill) = bounded(READ_AHEAD);
        let (to_us, news) = bounded(1);
        thread::Builder::new().name(name).spawn(move || {
            ask_for_short_slices();
            read(open, clock, &to_fill, &to_us);
        })?;
        Ok(Self { wanted, news })
    }

    /// Requests the next frame. The source must be open; at most [`READ_AHEAD`] frames may be requested at a time.
    pub fn want(&self, frame: Box<Frame>) {
        // If the thread has just ended, its last message says so.
        let _ = self.wanted.send(frame);
    }

    /// Waits up to `timeout` for the next message.
    pub fn wait(&self, timeout: Duration) -> Result<News, Silence> {
        self.news.recv_timeout(timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => Silence::TimedOut,
            RecvTimeoutError::Disconnected => Silence::Panicked,
        })
    }

    /// Tells the thread to end, and waits up to `timeout` until it has closed the source. Returns whether it has.
    pub fn close(self, timeout: Duration) -> bool {
        let Self { wanted, news } = self;
        drop(wanted);
        let deadline = Instant::now() + timeout;
        // What it still says is too late.
        while Instant::now() < deadline {
            match news.recv_deadline(deadline) {
                Ok(_) => {}
                Err(error) => return error == RecvTimeoutError::Disconnected,
            }
        }
        false
    }
}

fn read(
    open: impl FnOnce() -> Result<Box<dyn Source>, SourceError>,
    clock: Clock,
    to_fill: &Receiver<Box<Frame>>,
    news: &Sender<News>,
) {
    let mut source = match open() {
        Ok(source) => source,
        Err(error) => {
            let _ = news.send(News::Failed(error, None));
            return;
        }
    };
    // From here on, a failed send means that this thread was abandoned.
    let opened = News::Opened { camera: source.camera(), is_recorded: source.is_recorded() };
    if news.send(opened).is_err() {
        return;
    }
    for mut frame in to_fill {
        let outcome = loop {
            frame.clear();
            match source.read(&mut frame) {
                Ok(Read::Unchanged) if news.send(News::Unchanged).is_ok() => {}
                Ok(Read::Unchanged) => return,
                outcome => break outcome,
            }
        };
        let now = clock.now();
        let last = match outcome {
            Ok(Read::Frame) => {
                if news.send(News::Frame(frame, now)).is_err() {
                    return;
                }
                continue;
            }
            Ok(Read::Unreadable(reason)) => {
                if news.send(News::Unreadable(frame, now, reason)).is_err() {
                    return;
                }
                continue;
            }
            Ok(Read::Ended | Read::Unchanged) => News::Ended(frame),
            Err(error) => News::Failed(error, Some(frame)),
        };
        // Close the source first: a camera can only be opened again when the old handle is closed.
        drop(source);
        let _ = news.send(last);
        return;
    }
}
