//! `/api/v1/events`: event lines as server-sent events.

use super::{
    Server,
    api::{busy, refuse},
};
use crate::event::{Event as Line, Kind};
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream::unfold;
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, broadcast, broadcast::error::RecvError, watch};

/// Clients that listen at a time.
pub const MAX_LISTENERS: usize = 256;
/// Time after which a comment is sent if nothing else was.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Time after which a browser connects again.
const RETRY: Duration = Duration::from_secs(2);
/// The type of events with the daemon's status.
const STATUS: &str = "status";

/// What a client asks for.
#[derive(Deserialize)]
pub struct Wish {
    types: Option<String>,
    source: Option<String>,
}

/// A client's side of the stream.
struct Listener {
    server: Arc<Server>,
    lines: broadcast::Receiver<Arc<Line>>,
    status: Option<watch::Receiver<Arc<crate::wire::Status>>>,
    kinds: Vec<Kind>,
    source: Option<String>,
    greeted: bool,
    _place: OwnedSemaphorePermit,
}

/// Begins a stream.
pub async fn events(State(server): State<Arc<Server>>, Query(wish): Query<Wish>) -> Response {
    let (kinds, with_status) = match kinds(wish.types.as_deref()) {
        Ok(kinds) => kinds,
        Err(unknown) => {
            let why = format!("no type {unknown:?}: there are source, audience, face, marker and status");
            return refuse(StatusCode::BAD_REQUEST, &why);
        }
    };
    let Ok(place) = Arc::clone(&server.listeners).try_acquire_owned() else {
        return busy(&format!("{MAX_LISTENERS} clients listen already"));
    };
    let mut status = with_status.then(|| server.hub.status.clone());
    // The current one is sent at once.
    status.iter_mut().for_each(watch::Receiver::mark_changed);
    let listener = Listener {
        lines: server.hub.listen(),
        status,
        kinds,
        source: wish.source,
        greeted: false,
        _place: place,
        server,
    };
    let events = unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    // nginx would collect events otherwise.
    ([("x-accel-buffering", "no")], stream).into_response()
}

/// The kinds of lines in a list of types, and whether `status` is among them.
fn kinds(types: Option<&str>) -> Result<(Vec<Kind>, bool), String> {
    let Some(types) = types else { return Ok((Kind::ALL.to_vec(), false)) };
    let (mut kinds, mut with_status) = (Vec::new(), false);
    for name in types.split(',').map(str::trim) {
        match serde_json::from_value::<Kind>(name.into()) {
            Ok(kind) if !kinds.contains(&kind) => kinds.push(kind),
            Ok(_) => {}
            Err(_) if name == STATUS => with_status = true,
            Err(_) => return Err(name.to_owned()),
        }
    }
    Ok((kinds, with_status))
}

impl Listener {
    /// The next event; none when no more will come.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(Event::default().comment("emotiond").retry(RETRY));
        }
        loop {
            let line = tokio::select! {
                line = self.lines.recv() => line,
                () = changed(self.status.as_mut()) => return self.status(),
            };
            match line {
                Ok(line) if self.wants(&line) => return Some(self.event(&line)),
                Ok(_) => {}
                Err(RecvError::Lagged(lost)) => {
                    return Some(Event::default().event("lost").data(format!(r#"{{"lost":{lost}}}"#)));
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, line: &Line) -> bool {
        let of_source = self.source.is_none() || line.source.is_none() || line.source == self.source;
        self.kinds.contains(&line.kind) && of_source
    }

    fn event(&self, line: &Line) -> Event {
        let hub = &self.server.hub;
        Event::default()
            .event(line.kind.name())
            .id(format!("{}-{}", hub.run, line.seq(&self.kinds)))
            .data(line.stamped(&hub.device, &hub.run, &self.kinds))
    }

    fn status(&self) -> Option<Event> {
        Event::default().event(STATUS).json_data(self.server.overview()).ok()
    }
}

/// Waits for another status; for ever if there will be none.
async fn changed(status: Option<&mut watch::Receiver<Arc<crate::wire::Status>>>) {
    if let Some(status) = status
        && status.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
