//! The last thread: smooths, selects and writes events, passes frames to overlay and recorders, and returns the empty
//! frames.

use super::{
    follow::seconds,
    known::{self, Known, Seen},
    order::InOrder,
    settings::{Look, Settings, Shared},
    show::{Outlet, Show},
    status::{Counters, SourceInfo},
};
use crate::{
    audience::{Audience, Shows, Summary},
    event::{AudienceEvent, FaceEvent, Phase, PixelBox, Probabilities, SourceEvent},
    frame::{Content, Frame, Search, SourceState},
    sink::LineSink,
    source::SourceUri,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How often to check whether stdout still has a reader while there is nothing to write.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The thread's state.
pub(super) struct Publish<W> {
    infos: Arc<[SourceInfo]>,
    /// Returns each source's empty frames.
    free: Vec<Sender<Box<Frame>>>,
    orders: Vec<InOrder>,
    look: Look,
    labels: Vec<String>,
    audiences: Vec<Audience>,
    /// The states of the latest frame's faces.
    shown: Vec<Shows>,
    tracks: HashMap<u64, Known>,
    shows: Vec<Show>,
    sink: LineSink<W>,
    started: Instant,
}

impl<W: Write> Publish<W> {
    pub fn new(
        infos: Arc<[SourceInfo]>,
        free: Vec<Sender<Box<Frame>>>,
        settings: &Shared,
        labels: Vec<String>,
        outlets: Vec<Vec<Outlet>>,
        sink: LineSink<W>,
    ) -> Self {
        let audience = settings.load().audience;
        Self {
            audiences: infos.iter().map(|_| Audience::new(&audience, labels.len())).collect(),
            orders: infos.iter().map(|_| InOrder::default()).collect(),
            infos,
            free,
            look: Look::new(Arc::clone(settings)),
            labels,
            shown: Vec::new(),
            tracks: HashMap::new(),
            shows: outlets
                .into_iter()
                .enumerate()
                .map(|(source, outlets)| Show::new(source, outlets))
                .collect(),
            sink,
            started: Instant::now(),
        }
    }

    /// Runs until the previous stage has ended. If the reader of the events is gone, it only drains the pipeline.
    /// Returns the write error, if any.
    pub fn run(mut self, frames: &Receiver<Box<Frame>>) -> Option<io::Error> {
        loop {
            match frames.recv_timeout(POLL_INTERVAL) {
                Ok(frame) => {
                    let source = frame.source;
                    self.orders[source].put(frame);
                    while let Some(frame) = self.orders[source].take() {
                        self.pass(frame);
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.sink.look_for_reader(),
                Err(RecvTimeoutError::Disconnected) => return self.sink.into_error(),
            }
        }
    }

    fn pass(&mut self, mut frame: Box<Frame>) {
        self.publish(&frame);
        let counters = &self.infos[frame.source].counters;
        if frame.content == Content::Picture {
            counters.note_latency(frame.captured.elapsed());
        }
        self.shows[frame.source].show(&mut frame, &self.tracks, self.labels.len(), counters);
        Counters::add(&counters.left);
        // The source's thread may have ended already.
        let _ = self.free[frame.source].try_send(frame);
    }

    fn publish(&mut self, frame: &Frame) {
        let settings = Arc::clone(self.look.load());
        if let Content::State(state) = &frame.content {
            self.sum_up(frame, state);
        }
        // Lost faces are written before new ones.
        self.publish_lost(frame);
        let info = &self.infos[frame.source];
        match (&frame.content, &frame.error) {
            (Content::Picture, Some(error)) => {
                Counters::add(&info.counters.unreadable);
                info.note_unreadable(error);
                info.first_error.get_or_init(|| error.clone());
                // If a single picture is the only input, its error is reported at the end.
                if self.infos.len() > 1 || !matches!(info.config.uri, SourceUri::Image(_)) {
                    warn_unreadable(info, frame, error);
                }
            }
            (Content::Picture, None) => {
                Counters::add(&info.counters.analysed);
                info.forget_unreadable();
                self.publish_faces(frame, &settings);
            }
            (Content::State(_), _) => {}
        }
        match (&frame.content, &frame.error) {
            (Content::Picture, None) if frame.file.is_none() => self.publish_audience(frame, &settings),
            (Content::State(state), _) => self.publish_state(frame, state),
            _ => {}
        }
    }

    fn publish_faces(&mut self, frame: &Frame, settings: &Settings) {
        let classes = self.labels.len();
        let time_s = seconds(frame, self.started);
        let (width, height) = frame.size();
        self.shown.clear();
        let rows = frame.probabilities.chunks_exact(classes);
        for ((face, row), &readability) in frame.faces.iter().zip(rows).zip(&frame.readability) {
            let bounds = PixelBox::new(&face.bounds, width, height);
            let seen = Seen { time_s, row, readability, pose: face.pose, bounds, score: face.score };
            // Removed while the line is written, because `write_face` borrows all of `self`.
            let (phase, worth, known) = match self.tracks.remove(&face.track) {
                Some(mut known) => {
                    known.see(&settings.smoothing, &settings.pose, &seen);
                    (Phase::Update, known.tell(settings.emit), known)
                }
                None => (Phase::New, true, Known::new(&settings.smoothing, &settings.pose, &seen)),
            };
            if worth {
                let sight = Sight { phase, track: face.track, predicted: face.predicted };
                // Pictures of a folder are independent, so nothing is smoothed.
                let values = if frame.file.is_some() { row } else { known.probabilities() };
                self.write_face(frame, &sight, &known, values, None);
            }
            if frame.file.is_none() {
                let (emotion, facing) = (known.emotion(), known.facing());
                self.shown.push(Shows { track: face.track, emotion, facing });
                self.tracks.insert(face.track, known);
            }
        }
    }

    fn publish_audience(&mut self, frame: &Frame, settings: &Settings) {
        let audience = &mut self.audiences[frame.source];
        audience.configure(&settings.audience);
        let summary = audience.see(seconds(frame, self.started), self.shown.drain(..));
        self.write_audience(frame, summary);
    }

    /// Pauses the audience while the source is unavailable; at the end of the source, writes a last summary.
    fn sum_up(&mut self, frame: &Frame, state: &SourceState) {
        let audience = &mut self.audiences[frame.source];
        audience.pause();
        if let SourceState::Ended(_) = state {
            let summary = audience.finish();
            self.write_audience(frame, summary);
        }
    }

    fn publish_state(&mut self, frame: &Frame, state: &SourceState) {
        self.infos[frame.source].set_state(state);
        let name = &self.infos[frame.source].name;
        if let SourceState::Stalled(reason) | SourceState::Down(reason) = state {
            tracing::warn!(source = name, "{reason}");
        }
        self.sink.write(&SourceEvent::new(&self.infos[frame.source].name, frame.time, state));
    }

    fn write_audience(&mut self, frame: &Frame, summary: Option<Summary>) {
        if let Some(summary) = summary {
            let name = &self.infos[frame.source].name;
            self.sink.write(&AudienceEvent::new(name, frame.time, &self.labels, &summary));
        }
    }

    fn publish_lost(&mut self, frame: &Frame) {
        for &track in &frame.lost {
            let Some(known) = self.tracks.remove(&track) else { continue };
            let summary = known.summary();
            let predicted = frame.content == Content::Picture && frame.search == Search::Skip;
            let sight = Sight { phase: Phase::End, track, predicted };
            self.write_face(frame, &sight, &known, &summary.mean, Some(&summary));
        }
    }

    fn write_face(
        &mut self,
        frame: &Frame,
        sight: &Sight,
        known: &Known,
        values: &[f32],
        end: Option<&known::Summary>,
    ) {
        let probabilities = Probabilities { labels: &self.labels, values };
        let source = &self.infos[frame.source].name;
        let mut event = FaceEvent::new(
            sight.phase,
            source,
            frame.time,
            frame.number,
            sight.track,
            known.bounds,
            known.score,
            probabilities,
        );
        event.pts_ms = frame.pts_ms;
        event.file = frame.file.as_ref().map(|file| file.to_string_lossy());
        event.predicted = sight.predicted;
        event.pose = known.pose().map(Into::into);
        event.facing = known.facing();
        event.readable = known.is_readable();
        event.duration_s = end.map(|end| end.duration_s);
        event.facing_s = end.and_then(|end| end.facing_s);
        event.latency_ms = frame.captured.elapsed().as_secs_f32() * 1000.0;
        self.sink.write(&event);
    }
}

/// A face in a frame, as reported in an event.
struct Sight {
    phase: Phase,
    track: u64,
    predicted: bool,
}

/// Logs each unreadable picture of a folder; of other sources, only the 1st, 2nd, 4th, 8th and so on.
fn warn_unreadable(info: &SourceInfo, frame: &Frame, error: &str) {
    let count = info.counters.unreadable.load(Ordering::Relaxed);
    match &frame.file {
        Some(file) => tracing::warn!("{} skipped: {error}", file.display()),
        None if count.is_power_of_two() => {
            tracing::warn!(
                source = info.name,
                frame = frame.number,
                "frame skipped ({count} so far): {error}"
            );
        }
        None => {}
    }
}
