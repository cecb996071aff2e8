//! The pauses before a failed source is opened again.

use emotiond_core::backoff;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// After frames have arrived for this long, the pauses start again with the first.
const WELL: Duration = Duration::from_secs(2);

/// Pauses that double from 100 ms to 10 s, with up to 20 % of random variation, so that many sources do not reconnect
/// at the same time.
pub(super) struct Backoff(backoff::Backoff);

impl Backoff {
    pub fn new() -> Self {
        Self(backoff::Backoff::new(FIRST, LONGEST))
    }

    /// The next pause, after a session in which frames arrived for `well`. `chance` is a random number from 0 to 1.
    pub fn pause(&mut self, well: Duration, chance: f64) -> Duration {
        if well >= WELL {
            self.0.restart();
        }
        self.0.pause().mul_f64(0.8 + 0.4 * chance)
    }
}

/// A number from 0 to 1 from the clock's last digits; random enough for this purpose.
pub(super) fn chance() -> f64 {
    f64::from(jiff::Timestamp::now().subsec_nanosecond() % 1000) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_ten_seconds_and_begin_anew_after_a_good_time() {
        let mut backoff = Backoff::new();
        let pauses: Vec<u128> = (0..9).map(|_| backoff.pause(Duration::ZERO, 0.5).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert_eq!(backoff.pause(Duration::from_secs(1), 0.5).as_millis(), 10_000);
        assert_eq!(backoff.pause(Duration::from_secs(3), 0.0).as_millis(), 80);
        assert_eq!(backoff.pause(Duration::ZERO, 1.0).as_millis(), 240);
    }
}
