//! The tracking thread: restores the order of each source's messages and tracks the faces.

use super::{
    Context,
    glance::{InSight, Memory},
    handover::Fate,
    order::InOrder,
    reading::Readings,
    settings::Look,
    source_info::SourceInfo,
};
use crate::{
    frame::{Frame, Search},
    message::{Body, Clock, Message, SourceState, StateChange},
    track::{Face, Findings, TrackIds, Tracker, TrackerConfig},
};
use crossbeam_channel::{Receiver, Sender};
use std::{mem, sync::Arc};

/// The thread's state.
pub(super) struct Follow {
    lanes: Vec<Lane>,
    look: Look,
    ids: TrackIds,
    memories: Arc<[Memory]>,
    infos: Arc<[SourceInfo]>,
    clock: Clock,
    done: Sender<Message>,
}

/// One source's messages and faces.
pub(super) struct Lane {
    tracker: Tracker,
    /// Whether the tracker has been given a detector run since its tracks were ended.
    is_searched: bool,
    readings: Readings,
    order: InOrder,
    /// Size of the latest picture; 0x0 before the first one.
    size: (u32, u32),
    /// Whether `ended` has been sent.
    ended: bool,
}

impl Follow {
    /// `before`: for each source, what the previous pipeline has left of it.
    pub fn new(context: &Context, ids: TrackIds, before: Vec<Option<Lane>>, done: Sender<Message>) -> Self {
        let now = context.settings.load();
        let lane = |lane: Option<Lane>| lane.unwrap_or_else(|| Lane::new(now.tracker));
        Self {
            lanes: before.into_iter().map(lane).collect(),
            look: Look::new(Arc::clone(&context.settings)),
            ids,
            memories: Arc::clone(&context.memories),
            infos: Arc::clone(&context.infos),
            clock: context.clock,
            done,
        }
    }

    /// Runs until the vision threads have ended, then ends the remaining tracks, except those that the next pipeline
    /// follows. Returns what it knows of the sources.
    pub fn run(mut self, messages: &Receiver<Message>) -> Vec<Lane> {
        for message in messages {
            let source = message.source;
            self.lanes[source].order.put(message);
            while let Some(mut message) = self.lanes[source].order.take() {
                self.track(&mut message);
                if self.done.send(message).is_err() {
                    return self.lanes;
                }
            }
        }
        self.lose_the_rest();
        self.lanes
    }

    fn track(&mut self, message: &mut Message) {
        let lane = &mut self.lanes[message.source];
        let time_s = message.time_s();
        let (entry, is_busy) = match &mut message.body {
            Body::Picture(frame) => {
                let settings = self.look.load();
                let min_score = settings.sources[message.source].detect.min_score;
                lane.tracker.configure(&settings.tracker);
                lane.search(frame, min_score, time_s, &self.ids, &mut message.lost);
                lane.readings.forget(&message.lost);
                lane.readings.choose(frame, time_s, settings.reads_per_s);
                (frame.entry, frame.is_busy)
            }
            Body::Unreadable(frame, _) => (frame.entry, true),
            Body::State(change) => {
                lane.ended = change.state == SourceState::Ended;
                if change.state != SourceState::Up {
                    lane.end_tracks(&mut message.lost);
                }
                return;
            }
        };
        let (count, smallest_px) = lane.tracker.in_sight();
        let is_settled = lane.is_searched && lane.tracker.is_settled();
        let seen = InSight { count: count as u32, smallest_px, is_settled, is_busy };
        self.memories[message.source].keep(entry, seen);
    }

    /// Ends the sources whose thread is blocked in a driver and has not sent `ended`.
    fn lose_the_rest(&mut self) {
        for (source, lane) in self.lanes.iter_mut().enumerate() {
            let goes_on = self.infos[source].fate.get().is_some_and(Fate::keeps_name);
            if lane.ended || goes_on {
                continue;
            }
            let change = StateChange::new(SourceState::Ended, "stopped".to_owned());
            let mut message = Message::state(source, self.clock.now(), change);
            message.ticket = lane.order.next();
            lane.tracker.finish(&mut message.lost);
            // Fails only if the next stage has ended.
            let _ = self.done.send(message);
        }
    }
}

impl Lane {
    fn new(tracker: TrackerConfig) -> Self {
        Self {
            tracker: Tracker::new(tracker),
            is_searched: false,
            readings: Readings::default(),
            order: InOrder::default(),
            size: (0, 0),
            ended: false,
        }
    }

    /// Ends all tracks.
    fn end_tracks(&mut self, lost: &mut Vec<u64>) {
        self.tracker.finish(lost);
        self.readings.forget(lost);
        self.is_searched = false;
    }

    /// The lane of a source that has ended in the previous pipeline.
    pub fn ended(tracker: TrackerConfig) -> Self {
        Self { ended: true, ..Self::new(tracker) }
    }

    /// The same lane in the next pipeline, whose tickets begin anew.
    pub fn renewed(self) -> Self {
        Self { order: InOrder::default(), ..self }
    }

    /// Finds the tracks of the frame's detections.
    fn search(
        &mut self,
        frame: &mut Frame,
        min_score: f32,
        time_s: f64,
        ids: &TrackIds,
        lost: &mut Vec<u64>,
    ) {
        // Positions in a picture of another size say nothing about those in this one.
        if frame.file.is_none() && mem::replace(&mut self.size, frame.full_size) != frame.full_size {
            self.end_tracks(lost);
        }
        let Frame { detections, faces, file, search, blind_below_px, only_known, picture, shrink, .. } =
            frame;
        if file.is_some() {
            // Pictures of a folder are independent, so each face gets a new track number.
            faces.extend(detections.iter().map(|found| Face {
                track: ids.next(),
                bounds: found.bounds,
                score: found.score,
                predicted: false,
                pose: found.pose,
            }));
        } else if *search == Search::Skip {
            self.tracker.foresee(time_s, faces, lost);
        } else if *search == Search::Still {
            self.tracker.hold(time_s, faces, lost);
        } else {
            self.is_searched = true;
            let findings = Findings {
                detections,
                min_score,
                blind_below_px: *blind_below_px,
                only_known: *only_known,
                picture: Some(picture.view()),
                shrink: *shrink,
            };
            self.tracker.search(&findings, time_s, ids, faces, lost);
        }
    }
}
