//! Writes the events of the last thread, and notes what happened to the sources.

use super::{
    known::{self, Known},
    source_info::{Counters, Figures, SourceInfo},
};
use crate::{
    areas::ZonesAt,
    audience::Summary,
    event::{
        AudienceEvent, ByName, FaceEvent, MarkerEvent, Phase, Probabilities, Sighting, SourceEvent,
        ZoneFigures,
    },
    frame::Frame,
    message::{Message, Moment, SourceState, StateChange},
    privacy::PrivacyConfig,
    sink::{Destination, LineSink},
    source::SourceUri,
    zones::ZoneSummary,
};
use emotiond_core::paths::shown;
use emotiond_send::{event::Kind, wire::Marker};
use jiff::Timestamp;
use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
};

/// Writes events and notes what happened to the sources.
pub(super) struct EventWriter<D> {
    pub infos: Arc<[SourceInfo]>,
    pub labels: Vec<String>,
    /// What may be written.
    pub privacy: PrivacyConfig,
    pub sink: LineSink<D>,
}

/// A face in a frame, as reported in an event.
pub(super) struct Sight<'a> {
    pub phase: Phase,
    pub track: u64,
    pub predicted: bool,
    /// Set if its reading is overdue.
    pub reading_age_ms: Option<f32>,
    pub end: Option<&'a known::Summary>,
}

impl<D: Destination> EventWriter<D> {
    pub fn write_face(
        &mut self,
        message: &Message,
        place: &Place,
        sight: &Sight,
        known: &Known,
        values: &[f32],
    ) {
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

    pub fn write_audience(&mut self, message: &Message, summary: Option<Summary>, zones: &[ZoneSummary]) {
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

    pub fn write_marker(&mut self, (time, marker): &(Timestamp, Marker)) {
        self.sink.write(Kind::Marker, &MarkerEvent::new(*time, marker));
    }

    pub fn note_figures(&self, source: usize, summary: Option<Summary>) {
        let label = |place: usize| self.labels[place].clone();
        let figures = summary.map(|summary| Figures {
            emotions: self.labels.iter().cloned().zip(summary.shares).collect(),
            dominant: summary.dominant.map(label),
            facing: summary.facing,
        });
        self.infos[source].set_figures(figures);
    }

    pub fn write_state(&mut self, message: &Message, change: &StateChange) {
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
    pub fn note_unreadable(&self, source: usize, frame: &Frame, reason: &str) {
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

/// A picture's place in its source.
#[derive(Clone, Default)]
pub(super) struct Place<'a> {
    number: u64,
    pts_ms: Option<u64>,
    file: Option<Cow<'a, str>>,
}

impl<'a> Place<'a> {
    pub fn of(frame: &'a Frame) -> Self {
        let file = frame.file.as_ref().map(shown);
        Self { file, ..Place::without_file(frame) }
    }

    pub fn without_file(frame: &Frame) -> Place<'static> {
        Place { number: frame.number, pts_ms: frame.pts_ms, file: None }
    }
}
