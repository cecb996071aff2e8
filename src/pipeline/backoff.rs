//! How long to wait before a source that failed is opened again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
/// A source that gave frames for so long was well: the pauses begin anew.
const WELL: Duration = Duration::from_secs(2);

/// Pauses that double from 100 ms to 10 s, each with up to a fifth more or less, so that many sources do not knock at
/// once.
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub fn new() -> Self {
        Self { next: FIRST }
    }

    /// The next pause, after a session in which frames came for `well`. `chance` is from 0 to 1.
    pub fn pause(&mut self, well: Duration, chance: f64) -> Duration {
        if well >= WELL {
            self.next = FIRST;
        }
        let pause = self.next.mul_f64(0.8 + 0.4 * chance);
        self.next = (self.next * 2).min(LONGEST);
        pause
    }
}

/// From 0 to 1, by the clock's last digits: good enough to keep sources apart.
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
