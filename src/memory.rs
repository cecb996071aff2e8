//! One budget for the memory of the process. What it holds apart from pictures is estimated; the rest is for pictures: a
//! part for the buffers that frames keep, so that a warm pipeline allocates nothing, and a pool that large pictures share.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

const MB: u64 = 1_000_000;
/// Memory without pictures and threads: program, runtime, networks, tracks and queues.
const PROGRAM_BYTES: u64 = 110 * MB;
/// Memory of a vision thread and a classification thread: their networks and what these compute.
const THREAD_BYTES: u64 = 40 * MB;
/// The least budget.
pub const LEAST_MB: u32 = 256;
/// Bytes that a pixel of the largest picture may take: the picture, its undecoded bytes and those of the next one, and
/// what a decoder needs meanwhile.
const BYTES_PER_PIXEL: u64 = 16;
/// The part of the pictures' memory that all frames together keep while they are empty.
const KEPT: f64 = 0.25;
/// How long whoever waits for room lets others take it first.
const PATIENCE: Duration = Duration::from_secs(1);

/// What follows from the budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The budget, in millions of bytes.
    pub memory_mb: u32,
    /// The largest picture, in millions of pixels.
    pub max_megapixels: f64,
    /// Vision threads, and as many for classification.
    pub threads: usize,
    /// Memory that all pictures may take.
    picture_bytes: u64,
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { memory_mb, max_megapixels, threads, .. } = self;
        write!(
            formatter,
            "up to {memory_mb} MB, for pictures of up to {max_megapixels} megapixels and {threads} vision threads"
        )
    }
}

impl Plan {
    /// With `memory_mb` of 0, the budget is what the largest pictures and all `threads` take; otherwise these are reduced
    /// to what fits.
    pub fn new(memory_mb: u32, max_megapixels: f64, threads: usize) -> Self {
        if memory_mb == 0 {
            let pool = max_megapixels * 1e6 * BYTES_PER_PIXEL as f64;
            let picture_bytes = (pool / (1.0 - KEPT)) as u64;
            let memory_mb = ((base(threads) + picture_bytes) / MB) as u32;
            return Self { memory_mb, max_megapixels, threads, picture_bytes };
        }
        let budget = u64::from(memory_mb) * MB;
        let room = (budget / 2).saturating_sub(PROGRAM_BYTES) / THREAD_BYTES;
        Self::with_threads(memory_mb, max_megapixels, threads.min(room as usize).max(1))
    }

    /// With all `threads`, whose memory is little if their pictures are small; only the pictures are limited.
    pub fn with_threads(memory_mb: u32, max_megapixels: f64, threads: usize) -> Self {
        let budget = u64::from(memory_mb) * MB;
        let picture_bytes = budget.saturating_sub(base(threads)).max(budget / 4);
        let largest = picture_bytes as f64 * (1.0 - KEPT) / BYTES_PER_PIXEL as f64 / 1e6;
        // A round number, because messages tell it.
        let max_megapixels = max_megapixels.min((largest * 10.0).floor() / 10.0);
        Self { memory_mb, max_megapixels, threads, picture_bytes }
    }

    /// The pool for a pipeline of this many frames.
    pub fn pool(&self, frames: usize) -> Arc<Pool> {
        let kept = (self.picture_bytes as f64 * KEPT) as u64;
        let state = State { left: self.picture_bytes - kept, waiting: VecDeque::new(), next: 0 };
        Arc::new(Pool {
            total: state.left,
            free_of_charge: kept / frames.max(1) as u64,
            state: Mutex::new(state),
            freed: Condvar::new(),
        })
    }
}

/// Memory without pictures.
fn base(threads: usize) -> u64 {
    PROGRAM_BYTES + THREAD_BYTES * threads as u64
}

/// Memory that large pictures of all sources share.
pub struct Pool {
    total: u64,
    /// What each frame may take without asking, and keep.
    free_of_charge: u64,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    left: u64,
    /// Who waits, and since when, in order.
    waiting: VecDeque<(u64, Instant)>,
    next: u64,
}

