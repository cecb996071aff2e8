//! Passes analysed frames with their pictures to overlay and recorders. No pixels are copied: the frame's picture is
//! swapped with that of an unused `Analysed`.

use super::{control::Abandoned, known::Known, source_info::Counters};
use crate::{
    analysed::{Analysed, AnalysedFace},
    frame::Frame,
    message::{Body, Message, SourceState},
};
use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use crossbeam_queue::ArrayQueue;
use std::{collections::HashMap, mem, sync::Arc, time::Duration};

/// Capacity of the queue of a receiver of all frames.
const WAITING: usize = 2;
/// How often to check whether the pipeline is abandoned while a receiver does not take a frame.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Passes a source's frames to a receiver.
pub enum Outlet {
    /// Only the newest frame: it replaces one that was not taken in time.
    Newest(Arc<ArrayQueue<Arc<Analysed>>>, Sender<()>),
    /// Every frame: the pipeline waits until there is room.
    Every(Sender<Arc<Analysed>>),
}

/// Receives the newest frames of several sources.
pub struct Newest {
    slots: Vec<Arc<ArrayQueue<Arc<Analysed>>>>,
    bell: Receiver<()>,
}

/// The result of waiting for a frame.
pub enum Waited {
    /// A frame is available.
    Ready,
    /// The time-out has expired.
    TimedOut,
    /// The pipeline has ended; the last frames may be available.
    Ended,
}

impl Newest {
    /// Creates one outlet per source, and their receiver.
    pub fn outlets(sources: usize) -> (Vec<Outlet>, Self) {
        let (ring, bell) = bounded(1);
        let slots: Vec<_> = (0..sources).map(|_| Arc::new(ArrayQueue::new(1))).collect();
        let outlets = slots.iter().map(|slot| Outlet::Newest(Arc::clone(slot), ring.clone()));
        (outlets.collect(), Self { slots, bell })
    }

    /// Waits up to `timeout` for a frame.
    pub fn wait(&self, timeout: Duration) -> Waited {
        match self.bell.recv_timeout(timeout) {
            Ok(()) => Waited::Ready,
            Err(RecvTimeoutError::Timeout) => Waited::TimedOut,
            Err(RecvTimeoutError::Disconnected) => Waited::Ended,
        }
    }

    /// Takes the newest frame of each source that has a new one.
    pub fn take(&self) -> impl Iterator<Item = Arc<Analysed>> {
        self.slots.iter().filter_map(|slot| slot.pop())
    }
}

impl Outlet {
    /// Creates an outlet for all frames, and its receiver.
    pub fn every() -> (Self, Receiver<Arc<Analysed>>) {
        let (to_them, frames) = bounded(WAITING);
        (Self::Every(to_them), frames)
    }

    /// Maximum number of frames in the outlet and its receiver.
    fn holds(&self) -> usize {
        match self {
            Self::Newest(..) => 2,
            Self::Every(_) => WAITING + 1,
        }
    }

    /// Passes a frame on, unless the receiver hangs and the pipeline is abandoned.
    fn put(&self, mut shown: Arc<Analysed>, abandoned: &Abandoned) {
        match self {
            Self::Newest(slot, bell) => {
                slot.force_push(shown);
                // Fails if an earlier notification is still pending, which is sufficient.
                let _ = bell.try_send(());
            }
            Self::Every(frames) => {
                while let Err(SendTimeoutError::Timeout(back)) = frames.send_timeout(shown, POLL_INTERVAL) {
                    if abandoned.is_set() {
                        break;
                    }
                    shown = back;
                }
            }
        }
    }
}

/// A source's outlets, and the reusable frames that they pass on.
pub(super) struct Show {
    outlets: Vec<Outlet>,
    ring: Vec<Arc<Analysed>>,
    abandoned: Abandoned,
}

impl Show {
    pub fn new(source: usize, outlets: Vec<Outlet>, abandoned: Abandoned) -> Self {
        let boxes = if outlets.is_empty() { 0 } else { 1 + outlets.iter().map(Outlet::holds).sum::<usize>() };
        let empty = || Arc::new(Analysed { source, ..Analysed::default() });
        Self { outlets, ring: (0..boxes).map(|_| empty()).collect(), abandoned }
    }

    /// Passes on a picture with the state of its faces, or a change of state; moves the picture out of `message`.
    pub fn show(
        &mut self,
        message: &mut Message,
        tracks: &HashMap<u64, Known>,
        classes: usize,
        counters: &Counters,
    ) {
        // There are enough of them that one is always free.
        let Some(free) = self.ring.iter().position(|shown| Arc::strong_count(shown) == 1) else { return };
        let Some(shown) = Arc::get_mut(&mut self.ring[free]) else { return };
        shown.faces.clear();
        shown.probabilities.clear();
        match &mut message.body {
            Body::Picture(frame) => {
                mem::swap(&mut shown.picture, frame.shown());
                fill_faces(shown, frame, tracks, classes);
                (shown.pts_ms, shown.file) = (frame.pts_ms, frame.file.take());
                shown.news = None;
            }
            Body::State(change) => {
                shown.picture.resize(0, 0);
                (shown.pts_ms, shown.file) = (None, None);
                shown.news = (change.state != SourceState::Up).then(|| change.reason.clone());
            }
            Body::Unreadable(..) => return,
        }
        (shown.time, shown.captured) = (message.moment.time, Some(message.moment.instant));
        shown.latency_ms = message.moment.instant.elapsed().as_secs_f32() * 1000.0;
        shown.analysed = Counters::get(&counters.analysed);
        shown.skipped = Counters::get(&counters.skipped);
        for outlet in &self.outlets {
            outlet.put(Arc::clone(&self.ring[free]), &self.abandoned);
        }
    }
}

/// Copies the faces; their probabilities are smoothed, except in independent pictures, all of whose faces are read.
fn fill_faces(shown: &mut Analysed, frame: &Frame, tracks: &HashMap<u64, Known>, classes: usize) {
    let mut rows = frame.probabilities.chunks_exact(classes);
    for face in &frame.faces {
        let known = tracks.get(&face.track).map(Known::probabilities);
        let row = if frame.file.is_some() { rows.next() } else { known };
        let Some(row) = row else { continue };
        shown.faces.push(AnalysedFace { track: face.track, bounds: face.bounds });
        shown.probabilities.extend_from_slice(row);
    }
}
