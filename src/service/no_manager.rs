//! Stands in for the crate `sd_notify` on systems without systemd: nobody listens.

use std::{io, time::Duration};

/// What would be told.
#[expect(dead_code, reason = "nobody reads it")]
pub(super) enum NotifyState<'a> {
    Ready,
    Reloading,
    ExtendTimeoutUsec(u32),
    Watchdog,
    Stopping,
    Status(&'a str),
}

impl NotifyState<'_> {
    pub fn monotonic_usec_now() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(super) fn watchdog_enabled() -> Option<Duration> {
    None
}

pub(super) fn notify(_: &[NotifyState]) -> io::Result<()> {
    Ok(())
}
