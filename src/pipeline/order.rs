//! Restores the order of frames after parallel threads have processed them.

use crate::frame::Frame;
use std::collections::VecDeque;

/// The frames of one source, in the order of their tickets, which have no gaps.
#[derive(Default)]
pub(super) struct InOrder {
    /// The next ticket.
    next: u64,
    /// Frames that arrived early, indexed by ticket minus `next`.
    early: VecDeque<Option<Box<Frame>>>,
}

impl InOrder {
    /// The next ticket.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Adds a frame.
    pub fn put(&mut self, frame: Box<Frame>) {
        let place = (frame.ticket - self.next) as usize;
        if self.early.len() <= place {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(frame);
    }

    /// Takes the next frame in order, if it has arrived.
    pub fn take(&mut self) -> Option<Box<Frame>> {
        self.early.front()?.as_ref()?;
        self.next += 1;
        self.early.pop_front().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_leave_in_the_order_of_their_tickets() {
        let mut order = InOrder::default();
        let mut left = Vec::new();
        for ticket in [2, 0, 1, 4, 5, 3, 6] {
            order.put(Box::new(Frame { ticket, ..Frame::default() }));
            left.extend(std::iter::from_fn(|| order.take()).map(|frame| frame.ticket));
        }
        assert_eq!(left, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(order.next(), 7);
    }
}
