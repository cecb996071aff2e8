//! Replays a recording at the speed at which it was recorded.

use jiff::Timestamp;
use serde::Deserialize;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// When lines are due.
#[derive(Default)]
pub(super) struct Pace {
    /// The time of the first line, and when it was sent.
    start: Option<(Timestamp, Instant)>,
}

impl Pace {
    /// Waits until a line is due.
    pub async fn wait(&mut self, line: &str) {
        #[derive(Deserialize)]
        struct Timed {
            time: String,
        }
        let time = serde_json::from_str(line).ok().and_then(|Timed { time }| time.parse().ok());
        let Some(time) = time else { return };
        let (first, start): (Timestamp, Instant) = *self.start.get_or_insert_with(|| (time, Instant::now()));
        let after = Duration::try_from(time.duration_since(first)).unwrap_or_default();
        sleep_until(start + after).await;
    }
}
