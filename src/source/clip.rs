//! Frames from memory, for benchmarks and endurance tests that measure only the pipeline.

use super::{Read, Source, SourceError, Stop};
use crate::frame::{Encoding, Frame};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// JPEG pictures that are played in a loop.
#[derive(Debug, PartialEq, Eq)]
pub struct Clip {
    /// The pictures.
    pub jpegs: Vec<Vec<u8>>,
    /// How long the loop runs.
    pub length: Duration,
    /// Frames per second; `None`: as fast as the pipeline takes them.
    pub fps: Option<u32>,
}

/// A clip that is being played.
pub(super) struct ClipSource {
    clip: Arc<Clip>,
    given: u64,
    started: Instant,
    stop: Stop,
}

/// Frame rate of the presentation times if the clip has none.
const FPS: u32 = 30;

impl ClipSource {
    pub fn open(clip: &Arc<Clip>, stop: &Stop) -> Self {
        Self { clip: Arc::clone(clip), given: 0, started: Instant::now(), stop: stop.clone() }
    }
}

impl Source for ClipSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if self.stop.is_set() || self.started.elapsed() >= self.clip.length {
            return Ok(Read::Ended);
        }
        if let Some(fps) = self.clip.fps {
            let due = self.started + Duration::from_secs_f64(self.given as f64 / f64::from(fps));
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        frame.stamp();
        frame.encoding = Encoding::Jpeg;
        frame.bytes.extend_from_slice(&self.clip.jpegs[self.given as usize % self.clip.jpegs.len()]);
        frame.pts_ms = Some(self.given * 1000 / u64::from(self.clip.fps.unwrap_or(FPS)));
        self.given += 1;
        Ok(Read::Frame)
    }
}
