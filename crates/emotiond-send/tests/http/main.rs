//! Tests of the HTTP server with real sockets, a real Prometheus and a real browser.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod browser;
mod common;
mod hostile;
mod page;
mod prometheus;
