//! Whether ffmpeg keeps up with a live stream. If the machine is too small to decode all streams, their pictures come later
//! and later, and of some streams only key frames are decoded until the machine has time again.

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
/// The largest share of the processors' time that is spent on a machine with time for more.
const CALM: f64 = 0.7;
/// How long a machine has time for more before a stream is decoded in full again. Each time this was too much, it is waited
/// for twice as long, so that a stream is seldom opened again in vain.
const LEAST_PATIENCE: Duration = Duration::from_secs(120);
const MOST_PATIENCE: Duration = Duration::from_secs(3600);
/// The time from any change to the next stream that is decoded in full again: the effect of the first one must be seen.
const SETTLE: Duration = Duration::from_secs(30);

/// What is decoded of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Decoded {
    #[default]
    All,
    KeyFrames,
}

/// The pace of a stream.
#[derive(Default)]
pub(super) struct Pace {
    decoded: Decoded,
    /// When all frames were decoded again, and how long that was waited for.
    returned: Option<(Instant, Duration)>,
    /// Since when the machine has had time for more.
    calm_since: Option<Instant>,
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
    /// Takes note of a frame. Returns what is to be decoded from now on, if that is not the same as before.
    pub fn change(&mut self, pts_ms: Option<u64>) -> Option<Decoded> {
        let now = Instant::now();
        let wanted = self.look(pts_ms?, now, Work::read)?;
        let pause = if wanted == Decoded::KeyFrames { TURN } else { SETTLE };
        is_turn(now, pause).then(|| self.turn(wanted, now))
    }

    /// What should be decoded from now on, if that is not the same as before.
    fn look(&mut self, pts_ms: u64, now: Instant, work: impl FnOnce() -> Option<Work>) -> Option<Decoded> {
        match self.decoded {
            Decoded::All => self.is_behind(pts_ms, now, work).then_some(Decoded::KeyFrames),
            Decoded::KeyFrames => self.has_time(now, work).then_some(Decoded::All),
        }
    }

    fn turn(&mut self, decoded: Decoded, now: Instant) -> Decoded {
        let returned = match decoded {
            Decoded::All => Some((now, self.patience(now))),
            Decoded::KeyFrames => self.returned,
        };
        *self = Self { decoded, returned, ..Self::default() };
        decoded
    }

    /// How long the machine must have time for more.
    fn patience(&self, now: Instant) -> Duration {
        match self.returned {
            Some((when, patience)) if now - when < patience + MOST_PATIENCE => {
                (patience * 2).min(MOST_PATIENCE)
            }
            _ => LEAST_PATIENCE,
        }
    }

    /// Whether the machine has had time for more for long enough.
    fn has_time(&mut self, now: Instant, work: impl FnOnce() -> Option<Work>) -> bool {
        if self.window.as_ref().is_some_and(|window| now - window.began < WINDOW) {
            return false;
        }
        let work = work();
        let before = self.window.replace(Window { began: now, lag_s: 0.0, work });
        let share = before.and_then(|before| Some(work?.share_since(before.work?)));
        let is_calm = share.is_some_and(|share| share < CALM);
        let since = *self.calm_since.get_or_insert(now);
        if !is_calm {
            self.calm_since = None;
        }
        is_calm && now - since >= self.patience(now)
    }

    /// Whether the stream comes later and later because the machine is busy.
    fn is_behind(&mut self, pts_ms: u64, now: Instant, work: impl FnOnce() -> Option<Work>) -> bool {
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

/// Whether no stream was changed during this `pause`.
fn is_turn(now: Instant, pause: Duration) -> bool {
    static LATEST: Mutex<Option<Instant>> = Mutex::new(None);
    let Ok(mut latest) = LATEST.lock() else { return false };
    let is_turn = latest.is_none_or(|latest| now.saturating_duration_since(latest) > pause);
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
            pace.look((sent_s * 1000.0) as u64, start + Duration::from_secs_f64(came_s), work).is_some()
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
            assert_eq!(pace.look(pts_ms, start + Duration::from_secs(seconds), work), None);
        }
    }

    /// Lets a day of a stream's pictures pass, one a second, and returns when it is changed and to what. `share(seconds,
    /// decoded)` is the share of the processors' time that is spent; with more than all of it, the pictures come late.
    fn day(share: impl Fn(u64, Decoded) -> f64) -> Vec<(u64, Decoded)> {
        let (start, mut pace, mut changes) = (Instant::now(), Pace::default(), Vec::new());
        let (mut busy, mut late_s) = (0.0, 0.0_f64);
        for second in 0..24 * 3600 {
            let share = share(second, pace.decoded);
            busy += share.min(1.0) * 100.0;
            late_s = (late_s + share - 1.0).max(0.0);
            let now = start + Duration::from_secs_f64(second as f64 + late_s);
            let work = || Some(Work { busy: busy as u64, all: second * 100 + 100 });
            if let Some(wanted) = pace.look(second * 1000, now, work) {
                pace.turn(wanted, now);
                changes.push((second, wanted));
                late_s = 0.0;
            }
        }
        changes
    }

    #[test]
    fn a_stream_is_decoded_in_full_again_once_the_machine_has_had_time_for_minutes() {
        // Something else runs for an hour.
        let changes = day(|second, decoded| match decoded {
            _ if second > 3600 => 0.5,
            Decoded::All => 1.2,
            Decoded::KeyFrames => 0.95,
        });
        let decoded: Vec<Decoded> = changes.iter().map(|(_, decoded)| *decoded).collect();
        assert_eq!(decoded, [Decoded::KeyFrames, Decoded::All], "{changes:?}");
        assert!((3600 + 120..3600 + 150).contains(&changes[1].0), "{changes:?}");
    }

    #[test]
    fn a_stream_that_is_too_much_for_the_machine_is_tried_ever_more_seldom() {
        let changes = day(|_, decoded| if decoded == Decoded::All { 1.2 } else { 0.3 });
        let returns: Vec<u64> = changes
            .iter()
            .filter(|(_, decoded)| *decoded == Decoded::All)
            .map(|(second, _)| *second)
            .collect();
        assert!((20..32).contains(&returns.len()), "{returns:?}");
        assert!(returns.windows(2).skip(5).all(|pair| pair[1] - pair[0] >= 3600), "{returns:?}");
        // A machine that always has just enough to do is left alone.
        assert!(day(|_, _| 0.8).is_empty());
    }

    #[test]
    fn after_a_good_while_the_patience_is_short_again() {
        let hour = 3600;
        let changes = day(|second, decoded| match (second, decoded) {
            (second, Decoded::All) if second < 2 * hour || second > 12 * hour => 1.2,
            _ => 0.3,
        });
        let late: Vec<_> = changes.iter().filter(|(second, _)| *second > 12 * hour).take(2).collect();
        assert!(late[1].0 - late[0].0 < 150, "{changes:?}");
    }
}
