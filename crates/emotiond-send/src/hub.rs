//! Hands each event to all outputs, keeps the latest status, and passes on requests.

use crate::{
    event::Event,
    pictures::Pictures,
    wire::{Request, Status},
};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};

/// Events that a live listener may be behind before it loses the oldest.
const LIVE_EVENTS: usize = 4096;
/// Events that wait for an output that loses none.
const QUEUED_EVENTS: usize = 256;

/// What all outputs share. A clone is another handle to the same hub.
#[derive(Clone)]
pub struct Hub {
    /// The device's name.
    pub device: Arc<str>,
    /// The UUID of the run.
    pub run: Arc<str>,
    /// The latest status.
    pub status: watch::Receiver<Arc<Status>>,
    /// Annotated pictures; none unless they are asked for.
    pub pictures: Option<Pictures>,
    /// Events for those who may lose some, such as a browser.
    live: broadcast::Sender<Arc<Event>>,
    /// Requests to the daemon; none if there is no daemon.
    requests: Option<mpsc::Sender<Request>>,
}

/// The end of the hub that the reader of the daemon's lines holds.
pub struct Feed {
    status: watch::Sender<Arc<Status>>,
    live: broadcast::Sender<Arc<Event>>,
    queues: Vec<mpsc::Sender<Arc<Event>>>,
}

/// There is no daemon that could do what is asked, or it is busy.
#[derive(Debug, PartialEq, Eq)]
pub struct NoDaemon;

impl Hub {
    /// A hub for a run of `device`. Requests go to `requests`.
    pub fn new(device: &str, run: &str, requests: Option<mpsc::Sender<Request>>) -> (Self, Feed) {
        let (to_status, status) = watch::channel(Arc::default());
        let (live, _) = broadcast::channel(LIVE_EVENTS);
        let feed = Feed { status: to_status, live: live.clone(), queues: Vec::new() };
        (Self { device: device.into(), run: run.into(), status, pictures: None, live, requests }, feed)
    }

    /// All events from now on, for a listener that may lose some.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Event>> {
        self.live.subscribe()
    }

    /// Whether there is a daemon that can be asked for something.
    pub fn has_daemon(&self) -> bool {
        self.requests.is_some()
    }

    /// Asks the daemon for something.
    ///
    /// # Errors
    /// When there is no daemon, or it has not taken the requests before.
    pub fn ask(&self, request: Request) -> Result<(), NoDaemon> {
        self.requests.as_ref().ok_or(NoDaemon)?.try_send(request).map_err(|_| NoDaemon)
    }
}

impl Feed {
    /// All events, for an output that loses none: the feed waits for it.
    pub fn queue(&mut self) -> mpsc::Receiver<Arc<Event>> {
        let (queue, events) = mpsc::channel(QUEUED_EVENTS);
        self.queues.push(queue);
        events
    }

    /// Hands on an event.
    pub async fn tell(&self, event: Event) {
        let event = Arc::new(event);
        for queue in &self.queues {
            // An output that has ended takes no more.
            let _ = queue.send(Arc::clone(&event)).await;
        }
        // Nobody may be listening.
        let _ = self.live.send(event);
    }

    /// Replaces the status.
    pub fn set_status(&self, status: Status) {
        self.status.send_replace(Arc::new(status));
    }
}
