//! The pauses before a sender that has ended is started again.

use emotiond_core::backoff::Backoff;
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that double from 1 s to 60 s.
pub(super) struct Pauses(Backoff);

impl Default for Pauses {
    fn default() -> Self {
        Self(Backoff::new(FIRST, LONGEST))
    }
}

impl Pauses {
    /// The next pause, after a sender that ran for `lived`. One that ran for long enough begins the pauses anew.
    pub fn next(&mut self, lived: Duration) -> Duration {
        if lived >= LONGEST {
            self.0.restart();
        }
        self.0.pause()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_begin_anew_after_a_good_time() {
        let mut pauses = Pauses::default();
        let told: Vec<u64> = (0..8).map(|_| pauses.next(Duration::from_secs(5)).as_secs()).collect();
        assert_eq!(told, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(pauses.next(Duration::from_secs(60)).as_secs(), 1);
        assert_eq!(pauses.next(Duration::ZERO).as_secs(), 2);
    }
}
