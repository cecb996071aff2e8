//! Which source is served next: the one that was not for the longest time.

use crossbeam_channel::Receiver;
use std::sync::atomic::{AtomicU64, Ordering};

/// When each source was served last. If all have frames waiting, each is served once in a round.
pub(super) struct Turns {
    rounds: AtomicU64,
    served: Box<[AtomicU64]>,
}

impl Turns {
    pub fn new(sources: usize) -> Self {
        Self { rounds: AtomicU64::new(1), served: (0..sources).map(|_| AtomicU64::new(0)).collect() }
    }

    /// The source whose inbox is served next; `None` if all inboxes are empty.
    pub fn next<T>(&self, inboxes: &[Receiver<T>]) -> Option<usize> {
        let waiting = (0..inboxes.len()).filter(|source| !inboxes[*source].is_empty());
        let next = waiting.min_by_key(|source| self.served[*source].load(Ordering::Relaxed))?;
        self.served[next].store(self.rounds.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    #[test]
    fn each_source_is_served_once_in_a_round() {
        let (inboxes, frames): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (inbox, frames) = bounded(8);
                (frames, inbox)
            })
            .unzip();
        let turns = Turns::new(4);
        let next = || {
            let next = turns.next(&inboxes)?;
            inboxes[next].recv().ok().map(|()| next)
        };
        (0..8).for_each(|_| frames[..3].iter().for_each(|frames| frames.send(()).unwrap()));
        let first: Vec<_> = (0..7).map_while(|_| next()).collect();
        assert_eq!(first, [0, 1, 2, 0, 1, 2, 0]);
        // Whoever comes late has waited for the longest time, but catches up on nothing.
        (0..3).for_each(|_| frames[3].send(()).unwrap());
        let then: Vec<_> = (0..6).map_while(|_| next()).collect();
        assert_eq!(then, [3, 1, 2, 0, 3, 1]);
        while next().is_some() {}
        assert_eq!(turns.next(&inboxes), None);
    }
}
