//! Frames from memory, so that only the pipeline is measured.

use crate::{
    frame::{Encoding, Frame},
    source::{OpenSource, Read, Sought, Source, SourceError},
    stop::Stop,
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// JPEG pictures that are played in a loop.
#[derive(Clone)]
pub(super) struct Clip {
    /// The pictures.
    pub jpegs: Arc<[Vec<u8>]>,
    /// How long the loop runs.
    pub length: Duration,
    /// Frames per second; `None`: as fast as the pipeline takes them.
    pub fps: Option<u32>,
}

/// A clip that is being played.
struct ClipSource {
    clip: Clip,
    given: u64,
    started: Instant,
    stop: Stop,
}

/// Frame rate of the presentation times if the clip has none.
const FPS: u32 = 30;

impl OpenSource for Clip {
    fn open(&self, _: Option<&Sought>, _: f64, stop: &Stop) -> Result<Box<dyn Source>, SourceError> {
        Ok(Box::new(ClipSource { clip: self.clone(), given: 0, started: Instant::now(), stop: stop.clone() }))
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
        frame.encoding = Encoding::Jpeg;
        frame.bytes.extend_from_slice(&self.clip.jpegs[self.given as usize % self.clip.jpegs.len()]);
        frame.pts_ms = Some(self.given * 1000 / u64::from(self.clip.fps.unwrap_or(FPS)));
        self.given += 1;
        Ok(Read::Frame)
    }
}
