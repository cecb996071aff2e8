//! An LSL output: offers a stream of numbers for each source, and one of markers.

mod library;
mod samples;

use crate::{
    complaints::Complaints,
    event::{Event, Kind},
    gauges::{OutputGauge, Unusable},
    hub::Hub,
    lines::{Audience, Face, Marker},
    settings::OutputConfig,
    slugs::Slugs,
    wire::Status,
};
use emotiond_core::paths;
use jiff::Timestamp;
use library::{Library, LslError, Stream, StreamInfo};
use samples::{Sample, Samples};
use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

/// Without another line for this time, a picture has told all its faces.
const SAME_PICTURE: Duration = Duration::from_millis(20);

/// What an output needs.
pub struct Task {
    /// Its settings.
    pub config: OutputConfig,
    /// The device and the daemon's status.
    pub hub: Hub,
    /// All events.
    pub events: mpsc::Receiver<Arc<Event>>,
    /// Its figures.
    pub gauge: Arc<OutputGauge>,
    /// Until when it must end, once that is known.
    pub end: watch::Receiver<Option<Instant>>,
    /// Whether it ends when there is no library.
    pub gives_up: bool,
}

/// An output at work.
struct Output {
    library: Arc<Library>,
    kinds: Vec<Kind>,
    device: Arc<str>,
    gauge: Arc<OutputGauge>,
    complaints: Complaints,
    slugs: Slugs,
    sources: HashMap<String, Source>,
    markers: Option<Stream>,
    /// When the pictures whose lines are being read are complete.
    complete: Option<Instant>,
}

/// The stream of a source.
struct Source {
    samples: Samples,
    stream: Stream,
}

/// Offers streams until the events end.
///
/// # Errors
/// When there is no library and it gives up.
pub async fn run(task: Task) -> Result<(), Unusable> {
    let Task { config, hub, mut events, gauge, mut end, gives_up } = task;
    let mut complaints = Complaints::new(Arc::clone(&gauge));
    let library = match Library::load(&paths::data_dirs()) {
        Ok(library) => library,
        Err(error) if gives_up => return Err(Unusable(error.to_string())),
        Err(error) => {
            complaints.disconnected(&error.to_string());
            // The other outputs go on.
            while events.recv().await.is_some() {}
            return Ok(());
        }
    };
    let mut output = Output {
        library,
        kinds: config.kinds(),
        device: hub.device,
        gauge,
        complaints,
        slugs: Slugs::default(),
        sources: HashMap::new(),
        markers: None,
        complete: None,
    };
    output.complaints.connected();
    output.offer_markers();
    let mut status = hub.status;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => output.take(&event),
                None => break,
            },
            Ok(()) = status.changed() => output.learn(&status.borrow_and_update().clone()),
            () = until(output.complete) => output.finish_pictures(),
            Ok(()) = end.changed() => break,
        }
    }
    output.finish_pictures();
    Ok(())
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

impl Output {
    /// Offers the streams of sources before their first face, so that a recorder can choose them.
    fn learn(&mut self, status: &Status) {
        if status.labels.is_empty() {
            return;
        }
        for source in &status.sources {
            self.source(&source.name, || status.labels.clone());
        }
    }

    fn take(&mut self, event: &Event) {
        if !self.kinds.contains(&event.kind) {
            return;
        }
        match (event.kind, event.source.as_deref()) {
            (Kind::Face, Some(source)) => self.take_face(source, event),
            // Faces tell the same more exactly.
            (Kind::Audience, Some(source)) if !self.kinds.contains(&Kind::Face) => {
                self.take_audience(source, event);
            }
            (Kind::Marker, _) => self.take_marker(event),
            _ => {}
        }
    }

    fn take_face(&mut self, source: &str, event: &Event) {
        let Ok(face) = serde_json::from_str::<Face>(&event.json) else { return };
        let labels = || face.probabilities.0.iter().map(|(label, _)| label.clone()).collect();
        let Some(known) = self.source(source, labels) else { return };
        let sample = known.samples.see(face);
        self.complete = Some(Instant::now() + SAME_PICTURE);
        self.push(source, sample);
    }

    fn take_audience(&mut self, source: &str, event: &Event) {
        let Ok(audience) = serde_json::from_str::<Audience>(&event.json) else { return };
        let labels = || audience.emotions.iter().flat_map(|shares| &shares.0);
        let labels = || labels().map(|(label, _)| label.clone()).collect::<Vec<_>>();
        if !self.sources.contains_key(source) && labels().is_empty() {
            return;
        }
        let Some(known) = self.source(source, labels) else { return };
        let sample = known.samples.of_audience(&audience);
        self.push(source, Some(sample));
    }

    fn take_marker(&mut self, event: &Event) {
        let Ok(marker) = serde_json::from_str::<Marker>(&event.json) else { return };
        let Some(stream) = &self.markers else { return };
        let text = if marker.label.is_empty() { &marker.kind } else { &marker.label };
        stream.push_text(text, self.stamp(marker.time));
        self.gauge.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn finish_pictures(&mut self) {
        self.complete = None;
        let finished: Vec<(String, Option<Sample>)> =
            self.sources.iter_mut().map(|(name, source)| (name.clone(), source.samples.finish())).collect();
        for (source, sample) in finished {
            self.push(&source, sample);
        }
    }

    fn push(&self, source: &str, sample: Option<Sample>) {
        if let (Some(source), Some(Sample { time, values })) = (self.sources.get(source), sample) {
            source.stream.push(&values, self.stamp(time));
            self.gauge.sent.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A time on liblsl's clock: now, less the age.
    fn stamp(&self, time: Timestamp) -> f64 {
        self.library.clock() - Timestamp::now().duration_since(time).as_secs_f64()
    }

    /// The stream of a source, which is offered now if it is not yet.
    fn source(&mut self, name: &str, labels: impl FnOnce() -> Vec<String>) -> Option<&mut Source> {
        if !self.sources.contains_key(name) {
            let (samples, slug) = (Samples::new(labels()), self.slugs.of(name));
            let name_of_stream = format!("emotiond-{}-{slug}", self.device);
            let stream = self.offer(&name_of_stream, "Emotion", &samples.channels(), false)?;
            self.sources.insert(name.to_owned(), Source { samples, stream });
        }
        self.sources.get_mut(name)
    }

    fn offer_markers(&mut self) {
        if self.kinds.contains(&Kind::Marker) {
            let name = format!("emotiond-{}-markers", self.device);
            self.markers = self.offer(&name, "Markers", &[("marker".to_owned(), "label")], true);
        }
    }

    fn offer(
        &mut self,
        name: &str,
        kind: &str,
        channels: &[(String, &'static str)],
        is_text: bool,
    ) -> Option<Stream> {
        let info = StreamInfo { name, kind, id: name, channels, is_text };
        let offered = Stream::offer(&self.library, &info);
        offered.inspect_err(|error: &LslError| self.complaints.say(&error.to_string())).ok()
    }
}
