//! Copies event lines for the outputs. It never waits: a line for which there is no room is counted as dropped.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use emotiond_send::event::{Counts, Kind};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Lines that may wait; each has a buffer of its own.
const LINES: usize = 2048;
/// Initial capacity of a buffer in bytes; a face line takes about 500.
const LINE_BYTES: usize = 1024;
/// Larger buffers are not kept.
const MOST_BYTES: usize = 16 * LINE_BYTES;

/// An event line and its number.
#[derive(Default)]
pub struct Line {
    /// The counts of the run, this line included.
    pub counts: Counts,
    /// The line without its end.
    pub json: Vec<u8>,
}

/// Numbers per kind that two threads share.
#[derive(Default)]
struct Numbers([AtomicU64; Kind::ALL.len()]);

impl Numbers {
    fn add(&self, kind: Kind) {
        self.0[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> Counts {
        Counts(self.0.each_ref().map(|number| number.load(Ordering::Relaxed)))
    }
}

/// The end that takes lines. One thread at a time uses it.
pub struct Tap {
    takes_faces: bool,
    told: Numbers,
    dropped: Arc<Numbers>,
    waiting: Sender<Line>,
    empty: Receiver<Vec<u8>>,
}

/// The end from which lines are read.
pub struct Tapped {
    dropped: Arc<Numbers>,
    waiting: Receiver<Line>,
    empty: Sender<Vec<u8>>,
}

impl Tap {
    /// A tap, and the end from which its lines are read. `takes_faces`: whether somebody wants `face` lines.
    pub fn new(takes_faces: bool) -> (Self, Tapped) {
        let (to_them, waiting) = bounded(LINES);
        let (to_us, empty) = bounded(LINES);
        for _ in 0..LINES {
            to_us.try_send(Vec::with_capacity(LINE_BYTES)).expect("the channel has room for all");
        }
        let dropped = Arc::<Numbers>::default();
        let tapped = Tapped { dropped: Arc::clone(&dropped), waiting, empty: to_us };
        (Self { takes_faces, told: Numbers::default(), dropped, waiting: to_them, empty }, tapped)
    }

    /// Whether it takes lines of this kind.
    pub fn takes(&self, kind: Kind) -> bool {
        kind != Kind::Face || self.takes_faces
    }

    /// Counts a line and copies it, if there is room.
    pub fn take(&self, kind: Kind, json: &[u8]) {
        if !self.takes(kind) {
            return;
        }
        self.told.add(kind);
        let Ok(mut copy) = self.empty.try_recv() else { return self.dropped.add(kind) };
        copy.clear();
        copy.extend_from_slice(json);
        match self.waiting.try_send(Line { counts: self.told.get(), json: copy }) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.dropped.add(kind),
        }
    }
}

impl Tapped {
    /// Waits up to `timeout` for the next line.
    ///
    /// # Errors
    /// When there is none, or the tap is gone and there will be none.
    pub fn wait(&self, timeout: Duration) -> Result<Line, RecvTimeoutError> {
        self.waiting.recv_timeout(timeout)
    }

    /// Gives a line's buffer back.
    pub fn give_back(&self, line: Line) {
        let json = if line.json.capacity() > MOST_BYTES { Vec::with_capacity(LINE_BYTES) } else { line.json };
        let _ = self.empty.try_send(json);
    }

    /// The lines that were dropped so far.
    pub fn dropped(&self) -> Counts {
        self.dropped.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_line_is_counted_and_leaves_a_gap() {
        let (tap, tapped) = Tap::new(false);
        tap.take(Kind::Face, b"{}");
        for number in 0..LINES + 3 {
            tap.take(if number % 2 == 0 { Kind::Source } else { Kind::Audience }, b"{}");
        }
        assert_eq!(tapped.dropped(), Counts([2, 1, 0, 0]));
        let first = tapped.wait(Duration::ZERO).unwrap();
        assert_eq!((first.counts, &first.json[..]), (Counts([1, 0, 0, 0]), &b"{}"[..]));
        tapped.give_back(first);
        tap.take(Kind::Marker, b"{\"label\":1}");
        let rest: Vec<Line> = std::iter::from_fn(|| tapped.wait(Duration::ZERO).ok()).collect();
        assert_eq!(rest.len(), LINES);
        let half = LINES as u64 / 2;
        assert_eq!(rest[LINES - 2].counts, Counts([half, half, 0, 0]));
        let last = rest.last().unwrap();
        assert_eq!(last.counts, Counts([half + 2, half + 1, 0, 1]));
        assert_eq!(last.json, b"{\"label\":1}");
    }
}
