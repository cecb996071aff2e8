//! Connections and their limits.

use axum::Router;
use emotiond_core::backoff::Backoff;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::sleep,
};
use tokio_io_timeout::TimeoutWriter;

/// Connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 320;
/// Bytes of a request's first line and headers.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Time for a request's headers to arrive, and for which an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for which a client may take nothing of what is written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(15);
/// What the kernel keeps for a client that reads slowly, in bytes.
const SEND_BUFFER_BYTES: u32 = 128 * 1024;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;
/// The first and the longest pause before an address is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Accepts connections for ever.
pub async fn serve(address: SocketAddr, app: Router) -> Infallible {
    let listener = listen(address).await;
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, app.clone(), place));
            }
            Err(error) => {
                // Such as: too many open files.
                tracing::debug!("a connection could not be accepted: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Opens the address, as often as it takes.
async fn listen(address: SocketAddr) -> TcpListener {
    let mut pauses = Backoff::new(PAUSES.0, PAUSES.1);
    let mut is_told = false;
    loop {
        match bind(address) {
            Ok(listener) => {
                tracing::info!("HTTP server on http://{address}");
                return listener;
            }
            Err(error) if !is_told => {
                is_told = true;
                let remedy = "stop the other program or change listen under [http]";
                tracing::error!("the HTTP server cannot use {address} and tries again: {error}; {remedy}");
            }
            Err(error) => tracing::debug!("{address}: {error}"),
        }
        sleep(pauses.pause()).await;
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    // Accepted connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers the requests of a connection.
async fn converse(stream: TcpStream, app: Router, _place: Option<OwnedSemaphorePermit>) {
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(WRITE_TIMEOUT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(app));
    if let Err(error) = connection.await {
        tracing::debug!("a connection has ended: {error}");
    }
}
