//! The last thread: smooths, selects and writes events, passes frames to overlay and recorders, and returns the empty
//! frames.

use super::{
    Context,
    known::{self, Known, Reading, Seen},
    order::InOrder,
    settings::{Look, Settings},
    show::{Outlet, Show},
    status::{Counters, Figures, Markers, SourceInfo},
};
use crate::{
    areas::{Zone, ZonesAt},
    audience::{Audience, Shows, Summary},
    event::{
        AudienceEvent, ByName, FaceEvent, MarkerEvent, Phase, PictureSize, PixelBox, Probabilities, Sighting,
        SourceEvent, ZoneFigures,
    },
    frame::{Frame, Search},
    message::{Body, Message, Moment, SourceState, StateChange},
    privacy::PrivacyConfig,
    sink::{Destination, LineSink},
    source::SourceUri,
    zones::{ZoneAudience, ZoneSummary},
};
use crossbeam_channel::{Receiver, Sender, select};
use emotiond_core::paths::shown;
use emotiond_send::{event::Kind, wire::Marker};
use jiff::Timestamp;
use std::{
    borrow::Cow,
    collections::HashMap,
    io,
    sync::{Arc, atomic::Ordering},
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
    tracks: HashMap<u64, Known>,
    /// The states of the latest frame's faces, and the centres of their boxes.
    shown: Vec<(Shows, [f32; 2])>,
    markers: Markers,
    writer: EventWriter<D>,
}

/// One source's messages.
struct Lane {
    order: InOrder,
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

/// What the thread knows of the sources and faces when it ends.
pub(super) struct Rest {
    /// One for each source.
    pub lanes: Vec<Kept>,
    /// The faces.
    pub tracks: HashMap<u64, Known>,
}

/// What is known of one source.
pub(super) struct Kept {
    audience: Audience,
    zones: Vec<ZoneAudience>,
    latest: Place<'static>,
    tells: bool,
}

/// A picture's place in its source.
#[derive(Clone, Default)]
struct Place<'a> {
    number: u64,
    pts_ms: Option<u64>,
    file: Option<Cow<'a, str>>,
}

impl<'a> Place<'a> {
    fn of(frame: &'a Frame) -> Self {
        let file = frame.file.as_ref().map(shown);
        Self { number: frame.number, pts_ms: frame.pts_ms, file }
    }
}

impl<D: Destination> Publish<D> {
    /// `before`: for each source, what the previous pipeline has left of it, and the faces.
    pub fn new(
        context: &Context,
        labels: Vec<String>,
        (before, tracks): (Vec<Option<Kept>>, HashMap<u64, Known>),
        outputs: Vec<(Sender<Box<Frame>>, Vec<Outlet>)>,
        markers: Markers,
        sink: LineSink<D>,
    ) -> Self {
        let audience = context.settings.load().audience;
        let zones = |source: usize| context.infos[source].areas.zones.iter();
        let lane = |(source, ((free, outlets), before)): (usize, (_, Option<Kept>))| {
            let Kept { audience, zones, latest, tells } = before.unwrap_or_else(|| Kept {
                audience: Audience::new(&audience, labels.len()),
                zones: zones(source).map(|_| ZoneAudience::new(&audience, labels.len())).collect(),
                latest: Place::default(),
                tells: false,
            });
            let (order, show) = (InOrder::default(), Show::new(source, outlets));
            Lane { order, audience, zones, show, free, latest, figured: None, tells }
        };
        Self {
            lanes: outputs.into_iter().zip(before).enumerate().map(lane).collect(),
            look: Look::new(Arc::clone(&context.settings)),
            tracks,
            shown: Vec::new(),
            markers,
            writer: EventWriter {
                infos: Arc::clone(&context.infos),
                labels,
                privacy: context.settings.load().privacy,
                sink,
            },
        }
    }

    /// Runs until the previous stage has ended. If the reader of the events is gone, it only drains the pipeline.
    /// Returns the write error, if any, and what the next pipeline goes on with.
    pub fn run(mut self, messages: &Receiver<Message>) -> (Option<io::Error>, Rest) {
        // `self` keeps the other end open: a closed channel would always be ready.
        let markers = self.markers.waiting.clone();
        loop {
            select! {
                recv(messages) -> message => match message {
                    Ok(message) => self.put(message),
                    Err(_) => break,
                },
                recv(markers) -> marker => marker.iter().for_each(|marker| self.writer.write_marker(marker)),
                default(POLL_INTERVAL) => self.writer.sink.look_for_reader(),
            }
        }
        markers.try_iter().for_each(|marker| self.writer.write_marker(&marker));
        let kept =
            |Lane { audience, zones, latest, tells, .. }: Lane| Kept { audience, zones, latest, tells };
        let lanes = self.lanes.into_iter().map(kept).collect();
        (self.writer.sink.finish(), Rest { lanes, tracks: self.tracks })
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
        lane.show.show(&mut message, &self.tracks, self.writer.labels.len(), counters);
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
            let (phase, is_worth_an_event, known) = match (self.tracks.remove(&face.track), &reading) {
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
                self.tracks.insert(face.track, known);
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
            let Some(known) = self.tracks.remove(&track) else { continue };
            let summary = known.summary();
            let end = Some(&summary);
            let sight = Sight { phase: Phase::End, track, predicted, reading_age_ms: None, end };
            self.writer.write_face(message, place, &sight, &known, &summary.mean);
        }
    }
}

