//! The last thread: smooths, selects and writes events, passes frames to overlay and recorders, and returns the empty
//! frames.

use super::{
    Context,
    control::{Abandoned, Control, Markers},
    event_writer::{EventWriter, Place, Sight},
    known::{Known, Reading, Seen},
    order::InOrder,
    settings::{Look, Settings},
    show::{Outlet, Show},
    source_info::Counters,
};
use crate::{
    areas::Zone,
    audience::{Audience, Shows},
    event::{Phase, PictureSize, PixelBox},
    frame::{Frame, Search},
    message::{Body, Clock, Message, SourceState, StateChange},
    sink::{Destination, LineSink},
    zones::ZoneAudience,
};
use crossbeam_channel::{Receiver, Sender, select};
use std::{
    collections::HashMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// How often to check whether stdout still has a reader while there is nothing to write.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How often the figures of a source are computed for the outputs.
const FIGURES_EVERY: Duration = Duration::from_secs(1);

/// The thread's state.
pub(super) struct Publish<D> {
    lanes: Vec<Lane>,
    look: Look,
    /// The states of the latest frame's faces, and the centres of their boxes.
    shown: Vec<(Shows, [f32; 2])>,
    markers: Markers,
    abandoned: Abandoned,
    clock: Clock,
    writer: EventWriter<D>,
}

/// One source's messages.
struct Lane {
    order: InOrder,
    /// The faces that have been announced, by the number of their track.
    tracks: HashMap<u64, Known>,
    audience: Audience,
    /// One for each zone of the source.
    zones: Vec<ZoneAudience>,
    show: Show,
    /// Returns the empty frames.
    free: Sender<Box<Frame>>,
    /// The latest picture, to which the events of a change of state refer.
    latest: Place<'static>,
    /// When the figures for the outputs were computed.
    figured: Option<Instant>,
    /// Whether the latest figures may be told.
    tells: bool,
}

/// What is known of one source, for the next pipeline.
#[derive(Default)]
pub(super) struct Kept {
    tracks: HashMap<u64, Known>,
    /// The audience, and that of each zone; `None` at the start.
    audiences: Option<(Audience, Vec<ZoneAudience>)>,
    latest: Place<'static>,
    tells: bool,
}

impl<D: Destination> Publish<D> {
    /// `before`: for each source, what the previous pipeline has left of it.
    pub fn new(
        context: &Context,
        control: &Control,
        before: Vec<Option<Kept>>,
        outputs: Vec<(Sender<Box<Frame>>, Vec<Outlet>)>,
        sink: LineSink<D>,
    ) -> Self {
        let labels = control.labels.to_vec();
        let lane = |(source, ((free, outlets), before)): (usize, (_, Option<Kept>))| {
            let Kept { tracks, audiences, latest, tells } = before.unwrap_or_default();
            let (audience, zones) = audiences.unwrap_or_else(|| new_audiences(context, source, labels.len()));
            let (order, show) = (InOrder::default(), Show::new(source, outlets, control.abandoned.clone()));
            Lane { order, tracks, audience, zones, show, free, latest, figured: None, tells }
        };
        Self {
            lanes: outputs.into_iter().zip(before).enumerate().map(lane).collect(),
            look: Look::new(Arc::clone(&context.settings)),
            shown: Vec::new(),
            markers: control.markers.clone(),
            abandoned: control.abandoned.clone(),
            clock: context.clock,
            writer: EventWriter {
                infos: Arc::clone(&context.infos),
                privacy: context.settings.load().privacy,
                labels,
                sink,
            },
        }
    }

    /// Runs until the previous stage has ended. If the reader of the events is gone, it only drains the pipeline.
    /// Returns the write error, if any, and for each source what the next pipeline goes on with.
    pub fn run(mut self, messages: &Receiver<Message>) -> (Option<io::Error>, Vec<Kept>) {
        // `self` keeps the other ends open: a closed channel would always be ready.
        let (markers, abandoned) = (self.markers.waiting.clone(), self.abandoned.waiting.clone());
        loop {
            select! {
                recv(messages) -> message => match message {
                    Ok(message) => self.put(message),
                    Err(_) => break,
                },
                recv(markers) -> marker => marker.iter().for_each(|marker| self.writer.write_marker(marker)),
                recv(abandoned) -> _answered => {
                    self.end_sources();
                    break;
                }
                default(POLL_INTERVAL) => self.writer.sink.look_for_reader(),
            }
        }
        markers.try_iter().for_each(|marker| self.writer.write_marker(&marker));
        (self.writer.sink.finish(), self.lanes.into_iter().map(Lane::keep).collect())
    }

    /// Writes the end of all sources, without the pictures that are still in earlier stages.
    fn end_sources(&mut self) {
        for source in 0..self.lanes.len() {
            if self.writer.infos[source].state().state != SourceState::Ended {
                let end = StateChange::new(SourceState::Ended, "stopped; its last pictures hang".to_owned());
                let mut lost: Vec<u64> = self.lanes[source].tracks.keys().copied().collect();
                lost.sort_unstable();
                self.publish(&Message { lost, ..Message::state(source, self.clock.now(), end) });
            }
        }
    }

    fn put(&mut self, message: Message) {
        let source = message.source;
        self.lanes[source].order.put(message);
        while let Some(message) = self.lanes[source].order.take() {
            self.pass(message);
        }
    }

    fn pass(&mut self, mut message: Message) {
        self.publish(&message);
        let lane = &mut self.lanes[message.source];
        let counters = &self.writer.infos[message.source].counters;
        if !matches!(message.body, Body::State(_)) {
            counters.note_latency(message.moment.instant.elapsed());
        }
        lane.show.show(&mut message, &lane.tracks, self.writer.labels.len(), counters);
        Counters::add(&counters.left);
        if let Some(mut frame) = message.into_frame() {
            frame.give_back();
            // The source's thread may have ended already.
            let _ = lane.free.try_send(frame);
        }
    }

    fn publish(&mut self, message: &Message) {
        match &message.body {
            Body::Picture(frame) => self.publish_picture(message, frame),
            Body::Unreadable(frame, reason) => {
                self.lanes[message.source].remember(frame);
                self.writer.note_unreadable(message.source, frame, reason);
            }
            Body::State(change) => self.publish_state(message, change),
        }
    }

    fn publish_picture(&mut self, message: &Message, frame: &Frame) {
        let settings = Arc::clone(self.look.load());
        self.writer.privacy = settings.privacy;
        self.lanes[message.source].remember(frame);
        // Lost faces are written before new ones.
        self.publish_lost(message, &Place::of(frame), frame.search == Search::Skip);
        let info = &self.writer.infos[message.source];
        Counters::add(&info.counters.analysed);
        info.forget_unreadable();
        self.publish_faces(message, frame, &settings);
        if frame.file.is_none() {
            self.publish_audience(message, &settings);
        }
        let lane = &self.lanes[message.source];
        let tells = settings.privacy.tells_faces() || lane.tells;
        let info = &self.writer.infos[message.source];
        info.latest.note(frame.full_size, tells.then_some(frame.faces.len() as u32));
    }

    fn publish_faces(&mut self, message: &Message, frame: &Frame, settings: &Settings) {
        let time_s = message.time_s();
        let (width, height) = frame.full_size;
        let place = Place::of(frame);
        let tracks = &mut self.lanes[message.source].tracks;
        self.shown.clear();
        let rows = frame.probabilities.chunks_exact(self.writer.labels.len());
        let mut read = frame.read.iter().zip(rows.zip(&frame.readability)).peekable();
        for (index, face) in frame.faces.iter().enumerate() {
            let reading = read.next_if(|(place, _)| **place == index);
            let reading = reading.map(|(_, (row, &readability))| Reading { row, readability });
            let bounds = PixelBox::new(&face.bounds, width, height);
            let (x, y) = face.bounds.center();
            let center = [x / width as f32, y / height as f32];
            let picture = PictureSize { w: width, h: height };
            let (pose, score) = (face.pose, face.score);
            let seen = Seen { time_s, pose, bounds, picture, score, center };
            // Removed and inserted again, because a picture of a folder does not keep its faces.
            let (phase, is_worth_an_event, known) = match (tracks.remove(&face.track), &reading) {
                (Some(mut known), reading) => {
                    known.see(&settings.smoothing, &settings.pose, &seen, reading.as_ref());
                    (Phase::Update, known.tell(settings.emit), known)
                }
                (None, Some(reading)) => {
                    (Phase::New, true, Known::new(&settings.smoothing, &settings.pose, &seen, reading))
                }
                // The frame in which it was read could not be analysed.
                (None, None) => continue,
            };
            if is_worth_an_event {
                let reading_age_ms = known.overdue_ms(settings.reads_per_s);
                let (track, predicted) = (face.track, face.predicted);
                let sight = Sight { phase, track, predicted, reading_age_ms, end: None };
                // Pictures of a folder are independent, so nothing is smoothed.
                let alone = reading.filter(|_| frame.file.is_some()).map(|reading| reading.row);
                let values = alone.unwrap_or_else(|| known.probabilities());
                self.writer.write_face(message, &place, &sight, &known, values);
            }
            if frame.file.is_none() {
                let (emotion, facing) = (known.emotion(), known.facing());
                self.shown.push((Shows { track: face.track, emotion, facing }, center));
                tracks.insert(face.track, known);
            }
        }
    }

    fn publish_audience(&mut self, message: &Message, settings: &Settings) {
        let is_tapped = self.writer.sink.is_tapped();
        let lane = &mut self.lanes[message.source];
        let Lane { audience, zones, .. } = lane;
        let (time_s, shown) = (message.time_s(), &self.shown);
        audience.watch(is_tapped);
        let areas = &self.writer.infos[message.source].areas;
        audience.configure(&settings.audience);
        let summary = audience.see(time_s, shown.iter().map(|(face, _)| *face));
        let summarise_zone = |(audience, zone): (&mut ZoneAudience, &Zone)| {
            audience.configure(&settings.audience);
            let inside = shown.iter().filter(|(_, center)| zone.polygon.contains(*center));
            audience.see(time_s, inside.map(|(face, _)| *face))
        };
        // All are due at the same frame.
        let zones = zones.iter_mut().zip(&areas.zones).filter_map(summarise_zone).collect::<Vec<_>>();
        if is_tapped && lane.figures_are_due(message.moment.instant) {
            let figures = lane.audience.figures();
            let figures = figures.filter(|figures| settings.privacy.tells_figures_of(figures.distinct));
            lane.tells = figures.is_some();
            self.writer.note_figures(message.source, figures);
        }
        self.writer.write_audience(message, summary, &zones);
    }

    /// Writes the events of a change of state. The audience is paused while the source is unavailable; at the end of
    /// the source, a last summary is written.
    fn publish_state(&mut self, message: &Message, change: &StateChange) {
        self.writer.privacy = self.look.load().privacy;
        let lane = &mut self.lanes[message.source];
        lane.audience.pause();
        lane.zones.iter_mut().for_each(ZoneAudience::pause);
        if change.state == SourceState::Ended {
            let summary = lane.audience.finish();
            let zones = lane.zones.iter_mut().filter_map(ZoneAudience::finish).collect::<Vec<_>>();
            self.writer.write_audience(message, summary, &zones);
        }
        let latest = self.lanes[message.source].latest.clone();
        self.publish_lost(message, &latest, false);
        if change.state != SourceState::Up {
            self.lanes[message.source].figured = None;
            self.writer.infos[message.source].latest.forget_faces();
            self.writer.note_figures(message.source, None);
        }
        self.writer.write_state(message, change);
    }

    fn publish_lost(&mut self, message: &Message, place: &Place, predicted: bool) {
        for &track in &message.lost {
            let Some(known) = self.lanes[message.source].tracks.remove(&track) else { continue };
            let summary = known.summary();
            let end = Some(&summary);
            let sight = Sight { phase: Phase::End, track, predicted, reading_age_ms: None, end };
            self.writer.write_face(message, place, &sight, &known, &summary.mean);
        }
    }
}

impl Lane {
    fn keep(self) -> Kept {
        let Self { tracks, audience, zones, latest, tells, .. } = self;
        Kept { tracks, audiences: Some((audience, zones)), latest, tells }
    }

    fn remember(&mut self, frame: &Frame) {
        self.latest = Place::without_file(frame);
    }

    fn figures_are_due(&mut self, now: Instant) -> bool {
        let is_due = self.figured.is_none_or(|then| now.saturating_duration_since(then) >= FIGURES_EVERY);
        if is_due {
            self.figured = Some(now);
        }
        is_due
    }
}

impl Kept {
    /// For a source whose zones are others from now on.
    #[must_use]
    pub fn without_audiences(self) -> Self {
        Self { audiences: None, ..self }
    }
}

fn new_audiences(context: &Context, source: usize, labels: usize) -> (Audience, Vec<ZoneAudience>) {
    let settings = context.settings.load().audience;
    let zones = context.infos[source].areas.zones.iter();
    (Audience::new(&settings, labels), zones.map(|_| ZoneAudience::new(&settings, labels)).collect())
}
