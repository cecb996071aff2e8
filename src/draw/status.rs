//! The status line of a picture.

use crate::analysed::{Analysed, PipelineInfo};
use std::time::{Duration, Instant};

/// Duration over which a rate is measured.
const WINDOW: Duration = Duration::from_secs(1);

/// Measures frames per second from an increasing count.
#[derive(Default)]
pub struct RateMeter {
    since: Option<(Instant, u64)>,
    rate: f32,
}

impl RateMeter {
    /// Takes the current count; returns the rate over about the last second.
    pub fn measure(&mut self, count: u64, now: Instant) -> f32 {
        let (start, first) = *self.since.get_or_insert((now, count));
        let elapsed = now.duration_since(start);
        // The first rate is computed early, so that there is one to show.
        if elapsed >= WINDOW || (self.rate == 0.0 && elapsed >= WINDOW / 4) {
            self.rate = count.saturating_sub(first) as f32 / elapsed.as_secs_f32();
            self.since = Some((now, count));
        }
        self.rate
    }
}

/// The status line of a live frame, with `rate` frames per second.
pub fn live_status(stage: &PipelineInfo, shown: &Analysed, rate: f32) -> String {
    let Analysed { latency_ms, skipped, .. } = shown;
    let (name, faces) = (&stage.sources[shown.source], faces(shown));
    format!("{name}   {rate:.1} fps   {latency_ms:.0} ms   {faces}   {skipped} skipped   {}", stage.provider)
}

/// The status line of a recorded frame, without figures that differ from run to run.
pub fn recorded_status(stage: &PipelineInfo, shown: &Analysed) -> String {
    let (name, faces) = (&stage.sources[shown.source], faces(shown));
    let time_ms = shown.pts_ms.unwrap_or(0);
    let (minutes, seconds, tenths) = (time_ms / 60_000, time_ms / 1000 % 60, time_ms / 100 % 10);
    format!("{name}   {minutes}:{seconds:02}.{tenths}   {faces}   {}", stage.provider)
}

fn faces(shown: &Analysed) -> String {
    match shown.faces.len() {
        1 => "1 face".to_owned(),
        count => format!("{count} faces"),
    }
}
