//! The thread that opens and reads a source. If a driver blocks forever, it blocks only this thread: others wait for it
//! with a time-out, and may abandon it.

use super::{READ_AHEAD, scheduler_hint};
use crate::{
    frame::Frame,
    source::{self, Identity, Read, Sought, Source, SourceConfig, SourceError},
    stop::Stop,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::{io, thread, time::Duration};

/// A handle to the thread.
pub(super) struct Reader {
    wanted: Sender<Box<Frame>>,
    news: Receiver<News>,
}

/// A message from the thread.
pub(super) enum News {
    /// The source is open; contains a camera's identity.
    Opened(Option<Identity>),
    /// A frame was read.
    Frame(Box<Frame>),
    /// There are no more frames.
    Ended(Box<Frame>),
    /// The source failed and is closed; returns the unused frame.
    Failed(SourceError, Option<Box<Frame>>),
}

/// Why there is no message.
pub(super) enum Silence {
    /// The time-out has expired.
    Patience,
    /// The thread has panicked, as libraries do with some defective cameras.
    Panicked,
}

impl Reader {
    /// Starts the thread. It ends after its last message, or when this handle is dropped; it then closes the source, as
    /// soon as the driver returns.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        name: &str,
        config: &SourceConfig,
        sought: Option<Sought>,
        max_megapixels: f64,
        stop: &Stop,
    ) -> io::Result<Self> {
        let (wanted, to_fill) = bounded(READ_AHEAD);
        let (to_us, news) = bounded(1);
        let (config, stop) = (config.clone(), stop.clone());
        let open = move || source::open_again(&config, sought.as_ref(), max_megapixels, &stop);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            scheduler_hint::ask_for_short_slices();
            read(open, &to_fill, &to_us);
        })?;
        Ok(Self { wanted, news })
    }

    /// Requests the next frame. The source must be open; at most [`READ_AHEAD`] frames may be requested at a time.
    pub fn want(&self, frame: Box<Frame>) {
        // If the thread has just ended, its last message says so.
        let _ = self.wanted.send(frame);
    }

    /// Waits up to `patience` for the next message.
    pub fn wait(&self, patience: Duration) -> Result<News, Silence> {
        self.news.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => Silence::Patience,
            RecvTimeoutError::Disconnected => Silence::Panicked,
        })
    }
}

fn read(
    open: impl FnOnce() -> Result<Box<dyn Source>, SourceError>,
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
    if news.send(News::Opened(source.camera())).is_err() {
        return;
    }
    for mut frame in to_fill {
        frame.clear();
        let told = match source.read(&mut frame) {
            Ok(Read::Frame) => {
                if news.send(News::Frame(frame)).is_err() {
                    return;
                }
                continue;
            }
            Ok(Read::Ended) => News::Ended(frame),
            Err(error) => News::Failed(error, Some(frame)),
        };
        // Close the source first: a camera can only be opened again when the old handle is closed.
        drop(source);
        let _ = news.send(told);
        return;
    }
}
