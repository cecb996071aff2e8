//! Hands analysed frames with their pictures to those who show and record them. No pixel is copied: the frame's picture
//! and that of a box which nobody holds any more change places.

use super::{known::Known, status::Counters};
use crate::{
    analysed::{Analysed, AnalysedFace},
    frame::{Content, Frame, SourceState},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use crossbeam_queue::ArrayQueue;
use std::{collections::HashMap, mem, sync::Arc, time::Duration};

/// Frames that wait for one who takes every frame.
const WAITING: usize = 2;

/// Where a source's frames are put for somebody.
pub enum Outlet {
    /// The newest frame alone: one that was not taken in time gives way.
    Newest(Arc<ArrayQueue<Arc<Analysed>>>, Sender<()>),
    /// Every frame: the pipeline waits until there is room.
    Every(Sender<Arc<Analysed>>),
}

/// The other end of the outlets for one who only wants the newest frames, of any number of sources.
pub struct Newest {
    slots: Vec<Arc<ArrayQueue<Arc<Analysed>>>>,
    bell: Receiver<()>,
}

/// What waiting for a frame gave.
pub enum Waited {
    /// There is something in the slots.
    Ready,
    /// Not in time.
    Patience,
    /// The pipeline has ended; the slots may hold last frames.
    Ended,
}

impl Newest {
    /// Outlets for so many sources, and their other end.
    pub fn outlets(sources: usize) -> (Vec<Outlet>, Self) {
        let (ring, bell) = bounded(1);
        let slots: Vec<_> = (0..sources).map(|_| Arc::new(ArrayQueue::new(1))).collect();
        let outlets = slots.iter().map(|slot| Outlet::Newest(Arc::clone(slot), ring.clone()));
        (outlets.collect(), Self { slots, bell })
    }

    /// Waits until a frame comes.
    pub fn wait(&self, patience: Duration) -> Waited {
        match self.bell.recv_timeout(patience) {
            Ok(()) => Waited::Ready,
            Err(RecvTimeoutError::Timeout) => Waited::Patience,
            Err(RecvTimeoutError::Disconnected) => Waited::Ended,
        }
    }

    /// Takes the newest frame of each source that has a new one.
    pub fn take(&self) -> impl Iterator<Item = Arc<Analysed>> {
        self.slots.iter().filter_map(|slot| slot.pop())
    }
}

impl Outlet {
    /// An outlet for one who takes every frame, and its other end.
    pub fn every() -> (Self, Receiver<Arc<Analysed>>) {
        let (to_them, frames) = bounded(WAITING);
        (Self::Every(to_them), frames)
    }

    /// How many frames lie in it, or in the hands of the one behind it, at most.
    fn holds(&self) -> usize {
        match self {
            Self::Newest(..) => 2,
            Self::Every(_) => WAITING + 1,
        }
    }

    fn put(&self, shown: Arc<Analysed>) {
        match self {
            Self::Newest(slot, bell) => {
                slot.force_push(shown);
                // A bell that was not heard yet need not be rung again.
                let _ = bell.try_send(());
            }
            // One who has ended misses nothing.
            Self::Every(frames) => drop(frames.send(shown)),
        }
    }
}

/// A source's outlets and the boxes that go round through them.
#[derive(Default)]
pub(super) struct Show {
    outlets: Vec<Outlet>,
    ring: Vec<Arc<Analysed>>,
}

impl Show {
    pub fn new(source: usize, outlets: Vec<Outlet>) -> Self {
        let boxes = if outlets.is_empty() { 0 } else { 1 + outlets.iter().map(Outlet::holds).sum::<usize>() };
        let empty = || Arc::new(Analysed { source, ..Analysed::default() });
        Self { outlets, ring: (0..boxes).map(|_| empty()).collect() }
    }

    /// Hands on a frame and what is known of its faces; takes its picture out of it.
    pub fn show(
        &mut self,
        frame: &mut Frame,
        tracks: &HashMap<u64, Known>,
        classes: usize,
        counters: &Counters,
    ) {
        if frame.error.is_some() {
            return;
        }
        // There are so many that one is always free.
        let Some(free) = self.ring.iter().position(|shown| Arc::strong_count(shown) == 1) else { return };
        let Some(shown) = Arc::get_mut(&mut self.ring[free]) else { return };
        shown.news = news(frame);
        shown.faces.clear();
        shown.probabilities.clear();
        match frame.content {
            Content::Picture => mem::swap(&mut shown.picture, &mut frame.picture),
            Content::State(_) => shown.picture.resize(0, 0),
        }
        fill_faces(shown, frame, tracks, classes);
        (shown.time, shown.captured) = (frame.time, Some(frame.captured));
        (shown.pts_ms, shown.file) = (frame.pts_ms, frame.file.take());
        shown.latency_ms = frame.captured.elapsed().as_secs_f32() * 1000.0;
        shown.analysed = Counters::get(&counters.analysed);
        shown.skipped = Counters::get(&counters.skipped);
        for outlet in &self.outlets {
            outlet.put(Arc::clone(&self.ring[free]));
        }
    }
}

/// Why a source gives no pictures.
fn news(frame: &Frame) -> Option<String> {
    match &frame.content {
        Content::State(
            SourceState::Stalled(reason) | SourceState::Down(reason) | SourceState::Ended(reason),
        ) => Some(reason.clone()),
        Content::State(SourceState::Up) | Content::Picture => None,
    }
}

/// Pictures stand by themselves; everywhere else, what is shown is smoothed.
fn fill_faces(shown: &mut Analysed, frame: &Frame, tracks: &HashMap<u64, Known>, classes: usize) {
    for (face, row) in frame.faces.iter().zip(frame.probabilities.chunks_exact(classes)) {
        let known = tracks.get(&face.track).filter(|_| frame.file.is_none());
        shown.faces.push(AnalysedFace { track: face.track, bounds: face.bounds });
        shown.probabilities.extend_from_slice(known.map_or(row, Known::probabilities));
    }
}