/// Room for a picture; given back when it is dropped.
pub struct Room {
    pool: Arc<Pool>,
    bytes: u64,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.pool.lock().left += self.bytes;
        self.pool.freed.notify_all();
    }
}

impl Pool {
    /// Whether a frame of this many bytes needs room.
    pub fn is_large(&self, bytes: u64) -> bool {
        bytes > self.free_of_charge
    }

    /// Room for `bytes`, or all room for a picture that takes more; `None` if others have it, or wait for it for long.
    pub fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Room> {
        let mut state = self.lock();
        let is_due = state.waiting.front().is_some_and(|(_, since)| since.elapsed() > PATIENCE);
        let bytes = bytes.min(self.total);
        if is_due || state.left < bytes {
            return None;
        }
        state.left -= bytes;
        Some(Room { pool: Arc::clone(self), bytes })
    }

    /// The same, but waits; those who wait get it in order. `None` once `is_over`, which is asked at each `interval`.
    pub fn take(
        self: &Arc<Self>,
        bytes: u64,
        interval: Duration,
        is_over: impl Fn() -> bool,
    ) -> Option<Room> {
        let bytes = bytes.min(self.total);
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.waiting.push_back((ticket, Instant::now()));
        let is_served = loop {
            let is_first = state.waiting.front().is_some_and(|(first, _)| *first == ticket);
            if is_first && state.left >= bytes {
                break true;
            }
            if is_over() {
                break false;
            }
            let waited = self.freed.wait_timeout(state, interval);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting.retain(|(other, _)| *other != ticket);
        if is_served {
            state.left -= bytes;
        }
        drop(state);
        // The next one may find room too.
        self.freed.notify_all();
        is_served.then(|| Room { pool: Arc::clone(self), bytes })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread};

    #[test]
    fn pictures_and_threads_follow_from_the_budget() {
        let usual = Plan::new(0, 64.0, 2);
        assert_eq!((usual.memory_mb, usual.max_megapixels, usual.threads), (1555, 64.0, 2));
        // The same the other way round.
        let same = Plan::new(1556, 64.0, 2);
        assert_eq!((same.max_megapixels, same.threads), (64.0, 2));
        let small = Plan::new(LEAST_MB, 64.0, 16);
        assert_eq!((small.max_megapixels, small.threads), (4.9, 1));
        let half = Plan::new(1000, 64.0, 16);
        assert_eq!((half.max_megapixels, half.threads), (24.8, 9));
        assert_eq!(Plan::new(100_000, 64.0, 16).threads, 16);
        let many = Plan::with_threads(751, 64.0, 16);
        assert_eq!((many.max_megapixels, many.threads), (8.8, 16));
    }

    #[test]
    fn room_is_lent_in_order_and_comes_back() {
        let pool = Plan::new(0, 1.0, 1).pool(4);
        assert!(!pool.is_large(1_000_000) && pool.is_large(2_000_000));
        let most = pool.try_take(10 * MB).unwrap();
        assert!(pool.try_take(10 * MB).is_none());
        let waits = thread::spawn({
            let pool = Arc::clone(&pool);
            // More than there is: all of it.
            move || pool.take(100 * MB, Duration::from_secs(1), || false).is_some()
        });
        while pool.lock().waiting.is_empty() {
            thread::yield_now();
        }
        // Small ones pass by, for a while.
        drop(pool.try_take(MB).unwrap());
        drop(most);
        assert!(waits.join().unwrap());
        assert_eq!(pool.lock().left, pool.total);
        assert!(pool.lock().waiting.is_empty());
    }

    #[test]
    fn who_stops_waiting_lets_the_next_one_in() {
        let pool = Plan::new(0, 1.0, 1).pool(4);
        let all = pool.try_take(pool.total).unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let gives_up = thread::spawn({
            let pool = Arc::clone(&pool);
            let is_over = move || stopped.try_recv() != Err(mpsc::TryRecvError::Empty);
            move || pool.take(pool.total, Duration::from_millis(1), is_over).is_none()
        });
        drop(stop);
        assert!(gives_up.join().unwrap());
        drop(all);
        assert!(pool.take(MB, Duration::from_millis(1), || false).is_some());
    }
}
