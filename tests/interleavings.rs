//! Runs what vision threads wait for under a scheduler that tries out how threads can interleave: nothing waits for
//! ever, frames have their turns in order, and each is told of the full search before it.
//!
//! The modules are compiled here once more, with the scheduler's locks. There are no atomics in them, so sequentially
//! consistent interleavings are all there are.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use emotiond::detect::Detection;
use emotiond_core::geometry::BoundingBox;
use shuttle::{
    check_dfs, check_random,
    sync::{Arc, Condvar, Mutex},
    thread,
};
use std::collections::VecDeque;

mod sync {
    pub use shuttle::sync::{Condvar, Mutex, MutexGuard};
}

mod detect {
    pub use emotiond::detect::Detection;
}

mod glance {
    /// Fewer than in the daemon, so that the places of searches are used again soon.
    pub const LAG: usize = 2;
}

#[expect(dead_code, reason = "every frame is searched here")]
#[path = "../src/pipeline/full_searches.rs"]
mod full_searches;
#[expect(dead_code, reason = "a source begins once here")]
#[path = "../src/pipeline/in_turn.rs"]
mod in_turn;

use full_searches::{FullSearches, Part};
use in_turn::InTurn;

/// A source and its frames.
struct Source {
    frames: u64,
    /// Number of the latest full search.
    latest: InTurn<u64>,
    full_searches: FullSearches,
    way: Mutex<Way>,
    freed: Condvar,
}

/// The frames that are on their way.
#[derive(Default)]
struct Way {
    entered: u64,
    /// Of the frames from the first that is not done.
    done: VecDeque<bool>,
    left: u64,
}

impl Source {
    fn new(frames: u64) -> Self {
        Self {
            frames,
            latest: InTurn::new(0),
            full_searches: FullSearches::default(),
            way: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// The next frame, once there are fewer than `LAG` on their way, as the pipeline's pool of frames has it.
    fn enter(&self) -> Option<u64> {
        let is_full =
            |way: &mut Way| way.entered < self.frames && way.entered >= way.left + glance::LAG as u64;
        let mut way = self.freed.wait_while(self.way.lock().unwrap(), is_full).unwrap();
        let entry = way.entered;
        (entry < self.frames).then(|| {
            way.entered += 1;
            way.done.push_back(false);
            entry
        })
    }

    /// Frames leave in order.
    fn leave(&self, entry: u64) {
        let mut way = self.way.lock().unwrap();
        let place = (entry - way.left) as usize;
        way.done[place] = true;
        while way.done.front() == Some(&true) {
            way.done.pop_front();
            way.left += 1;
        }
        drop(way);
        self.freed.notify_all();
    }

    /// What a vision thread does with a frame: every second one is searched at full size, and some of these searches fail.
    /// A frame that cannot be read gives up its turn.
    fn see(&self, entry: u64) {
        let turn = self.latest.turn(entry);
        if entry % 6 == 5 {
            return;
        }
        let part = {
            let mut latest = turn.wait();
            assert_eq!(*latest, entry.div_ceil(2), "frame {entry} has its turn after those before it");
            if entry.is_multiple_of(2) {
                *latest += 1;
                self.full_searches.begin(*latest);
                Part::Full(*latest)
            } else {
                Part::After(*latest)
            }
        };
        drop(turn);
        match part {
            Part::Full(number) => {
                let pending = self.full_searches.pending(number);
                if succeeds(number) {
                    pending.keep((10, 20), number as f64, &[FACE]);
                }
            }
            Part::After(number) => {
                let outcome = self.full_searches.wait(number);
                assert_eq!(outcome.faces.len(), usize::from(succeeds(number)));
                assert!(
                    !succeeds(number) || outcome.time_s == number as f64,
                    "frame {entry} is told of {number}"
                );
            }
            Part::Neither => unreachable!("every frame is searched"),
        }
    }
}

const FACE: Detection = Detection {
    bounds: BoundingBox { x: 1.0, y: 2.0, w: 3.0, h: 4.0 },
    score: 0.9,
    landmarks: None,
    pose: None,
};

fn succeeds(search: u64) -> bool {
    !search.is_multiple_of(3)
}

/// Threads that share the frames of a source.
fn work(threads: usize, frames: u64) {
    let source = Arc::new(Source::new(frames));
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let source = Arc::clone(&source);
            thread::spawn(move || {
                while let Some(entry) = source.enter() {
                    source.see(entry);
                    source.leave(entry);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(source.way.lock().unwrap().left, frames);
}

#[test]
fn two_threads_and_two_frames_in_many_systematic_orders() {
    check_dfs(|| work(2, 2), Some(100_000));
}

#[test]
fn three_threads_and_many_frames_in_random_orders() {
    check_random(|| work(3, 12), 5_000);
}
