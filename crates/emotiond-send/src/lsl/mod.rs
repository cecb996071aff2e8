//! An LSL output: offers a stream of numbers for each source, and one of markers.

mod library;
mod samples;

use crate::{
    complaints::Complaints,
    event::{Event, Kind},
    gauges::{OutputGauge, Unusable},
    lines::{Audience, Face, Marker},
    slugs::Slugs,
    task::Task,
    wire::Status,
};
use emotiond_core::paths;
use library::{Library, LslError, Stream, StreamInfo};
use samples::{Sample, Samples};
use std::{
    collections::HashMap,
    future::pending,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// Without another line for this time, a picture has told all its faces.
const SAME_PICTURE: Duration = Duration::from_millis(20);

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
    gauge: Arc<OutputGauge>,
}

impl Source {
    fn push(&self, sample: &Sample) {
        self.stream.push(&sample.values, sample.time);
        self.gauge.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Offers streams until the events end.
///
/// # Errors
/// When there is no library and it `gives_up`.
pub async fn run(task: Task, gives_up: bool) -> Result<(), Unusable> {
    let Task { config, hub, mut events, gauge, mut end } = task;
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
        if let Some(sample) = known.samples.see(face) {
            known.push(&sample);
        }
        self.complete = Some(Instant::now() + SAME_PICTURE);
    }

    fn take_audience(&mut self, source: &str, event: &Event) {
        let Ok(audience) = serde_json::from_str::<Audience>(&event.json) else { return };
        let labels = || audience.emotions.iter().flat_map(|shares| &shares.0);
        let labels = || labels().map(|(label, _)| label.clone()).collect::<Vec<_>>();
        if !self.sources.contains_key(source) && labels().is_empty() {
            return;
        }
        let Some(known) = self.source(source, labels) else { return };
        known.push(&known.samples.of_audience(&audience));
    }

    fn take_marker(&mut self, event: &Event) {
        let Ok(marker) = serde_json::from_str::<Marker>(&event.json) else { return };
        let Some(stream) = &self.markers else { return };
        let text = if marker.label.is_empty() { &marker.kind } else { &marker.label };
        stream.push_text(text, marker.time);
        self.gauge.sent.fetch_add(1, Ordering::Relaxed);
    }

    fn finish_pictures(&mut self) {
        self.complete = None;
        for source in self.sources.values_mut() {
            if let Some(sample) = source.samples.finish() {
                source.push(&sample);
            }
        }
    }

    /// The stream of a source, which is offered now if it is not yet.
    fn source(&mut self, name: &str, labels: impl FnOnce() -> Vec<String>) -> Option<&mut Source> {
        if !self.sources.contains_key(name) {
            let (samples, slug) = (Samples::new(labels()), self.slugs.of(name));
            let name_of_stream = format!("emotiond-{}-{slug}", self.device);
            let stream = self.offer(&name_of_stream, "Emotion", &samples.channels(), false)?;
            self.sources.insert(name.to_owned(), Source { samples, stream, gauge: Arc::clone(&self.gauge) });
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
