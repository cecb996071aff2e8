//! Restores the order of messages after parallel threads have processed them.

use crate::message::Message;
use std::collections::VecDeque;

/// The messages of one source, in the order of their tickets, which have no gaps.
#[derive(Default)]
pub(super) struct InOrder {
    /// The next ticket.
    next: u64,
    /// Messages that arrived early, indexed by ticket minus `next`.
    early: VecDeque<Option<Message>>,
}

impl InOrder {
    /// The next ticket.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Adds a message.
    pub fn put(&mut self, message: Message) {
        let place = (message.ticket - self.next) as usize;
        if self.early.len() <= place {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(message);
    }

    /// Takes the next message in order, if it has arrived.
    pub fn take(&mut self) -> Option<Message> {
        self.early.front()?.as_ref()?;
        self.next += 1;
        self.early.pop_front().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Clock;

    #[test]
    fn messages_leave_in_the_order_of_their_tickets() {
        let mut order = InOrder::default();
        let mut left = Vec::new();
        let now = Clock::start().now();
        for ticket in [2, 0, 1, 4, 5, 3, 6] {
            order.put(Message { ticket, ..Message::picture(0, now, Box::default()) });
            left.extend(std::iter::from_fn(|| order.take()).map(|message| message.ticket));
        }
        assert_eq!(left, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(order.next(), 7);
    }
}
