//! The HTTP server: health, metrics, events, requests and the page. `docs/http.md` documents it.
//!
//! It runs on the sender's thread. Everything that a client can hold on to is bounded: connections, listeners, headers,
//! bodies, and the time for each of them (`connection`). `guard` decides who may ask.

mod api;
mod connection;
mod guard;
mod overview;
mod page;
mod pictures;
mod recent;
mod stream;
mod token;

use crate::{gauges::Gauges, hub::Hub, metrics::Metrics, settings::HttpConfig};
use overview::Overview;
use recent::Recent;
use std::{convert::Infallible, net::SocketAddr, sync::Arc};
use thiserror::Error;
use token::{Token, TokenError};
use tokio::sync::Semaphore;

/// Why there is no server.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Everybody could ask it.
    #[error(
        "the HTTP server is off: other machines reach {0}, so it needs a token; set token_file under [http], or listen on 127.0.0.1"
    )]
    Unprotected(SocketAddr),
    /// The token is of no use.
    #[error("the HTTP server is off: {0}")]
    Token(#[from] TokenError),
}

/// What all requests share.
struct Server {
    hub: Hub,
    gauges: Gauges,
    metrics: Metrics,
    recent: Recent,
    listeners: Arc<Semaphore>,
    viewers: Arc<Semaphore>,
    token: Option<Token>,
    listen: SocketAddr,
}

impl Server {
    /// How the daemon, its sources and its outputs are now.
    fn overview(&self) -> Overview {
        Overview::new(&self.hub, &self.gauges, self.recent.status_age())
    }
}

/// Serves until the future is dropped. If the address is taken, it tries again.
///
/// # Errors
/// When the server would be open to other machines without a token, or the token cannot be read.
pub async fn serve(config: &HttpConfig, hub: Hub, gauges: Gauges) -> Result<Infallible, HttpError> {
    if config.is_unprotected() {
        return Err(HttpError::Unprotected(config.listen));
    }
    let token = config.token_file.as_deref().map(Token::read).transpose()?;
    let server = Arc::new(Server {
        metrics: Metrics::new(hub.clone(), gauges.clone()),
        recent: Recent::default(),
        listeners: Arc::new(Semaphore::new(stream::MAX_LISTENERS)),
        viewers: Arc::new(Semaphore::new(pictures::MAX_VIEWERS)),
        hub,
        gauges,
        token,
        listen: config.listen,
    });
    let serving = connection::serve(config.listen, api::routes(Arc::clone(&server)));
    tokio::select! {
        never = server.recent.follow(&server.hub) => Ok(never),
        never = serving => Ok(never),
    }
}
