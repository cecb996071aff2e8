//! Notices that a live source is hardly analysed because the machine is too small, which the log says once.

use std::{
    sync::Once,
    time::{Duration, Instant},
};

/// The time over which pictures are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// Fewer analysed pictures a second are too few, if there were others.
const LEAST_A_SECOND: u32 = 1;

/// The pictures of a source in the current window.
pub(super) struct Pressure {
    began: Instant,
    entered: u32,
    skipped: u32,
}

impl Pressure {
    pub fn new() -> Self {
        Self { began: Instant::now(), entered: 0, skipped: 0 }
    }

    /// Counts a picture that is analysed, or skipped because another one is.
    pub fn note(&mut self, is_analysed: bool, source: &str) {
        if is_analysed {
            self.entered += 1;
        } else {
            self.skipped += 1;
        }
        if self.began.elapsed() < WINDOW {
            return;
        }
        let seconds = self.began.elapsed().as_secs() as u32;
        if self.entered < LEAST_A_SECOND * seconds && self.skipped > self.entered {
            static TOLD: Once = Once::new();
            TOLD.call_once(|| {
                let (analysed, sent) = (self.entered, self.entered + self.skipped);
                tracing::warn!(
                    source,
                    "the machine is too small: of {sent} pictures in {seconds} seconds, {analysed} were analysed; read fewer \
                     or smaller sources, or lower max_side_px under [detector]"
                );
            });
        }
        *self = Self::new();
    }
}
