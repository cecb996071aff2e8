//! One thread puts the frames of each source back into their order, follows the faces and cuts their crops.

use super::settings::{Look, Shared};
use crate::{
    classify::description::InputSpec,
    face::{Cropper, normalize},
    frame::{Content, Frame, SourceState},
    track::{Face, TrackIds, Tracker},
};
use crossbeam_channel::{Receiver, Sender};
use std::{collections::VecDeque, sync::Arc, time::Instant};

/// The thread's state.
pub(super) struct Follow {
    lanes: Vec<Lane>,
    look: Look,
    ids: TrackIds,
    cutter: Cutter,
    done: Sender<Box<Frame>>,
    started: Instant,
}

/// One source's frames and faces.
struct Lane {
    tracker: Tracker,
    /// The ticket that goes next.
    next: u64,
    /// Frames that are done before their turn, by their distance from `next`.
    early: VecDeque<Option<Box<Frame>>>,
    /// Number and presentation time of the latest picture.
    latest: (u64, Option<u64>),
    /// Its end has been told.
    ended: bool,
}

/// Cuts crops and makes them the network's input.
struct Cutter {
    cropper: Cropper,
    crop: Vec<u8>,
    margin: f32,
    spec: InputSpec,
}

impl Follow {
    pub fn new(
        settings: &Shared,
        ids: TrackIds,
        margin: f32,
        spec: InputSpec,
        done: Sender<Box<Frame>>,
    ) -> Self {
        let now = settings.load();
        let lane = || Lane {
            tracker: Tracker::new(now.tracker),
            next: 0,
            early: VecDeque::new(),
            latest: (0, None),
            ended: false,
        };
        Self {
            lanes: now.sources.iter().map(|_| lane()).collect(),
            look: Look::new(Arc::clone(settings)),
            ids,
            cutter: Cutter { cropper: Cropper::new(), crop: vec![0; spec.crop_len()], margin, spec },
            done,
            started: Instant::now(),
        }
    }

    /// Works until the vision threads have ended; then faces that are still there are lost.
    pub fn run(mut self, frames: &Receiver<Box<Frame>>) {
        for frame in frames {
            let source = frame.source;
            self.lanes[source].put(frame);
            while let Some(frame) = self.lanes[source].take() {
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
            Content::Picture if frame.fault.is_some() => {}
            Content::Picture => {
                let settings = self.look.load();
                let min_score = settings.sources[frame.source].detect.min_score;
                lane.tracker.configure(&settings.tracker);
                let time_s = seconds(&frame, self.started);
                let Frame { detections, faces, lost, file, search, .. } = &mut *frame;
                if file.is_some() {
                    // Pictures of a folder have nothing to do with each other: each face is somebody new.
                    faces.extend(detections.iter().map(|found| Face {
                        track: self.ids.next(),
                        bounds: found.bounds,
                        score: found.score,
                    }));
                } else if *search {
                    lane.tracker.search(detections, min_score, time_s, &self.ids, faces, lost);
                } else {
                    lane.tracker.foresee(time_s, faces, lost);
                }
                self.cutter.cut(&mut frame);
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
        self.done.send(frame).is_ok()
    }

    /// A source whose thread was left behind in a driver has not told its end.
    fn lose_the_rest(&mut self) {
        for (source, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| !lane.ended) {
            let mut frame = Box::new(Frame { source, ..Frame::default() });
            lane.tracker.finish(&mut frame.lost);
            (frame.number, frame.pts_ms) = lane.latest;
            frame.stamp();
            frame.content = Content::State(SourceState::Ended("stopped".to_owned()));
            // Nobody listens any more when this fails.
            let _ = self.done.send(frame);
        }
    }
}

impl Lane {
    fn put(&mut self, frame: Box<Frame>) {
        let place = (frame.ticket - self.next) as usize;
        if self.early.len() <= place {
            self.early.resize_with(place + 1, || None);
        }
        self.early[place] = Some(frame);
    }

    fn take(&mut self) -> Option<Box<Frame>> {
        self.early.front()?.as_ref()?;
        self.next += 1;
        self.early.pop_front().flatten()
    }
}

impl Cutter {
    fn cut(&mut self, frame: &mut Frame) {
        let picture = frame.picture.view();
        let crop_len = self.spec.crop_len();
        frame.inputs.resize(frame.faces.len() * crop_len, 0.0);
        for (face, input) in frame.faces.iter().zip(frame.inputs.chunks_exact_mut(crop_len)) {
            self.cropper.crop(&picture, &face.bounds, self.margin, &self.spec, &mut self.crop);
            normalize(&self.crop, &self.spec, input);
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
