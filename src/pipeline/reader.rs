//! The thread that opens a source and reads it. What a driver holds up for ever is held up here alone: whoever waits
//! for this thread waits with patience, and may go without it.

use super::{READ_AHEAD, scheduler_hint};
use crate::{
    frame::Frame,
    source::{self, Read, Sought, Source, SourceConfig, SourceError},
    stop::Stop,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::{io, thread, time::Duration};

/// The other end of the thread.
pub(super) struct Reader {
    wanted: Sender<Box<Frame>>,
    news: Receiver<News>,
}

/// What the thread has to tell.
pub(super) enum News {
    /// The source is open; a camera tells its name.
    Opened(Option<String>),
    /// A frame was read.
    Frame(Box<Frame>),
    /// There are no more frames.
    Ended(Box<Frame>),
    /// The source failed and is closed; the frame that was to be filled comes back.
    Failed(SourceError, Option<Box<Frame>>),
}

/// Why there is no news.
pub(super) enum Silence {
    /// Not within the time that was given.
    Patience,
    /// The thread has panicked: foreign code does, on cameras that are out of order.
    Panicked,
}

impl Reader {
    /// Starts the thread. It ends by itself with its last news, or when this end is dropped; a source that it holds
    /// is closed then, as soon as the driver lets go of it.
    ///
    /// # Errors
    /// When the system has no more threads.
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

    /// Asks for the next frame; only once the source is open, and [`READ_AHEAD`] at a time at most.
    pub fn want(&self, frame: Box<Frame>) {
        // A thread that has just ended says so in its news.
        let _ = self.wanted.send(frame);
    }

    /// The next news, if they come in time.
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
    // From here on, news that nobody waits for any more mean that this thread was left behind.
    if news.send(News::Opened(source.device_name())).is_err() {
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
        // Closed before it is told: a camera can only be opened again when the old handle is gone.
        drop(source);
        let _ = news.send(told);
        return;
    }
}
