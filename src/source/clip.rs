//! Frames from memory, for benchmarks and endurance tests: nothing but the pipeline is at work.

use super::{Read, Source, SourceError, Stop};
use crate::frame::{Encoding, Frame};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// JPEG pictures that are played in turn.
#[derive(Debug, PartialEq, Eq)]
pub struct Clip {
    /// The pictures.
    pub jpegs: Vec<Vec<u8>>,
    /// How long they are played over and over.
    pub length: Duration,
}

/// A clip while it is played: as fast as the frames are taken.
pub(super) struct ClipSource {
    clip: Arc<Clip>,
    given: u64,
    started: Instant,
    stop: Stop,
}

/// Frames per second that presentation times are made for.
const FPS: u64 = 30;

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
        frame.stamp();
        frame.encoding = Encoding::Jpeg;
        frame.bytes.extend_from_slice(&self.clip.jpegs[self.given as usize % self.clip.jpegs.len()]);
        frame.pts_ms = Some(self.given * 1000 / FPS);
        self.given += 1;
        Ok(Read::Frame)
    }
}
