//! Messages of an output that may repeat endlessly: each is logged once in ten minutes.

use crate::gauges::OutputGauge;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

/// Between two identical messages.
const EVERY: Duration = Duration::from_secs(600);
/// Different messages that are remembered.
const REMEMBERED: usize = 64;

/// The messages of an output.
pub struct Complaints {
    gauge: Arc<OutputGauge>,
    /// When each message was last logged, and how often it came since.
    logged: HashMap<String, (Instant, u32)>,
}

impl Complaints {
    /// The messages of the output with this gauge.
    pub fn new(gauge: Arc<OutputGauge>) -> Self {
        Self { gauge, logged: HashMap::new() }
    }

    /// Logs that the output is connected, and removes the error from its gauge.
    pub fn connected(&mut self) {
        self.gauge.connected.store(true, Ordering::Relaxed);
        *self.gauge.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(text) = self.due("connected") {
            tracing::info!(output = self.gauge.name, "{text}");
        }
    }

    /// Logs that the output is not connected, and puts the reason into its gauge.
    pub fn disconnected(&mut self, reason: &str) {
        self.gauge.connected.store(false, Ordering::Relaxed);
        self.say(reason);
    }

    /// Logs something that is wrong, and puts it into the gauge.
    pub fn say(&mut self, text: &str) {
        *self.gauge.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
        if let Some(text) = self.due(text) {
            tracing::warn!(output = self.gauge.name, "{text}");
        }
    }

    /// The message, if it is to be logged now.
    fn due(&mut self, text: &str) -> Option<String> {
        if self.logged.len() > REMEMBERED {
            self.logged.clear();
        }
        let Some((last, since)) = self.logged.get_mut(text) else {
            self.logged.insert(text.to_owned(), (Instant::now(), 0));
            return Some(text.to_owned());
        };
        *since += 1;
        if last.elapsed() < EVERY {
            return None;
        }
        let text = format!("{text} ({since} times in the last {} s)", last.elapsed().as_secs());
        (*last, *since) = (Instant::now(), 0);
        Some(text)
    }
}
