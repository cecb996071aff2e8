//! Whether a source is to be read now: not while somebody has paused it, nor outside its active hours.

use crate::{
    hours::{self, ActiveHours},
    pipeline::{settings::Look, source_info::SourceInfo},
};
use jiff::Zoned;
use std::time::{Duration, Instant};

/// The reason of a source that somebody has paused.
const PAUSED: &str = "paused";
/// How often to compare the active hours with the clock.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The gate of a source.
pub(super) struct Gate {
    source: usize,
    look: Look,
    /// When the hours were last compared with the clock, and with which result.
    seen: Option<(Instant, Option<String>)>,
}

impl Gate {
    pub fn new(source: usize, look: Look) -> Self {
        Self { source, look, seen: None }
    }

    /// Why the source must not be read now; `None` if it is to be read.
    pub fn closed(&mut self, info: &SourceInfo) -> Option<&str> {
        if info.is_paused() {
            return Some(PAUSED);
        }
        let active = &self.look.load().sources[self.source].active;
        if active.is_always() {
            return None;
        }
        if self.seen.as_ref().is_none_or(|(then, _)| then.elapsed() >= LOOK_EVERY) {
            self.seen = Some((Instant::now(), outside(active, &Zoned::now())));
        }
        self.seen.as_ref().and_then(|(_, reason)| reason.as_deref())
    }
}

/// The reason of a source outside its active hours.
fn outside(active: &ActiveHours, now: &Zoned) -> Option<String> {
    active.closed_until(now).map(|next| format!("outside its active hours until {}", hours::told(&next)))
}
