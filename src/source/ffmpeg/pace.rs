//! Whether ffmpeg keeps up with a live stream. If the machine is too small to decode all streams, their pictures come later
//! and later.

use std::{
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often the lag is looked at.
const WINDOW: Duration = Duration::from_secs(5);
/// A larger lag behind the stream's own clock, in seconds, is too much.
const MOST_LAG_S: f64 = 2.0;
/// A larger step of the stream's clock is no lag.
const LARGEST_STEP_S: f64 = 5.0;
/// The least share of the processors' time that is spent on a busy machine.
const BUSY: f64 = 0.9;
/// The time between two streams that are found to be behind: it may be enough that the first one takes less.
const TURN: Duration = Duration::from_secs(1);

/// The pace of a stream.
#[derive(Default)]
pub(super) struct Pace {
    /// The first frame and the latest one: when they came, and the time of the stream in seconds.
    first: Option<(Instant, f64)>,
    latest_s: f64,
    window: Option<Window>,
}

struct Window {
    began: Instant,
    lag_s: f64,
    work: Option<Work>,
}

impl Pace {
    /// Takes note of a frame. Returns whether the stream is behind because the machine is busy, at most once a second for
    /// all streams.
    pub fn is_behind(&mut self, pts_ms: Option<u64>) -> bool {
        let now = Instant::now();
        pts_ms.is_some_and(|pts_ms| self.look(pts_ms, now, Work::read) && is_turn(now))
    }

    fn look(&mut self, pts_ms: u64, now: Instant, work: impl FnOnce() -> Option<Work>) -> bool {
        let time_s = pts_ms as f64 / 1000.0;
        let is_step = (time_s - self.latest_s).abs() > LARGEST_STEP_S;
        self.latest_s = time_s;
        let Some((began, first_s)) = self.first.filter(|_| !is_step) else {
            (self.first, self.window) = (Some((now, time_s)), None);
            return false;
        };
        let lag_s = (now - began).as_secs_f64() - (time_s - first_s);
        if lag_s < 0.0 {
            // The first frames were late themselves.
            self.first = Some((now, time_s));
        }
        if self.window.as_ref().is_some_and(|window| now - window.began < WINDOW) {
            return false;
        }
        let work = work();
        let Some(before) = self.window.replace(Window { began: now, lag_s, work }) else { return false };
        let is_late = lag_s > MOST_LAG_S && lag_s >= before.lag_s;
        let is_busy = |(before, now): (Work, Work)| now.share_since(before) > BUSY;
        is_late && before.work.zip(work).is_some_and(is_busy)
    }
}

/// Whether no stream was found to be behind for a second.
fn is_turn(now: Instant) -> bool {
    static LATEST: Mutex<Option<Instant>> = Mutex::new(None);
    let Ok(mut latest) = LATEST.lock() else { return false };
    let is_turn = latest.is_none_or(|latest| now.saturating_duration_since(latest) > TURN);
    if is_turn {
        *latest = Some(now);
    }
    is_turn
}

/// What the processors have done since the system started, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Work {
    busy: u64,
    all: u64,
}

impl Work {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line: `cpu`, then user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(text: &str) -> Option<Self> {
        let words = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let all = ticks.iter().sum();
        Some(Self { busy: all - ticks.get(3)? - ticks.get(4)?, all })
    }

    fn share_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        self.busy.saturating_sub(before.busy) as f64 / all.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_work_is_read_from_the_system() {
        let work = |text| Work::parse(text).unwrap();
        let (before, now) =
            (work("cpu  10 0 10 70 10 0 0 0 5 5\n"), work("cpu  90 5 10 75 10 5 3 2\ncpu0 1"));
        assert_eq!((before.busy, before.all), (20, 100));
        assert!((now.share_since(before) - 0.95).abs() < 1e-9);
        assert!(Work::parse("intr 1").is_none() && Work::read().is_some());
    }

    /// Whether a stream is ever found to be behind: 25 pictures a second for a minute, which come `late(seconds)` seconds
    /// late, while this share of the processors works.
    fn falls_behind(busy: f64, late: impl Fn(f64) -> f64) -> bool {
        let (start, mut pace) = (Instant::now(), Pace::default());
        (0..1500).any(|frame| {
            let sent_s = f64::from(frame) / 25.0;
            let came_s = sent_s + late(sent_s);
            let work = || Some(Work { busy: (came_s * 100.0 * busy) as u64, all: (came_s * 100.0) as u64 });
            pace.look((sent_s * 1000.0) as u64, start + Duration::from_secs_f64(came_s), work)
        })
    }

    #[test]
    fn a_stream_is_behind_if_it_comes_later_and_later_on_a_busy_machine() {
        let growing = |seconds: f64| seconds * 0.2;
        assert!(falls_behind(1.0, growing));
        assert!(!falls_behind(0.5, growing), "the network is slow");
        assert!(!falls_behind(1.0, |_| 30.0), "it is only far away");
        assert!(!falls_behind(1.0, |seconds| if seconds < 20.0 { 0.0 } else { 1.0 }), "it has paused");
        assert!(!falls_behind(1.0, |seconds| (6.0 - seconds * 0.2).max(0.0)), "it catches up");
    }

    #[test]
    fn a_step_of_the_clock_is_no_lag() {
        let mut pace = Pace::default();
        let start = Instant::now();
        for (seconds, pts_ms) in [(0, 0), (6, 6000), (12, 90_000), (18, 96_000), (24, 5), (30, 6000)] {
            let work = || Some(Work { busy: seconds * 100, all: seconds * 100 });
            assert!(!pace.look(pts_ms, start + Duration::from_secs(seconds), work));
        }
    }
}
