//! The daemon's child: ends when stdin ends.

use super::{SendError, Signals, outputs::Outputs, runtime};
use crate::{
    http,
    hub::{Feed, Hub},
    input::{Read, daemon_lines},
    mqtt::{Manner, Patience},
    pictures::Pictures,
    wire::{self, Opening, Request, Told},
};
use std::{
    io::{self, Write},
    process, thread,
    time::Duration,
};
use tokio::{sync::mpsc, time::sleep};

/// Time to deliver what is left when the daemon has ended.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause before a request is repeated.
const BUSY: Duration = Duration::from_millis(50);
/// Requests that wait for the daemon.
const REQUESTS: usize = 16;

/// Sends what the daemon writes to stdin, and writes requests to stdout, until stdin ends.
///
/// # Errors
/// When stdin does not begin with an [`Opening`]. Brokers never end it.
pub fn child() -> Result<(), SendError> {
    runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let mut lines = daemon_lines();
        let opening = match lines.recv().await {
            Some(Read::Line(_, line)) => serde_json::from_str(&line).map_err(|error| error.to_string()),
            _ => Err("it is empty".to_owned()),
        };
        let Opening { settings, run, pictures } = opening.map_err(SendError::NoOpening)?;
        let (mut hub, mut feed) = Hub::new(&settings.device.id(), &run, Some(requests()));
        if pictures {
            let pictures = Pictures::from_daemon()?;
            tokio::spawn(tell_what_is_watched(pictures.clone(), hub.clone()));
            hub.pictures = Some(pictures);
        }
        let manner = Manner { patience: Patience::Never, gives_up: false, client_suffix: String::new() };
        let mut outputs = Outputs::start(&settings, &hub, &mut feed, &manner);
        if let Some(config) = settings.http {
            let gauges = outputs.gauges.clone();
            // It ends with the process.
            tokio::spawn(async move {
                let Err(error) = http::serve(&config, hub, gauges).await;
                tracing::error!("{error}");
            });
        }
        let work = async {
            forward(&mut lines, feed).await;
            outputs.ending().end_within(DRAIN);
            outputs.finished().await
        };
        tokio::select! {
            outcome = work => outcome.map_err(|unusable| SendError::Unusable(unusable.0)),
            // Ctrl+C and the service manager also tell the daemon, which ends stdin after its last lines.
            () = async { signals.next().await; signals.next().await } => process::exit(0),
        }
    })
}

/// Tells the daemon whose pictures somebody watches; at first, none.
async fn tell_what_is_watched(pictures: Pictures, hub: Hub) {
    let mut sources = Vec::new();
    loop {
        while hub.ask(Request::Watch { sources: sources.clone() }).is_err() {
            // It has not taken the requests before.
            sleep(BUSY).await;
        }
        sources = pictures.watched().await;
    }
}

async fn forward(lines: &mut mpsc::Receiver<Read>, feed: Feed) {
    while let Some(read) = lines.recv().await {
        let told = match read {
            Read::Line(_, line) => wire::read(&line).map_err(|error| error.to_string()),
            Read::Bad(_, reason) => Err(reason),
            Read::Broken(error) => Err(error.to_string()),
        };
        match told {
            Ok(Told::Event(event)) => feed.tell(event).await,
            Ok(Told::Status(status)) => feed.set_status(*status),
            Err(reason) => tracing::warn!("a line of the daemon is left out: {reason}"),
        }
    }
}

/// Writes requests to stdout, on a thread of its own, because the daemon may be slow to read them.
fn requests() -> mpsc::Sender<Request> {
    let (sender, mut requests) = mpsc::channel(REQUESTS);
    thread::spawn(move || {
        while let Some(request) = requests.blocking_recv() {
            let Ok(json) = serde_json::to_string(&request) else { continue };
            let mut stdout = io::stdout();
            if writeln!(stdout, "{json}").and_then(|()| stdout.flush()).is_err() {
                return;
            }
        }
    });
    sender
}