impl Lane {
    fn remember(&mut self, frame: &Frame) {
        self.latest = Place { number: frame.number, pts_ms: frame.pts_ms, file: None };
    }

    fn figures_are_due(&mut self, now: Instant) -> bool {
        let is_due = self.figured.is_none_or(|then| now.saturating_duration_since(then) >= FIGURES_EVERY);
        if is_due {
            self.figured = Some(now);
        }
        is_due
    }
}

/// Writes events and notes what happened to the sources.
struct EventWriter<D> {
    infos: Arc<[SourceInfo]>,
    labels: Vec<String>,
    /// What may be written.
    privacy: PrivacyConfig,
    sink: LineSink<D>,
}

/// A face in a frame, as reported in an event.
struct Sight<'a> {
    phase: Phase,
    track: u64,
    predicted: bool,
    /// Set if its reading is overdue.
    reading_age_ms: Option<f32>,
    end: Option<&'a known::Summary>,
}

impl<D: Destination> EventWriter<D> {
    fn write_face(&mut self, message: &Message, place: &Place, sight: &Sight, known: &Known, values: &[f32]) {
        if !self.privacy.tells_faces() {
            return;
        }
        let Moment { time, instant, .. } = message.moment;
        let sighting =
            Sighting { phase: sight.phase, track: sight.track, bounds: known.bounds, score: known.score };
        let probabilities = Probabilities { labels: &self.labels, values };
        let SourceInfo { name: source, areas, .. } = &self.infos[message.source];
        let mut event = FaceEvent::new(source, time, place.number, &sighting, probabilities);
        event.pts_ms = place.pts_ms;
        event.file = place.file.as_deref().map(Cow::Borrowed);
        event.picture = Some(known.picture);
        event.predicted = sight.predicted;
        event.pose = known.pose().map(Into::into);
        event.facing = known.facing();
        event.readable = known.is_readable();
        let zones = ZonesAt { zones: &areas.zones, point: known.center };
        event.zones = (!areas.zones.is_empty()).then_some(zones);
        event.reading_age_ms = sight.reading_age_ms;
        event.duration_s = sight.end.map(|end| end.duration_s);
        event.facing_s = sight.end.and_then(|end| end.facing_s);
        event.latency_ms = instant.elapsed().as_secs_f32() * 1000.0;
        self.sink.write(Kind::Face, &event);
    }

    fn write_audience(&mut self, message: &Message, summary: Option<Summary>, zones: &[ZoneSummary]) {
        let Some(summary) = summary else { return };
        let SourceInfo { name, areas, .. } = &self.infos[message.source];
        let mut event = AudienceEvent::new(name, message.moment.time, &self.labels, &summary, &self.privacy);
        let zones = areas.zones.iter().zip(zones);
        let zones = zones.map(|(zone, summary)| {
            (zone.name.as_str(), ZoneFigures::new(&self.labels, summary, &self.privacy))
        });
        event.zones = (!areas.zones.is_empty()).then(|| ByName(zones.collect()));
        self.sink.write(Kind::Audience, &event);
    }

    fn write_marker(&mut self, (time, marker): &(Timestamp, Marker)) {
        self.sink.write(Kind::Marker, &MarkerEvent::new(*time, marker));
    }

    fn note_figures(&self, source: usize, summary: Option<Summary>) {
        let label = |place: usize| self.labels[place].clone();
        let figures = summary.map(|summary| Figures {
            emotions: self.labels.iter().cloned().zip(summary.shares).collect(),
            dominant: summary.dominant.map(label),
            facing: summary.facing,
        });
        self.infos[source].set_figures(figures);
    }

    fn write_state(&mut self, message: &Message, change: &StateChange) {
        let info = &self.infos[message.source];
        info.set_state(change);
        match change.state {
            SourceState::Stalled | SourceState::Down if change.is_planned => {
                tracing::info!(source = info.name, "{}", change.reason);
            }
            SourceState::Stalled | SourceState::Down => {
                tracing::warn!(source = info.name, "{}", change.reason);
            }
            _ => {}
        }
        self.sink.write(Kind::Source, &SourceEvent::new(&info.name, message.moment.time, change));
    }

    /// Counts and logs a picture that cannot be analysed.
    fn note_unreadable(&self, source: usize, frame: &Frame, reason: &str) {
        let info = &self.infos[source];
        Counters::add(&info.counters.unreadable);
        info.note_unreadable(reason);
        info.first_error.get_or_init(|| reason.to_owned());
        // If a single picture is the only input, its error is reported at the end.
        if self.infos.len() > 1 || !matches!(info.config.uri, SourceUri::Image(_)) {
            warn_unreadable(info, frame, reason);
        }
    }
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
