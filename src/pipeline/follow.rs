//! One thread puts the frames of each source back into their order and follows the faces.

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
    /// Its end has been told.
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

    /// Works until the vision threads have ended; then faces that are still there are lost.
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
                let Frame { detections, faces, lost, file, search, .. } = &mut *frame;
                if file.is_some() {
                    // Pictures of a folder have nothing to do with each other: each face is somebody new.
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
                    let findings = Findings { detections, min_score, blind_below_px };
                    lane.tracker.search(&findings, time_s, &self.ids, faces, lost);
                }
            }
            Content::State(state) => {
                // Faces that are lost now were seen in the latest picture at most.
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

    /// A source whose thread was left behind in a driver has not told its end.
    fn lose_the_rest(&mut self) {
        for (source, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.ended) {
            let mut frame = Box::new(Frame { source, ticket: lane.order.next(), ..Frame::default() });
            lane.tracker.finish(&mut frame.lost);
            (frame.number, frame.pts_ms) = lane.latest;
            frame.stamp();
            frame.content = Content::State(SourceState::Ended("stopped".to_owned()));
            // Nobody listens any more when this fails.
            let _ = self.done.send(frame);
        }
    }
}

/// The frame's time in its source: its presentation time, else the time since the start.
pub(super) fn seconds(frame: &Frame, started: Instant) -> f64 {
    match frame.pts_ms {
        Some(pts_ms) => pts_ms as f64 / 1000.0,
        None => frame.captured.saturating_duration_since(started).as_secs_f64(),
    }
}
