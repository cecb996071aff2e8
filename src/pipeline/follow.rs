//! The tracking thread: restores the order of each source's frames and tracks the faces.

use super::{
    glance::{InSight, Memory},
    order::InOrder,
    settings::{Look, Shared},
};
use crate::{
    frame::{Content, Frame, Search, SourceState},
    track::{Face, Findings, TrackIds, Tracker},
};
use crossbeam_channel::{Receiver, Sender};
use std::{sync::Arc, time::Instant};

/// The thread's state.
pub(super) struct Follow {
    lanes: Vec<Lane>,
    look: Look,
    ids: TrackIds,
    memories: Arc<[Memory]>,
    done: Sender<Box<Frame>>,
    started: Instant,
}

/// One source's frames and faces.
struct Lane {
    tracker: Tracker,
    order: InOrder,
    /// Number and presentation time of the latest picture.
    latest: (u64, Option<u64>),
    /// Whether `ended` has been sent.
    ended: bool,
}

impl Follow {
    pub fn new(settings: &Shared, ids: TrackIds, memories: Arc<[Memory]>, done: Sender<Box<Frame>>) -> Self {
        let now = settings.load();
        let lane = || Lane {
            tracker: Tracker::new(now.tracker),
            order: InOrder::default(),
            latest: (0, None),
            ended: false,
        };
        Self {
            lanes: now.sources.iter().map(|_| lane()).collect(),
            look: Look::new(Arc::clone(settings)),
            ids,
            memories,
            done,
            started: Instant::now(),
        }
    }

    /// Runs until the vision threads have ended, then ends the remaining tracks.
    pub fn run(mut self, frames: &Receiver<Box<Frame>>) {
        for frame in frames {
            let source = frame.source;
            self.lanes[source].order.put(frame);
            while let Some(frame) = self.lanes[source].order.take() {
                if !self.pass(frame) {
                    return;
                }
            }
        }
        self.lose_the_rest();
    }

    fn pass(&mut self, mut frame: Box<Frame>) -> bool {
        let lane = &mut self.lanes[frame.source];
        if frame.content == Content::Picture {
            lane.latest = (frame.number, frame.pts_ms);
        }
        match &frame.content {
            Content::Picture if frame.error.is_some() => {}
            Content::Picture => {
                let settings = self.look.load();
                let min_score = settings.sources[frame.source].detect.min_score;
                let blind_below_px = frame.blind_below_px;
                lane.tracker.configure(&settings.tracker);
                let time_s = seconds(&frame, self.started);
                let Frame { detections, faces, lost, file, search, picture, shrink, .. } = &mut *frame;
                if file.is_some() {
                    // Pictures of a folder are independent, so each face gets a new track number.
                    faces.extend(detections.iter().map(|found| Face {
                        track: self.ids.next(),
                        bounds: found.bounds,
                        score: found.score,
                        predicted: false,
                        pose: found.pose,
                    }));
                } else if *search == Search::Skip {
                    lane.tracker.foresee(time_s, faces, lost);
                } else {
                    let (picture, shrink) = (Some(picture.view()), *shrink);
                    let findings = Findings { detections, min_score, blind_below_px, picture, shrink };
                    lane.tracker.search(&findings, time_s, &self.ids, faces, lost);
                }
            }
            Content::State(state) => {
                // The end events of tracks refer to the latest picture.
                (frame.number, frame.pts_ms) = lane.latest;
                lane.ended = matches!(state, SourceState::Ended(_));
                if lane.ended || matches!(state, SourceState::Stalled(_) | SourceState::Down(_)) {
                    lane.tracker.finish(&mut frame.lost);
                }
            }
        }
        let (count, smallest_px) = lane.tracker.in_sight();
        self.memories[frame.source].keep(frame.ticket, InSight { count: count as u32, smallest_px });
        self.done.send(frame).is_ok()
    }

    /// Ends the sources whose thread is blocked in a driver and has not sent `ended`.
    fn lose_the_rest(&mut self) {
        for (source, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.ended) {
            let mut frame = Box::new(Frame { source, ticket: lane.order.next(), ..Frame::default() });
            lane.tracker.finish(&mut frame.lost);
            (frame.number, frame.pts_ms) = lane.latest;
            frame.stamp();
            frame.content = Content::State(SourceState::Ended("stopped".to_owned()));
            // Fails only if the next stage has ended.
            let _ = self.done.send(frame);
        }
    }
}

/// The frame's time in seconds: its presentation time if it has one, otherwise the time since the start.
pub(super) fn seconds(frame: &Frame, started: Instant) -> f64 {
    match frame.pts_ms {
        Some(pts_ms) => pts_ms as f64 / 1000.0,
        None => frame.captured.saturating_duration_since(started).as_secs_f64(),
    }
}
