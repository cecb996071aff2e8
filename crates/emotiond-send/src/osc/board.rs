//! The values of all addresses: each is sent when it has changed, and again every second, because UDP loses packets.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// After this time without a change, a value is sent again.
const REPEAT: Duration = Duration::from_secs(1);

/// The values by their addresses.
#[derive(Default)]
pub struct Board(BTreeMap<String, Value>);

struct Value {
    value: f32,
    /// When it was sent; none if it has changed since.
    sent: Option<Instant>,
}

impl Board {
    /// Sets the value of an address.
    pub fn set(&mut self, address: String, value: f32) {
        let known = self.0.entry(address).or_insert(Value { value: f32::NAN, sent: None });
        if known.value != value {
            *known = Value { value, sent: None };
        }
    }

    /// Forgets the addresses that begin with `prefix`.
    pub fn forget(&mut self, prefix: &str) {
        self.0.retain(|address, _| !address.starts_with(prefix));
    }

    /// Takes what is to be sent at `now`.
    pub fn take_due(&mut self, now: Instant) -> Vec<(String, f32)> {
        let is_due = |value: &Value| value.sent.is_none_or(|sent| now.duration_since(sent) >= REPEAT);
        let due = self.0.iter_mut().filter(|(_, value)| is_due(value));
        due.map(|(address, value)| {
            value.sent = Some(now);
            (address.clone(), value.value)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sent_when_they_change_and_every_second() {
        let (mut board, start) = (Board::default(), Instant::now());
        let due = |board: &mut Board, ms| board.take_due(start + Duration::from_millis(ms));
        board.set("/a".into(), 1.0);
        board.set("/b/x".into(), 2.0);
        assert_eq!(due(&mut board, 0), [("/a".into(), 1.0), ("/b/x".into(), 2.0)]);
        board.set("/a".into(), 1.0);
        assert_eq!(due(&mut board, 500), []);
        board.set("/a".into(), 3.0);
        assert_eq!(due(&mut board, 600), [("/a".into(), 3.0)]);
        assert_eq!(due(&mut board, 1000), [("/b/x".into(), 2.0)]);
        board.forget("/b/");
        assert_eq!(due(&mut board, 1600), [("/a".into(), 3.0)]);
        assert_eq!(due(&mut board, 2500), []);
    }
}
