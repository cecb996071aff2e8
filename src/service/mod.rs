//! Notifications to the service manager, through the socket of sd_notify(3). Without a service manager they do nothing.

#[cfg(not(target_os = "linux"))]
mod no_manager;

use crate::pipeline::Status;
#[cfg(not(target_os = "linux"))]
use no_manager as sd_notify;
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// How often the service manager is asked for more time while models are loaded, ...
const EXTEND_EVERY: Duration = Duration::from_secs(5);
/// ... for how much, ...
const EXTENSION: Duration = Duration::from_secs(30);
/// ... and for how long at most: TensorRT builds its engines in minutes.
const LONGEST_LOAD: Duration = Duration::from_secs(15 * 60);
/// How often the status line is sent.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// Sends the state to the service manager, and keep-alive messages to its watchdog while the pipeline makes progress.
pub struct Notifier {
    /// Half of the unit's limit, so that one late message has no consequence.
    watchdog: Option<Duration>,
    fed: Instant,
    status_sent: Option<Instant>,
    /// Since when models are loaded, and when more time was asked for.
    loading: Option<(Instant, Instant)>,
    progress: Progress,
}

/// Tracks whether frames leave the pipeline.
struct Progress {
    left: u64,
    since: Instant,
}

impl Progress {
    /// Whether the pipeline is idle, or a frame has left it within `budget`.
    fn is_made(&mut self, in_flight: u64, left: u64, now: Instant, budget: Duration) -> bool {
        if in_flight == 0 || left != self.left {
            (self.left, self.since) = (left, now);
        }
        now.duration_since(self.since) <= budget
    }
}

impl Notifier {
    /// Reads the unit's settings from the environment.
    pub fn new() -> Self {
        let now = Instant::now();
        Self {
            watchdog: sd_notify::watchdog_enabled().map(|limit| limit / 2),
            fed: now,
            status_sent: None,
            loading: None,
            progress: Progress { left: 0, since: now },
        }
    }

    /// Reports that the pipeline is running.
    pub fn ready(&mut self) {
        self.loading = None;
        notify(&[NotifyState::Ready]);
    }

    /// Reports that the configuration is being reloaded; `ready` must follow.
    pub fn reloading(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            notify(&[NotifyState::Reloading, now]);
        }
    }

    /// Asks for more time while models are loaded. Call it often; it keeps the pace.
    pub fn loading(&mut self) {
        let now = Instant::now();
        let (since, asked) = self.loading.get_or_insert((now, now));
        if now.duration_since(*asked) < EXTEND_EVERY || now.duration_since(*since) > LONGEST_LOAD {
            return;
        }
        *asked = now;
        notify(&[NotifyState::ExtendTimeoutUsec(EXTENSION.as_micros() as u32)]);
    }

    /// Feeds the watchdog before there is a pipeline.
    pub fn is_alive(&mut self) {
        let Some(budget) = self.watchdog else { return };
        if self.fed.elapsed() >= budget / 2 {
            self.fed = Instant::now();
            notify(&[NotifyState::Watchdog]);
        }
    }

    /// How often to call [`Self::tick`].
    pub fn interval(&self) -> Duration {
        // A quarter of the time that it has to feed the watchdog.
        self.watchdog.map_or(STATUS_EVERY, |budget| STATUS_EVERY.min(budget / 4))
    }

    /// Reports that the program is stopping.
    pub fn stopping(&self) {
        notify(&[NotifyState::Stopping]);
    }

    /// Sends the status line when it is due, and feeds the watchdog unless the pipeline is stuck: frames are in it, but
    /// none has left it within half of the unit's limit.
    pub fn tick(&mut self, status: &Status) {
        let now = Instant::now();
        if self.status_sent.is_none_or(|sent| now.duration_since(sent) >= STATUS_EVERY) {
            self.status_sent = Some(now);
            notify(&[NotifyState::Status(&status.to_string())]);
        }
        let Some(budget) = self.watchdog else { return };
        let well = self.progress.is_made(status.in_flight, status.left, now, budget);
        if well && now.duration_since(self.fed) >= budget / 2 {
            self.fed = now;
            notify(&[NotifyState::Watchdog]);
        }
    }
}

impl Default for Notifier {
    fn default() -> Self {
        Self::new()
    }
}

fn notify(states: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("the service manager cannot be notified: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_stuck_when_frames_stay_in_it() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let budget = Duration::from_secs(5);
        let mut progress = Progress { left: 0, since: start };
        assert!(progress.is_made(0, 0, at(100), budget), "idle");
        assert!(progress.is_made(3, 0, at(104), budget), "busy");
        assert!(!progress.is_made(3, 0, at(106), budget), "stuck");
        assert!(progress.is_made(3, 1, at(107), budget), "a frame came out");
        assert!(progress.is_made(2, 2, at(111), budget) && !progress.is_made(2, 2, at(117), budget));
        assert!(progress.is_made(0, 4, at(118), budget), "all came out");
    }
}
