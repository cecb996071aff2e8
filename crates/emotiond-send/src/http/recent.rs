//! What a page needs that has just been opened: the last minutes, the faces in view, the last markers.

use crate::{
    event::{Event, Kind},
    hub::Hub,
    wire::Status,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::sync::broadcast::error::RecvError;

/// Samples of the last minutes, one a second.
const SAMPLES: usize = 600;
/// Sources whose last minutes are kept.
const SAMPLED_SOURCES: usize = 64;
/// Markers that are kept.
const MARKERS: usize = 50;
/// Faces that are kept.
const FACES: usize = 1024;

/// The last minutes of a run.
pub struct Recent {
    started: Instant,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    status_at: Option<Instant>,
    samples: VecDeque<Sample>,
    faces: HashMap<(String, u64), Seen>,
    audiences: BTreeMap<String, Arc<Event>>,
    markers: VecDeque<Arc<Event>>,
}

/// A second.
#[derive(Clone, Serialize)]
struct Sample {
    /// Milliseconds since 1970.
    time_ms: u64,
    sources: Vec<SourceSample>,
}

/// A source in a second.
#[derive(Clone, Serialize)]
struct SourceSample {
    name: String,
    up: bool,
    faces: Option<u32>,
    emotions: Option<BTreeMap<String, f32>>,
}

/// A face in view.
struct Seen {
    since: Instant,
    event: Arc<Event>,
}

/// A face in view, as it is told.
#[derive(Serialize)]
struct ToldFace {
    /// Seconds since its first line.
    age_s: f64,
    event: Box<RawValue>,
}

/// What `/api/v1/recent` tells.
#[derive(Serialize)]
pub struct Told {
    samples: Vec<Sample>,
    faces: Vec<ToldFace>,
    audiences: Vec<Box<RawValue>>,
    markers: Vec<Box<RawValue>>,
}

/// The fields of a face line by which it replaces another one.
#[derive(Deserialize)]
struct FaceHead {
    track: u64,
    phase: String,
    file: Option<serde::de::IgnoredAny>,
}

/// The state in a source line.
#[derive(Deserialize)]
struct SourceHead {
    state: String,
}

impl Default for Recent {
    fn default() -> Self {
        Self { started: Instant::now(), now: Mutex::default() }
    }
}

impl Recent {
    /// Takes in what the hub tells, for ever.
    pub async fn follow(&self, hub: &Hub) -> Infallible {
        let (mut events, mut status) = (hub.listen(), hub.status.clone());
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.now().take(event),
                    // The ends of faces may be among the lost lines.
                    Err(RecvError::Lagged(_)) => self.now().faces.clear(),
                    Err(RecvError::Closed) => return pending().await,
                },
                Ok(()) = status.changed() => self.now().sample(&status.borrow_and_update()),
            }
        }
    }

    /// The age of the latest status, or of this server if there was none; and whether there was one.
    pub fn status_age(&self) -> (Duration, bool) {
        let at = self.now().status_at;
        (at.unwrap_or(self.started).elapsed(), at.is_some())
    }

    /// The last minutes.
    pub fn told(&self) -> Told {
        let now = self.now();
        let raw = |event: &Arc<Event>| RawValue::from_string(event.json.clone()).ok();
        Told {
            samples: now.samples.iter().cloned().collect(),
            faces: now
                .faces
                .values()
                .filter_map(|seen| {
                    Some(ToldFace { age_s: seen.since.elapsed().as_secs_f64(), event: raw(&seen.event)? })
                })
                .collect(),
            audiences: now.audiences.values().filter_map(raw).collect(),
            markers: now.markers.iter().filter_map(raw).collect(),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn take(&mut self, event: Arc<Event>) {
        let source = event.source.clone().unwrap_or_default();
        match event.kind {
            Kind::Face => self.take_face(source, event),
            Kind::Audience => {
                if self.audiences.len() < SAMPLED_SOURCES || self.audiences.contains_key(&source) {
                    self.audiences.insert(source, event);
                }
            }
            Kind::Source => {
                let up = serde_json::from_str(&event.json).is_ok_and(|head: SourceHead| head.state == "up");
                if !up {
                    self.faces.retain(|(name, _), _| *name != source);
                }
            }
            Kind::Marker => {
                while self.markers.len() >= MARKERS {
                    self.markers.pop_front();
                }
                self.markers.push_back(event);
            }
        }
    }

    fn take_face(&mut self, source: String, event: Arc<Event>) {
        let Ok(head) = serde_json::from_str::<FaceHead>(&event.json) else { return };
        let key = (source, head.track);
        // Faces in pictures have no end.
        if head.phase == "end" || head.file.is_some() {
            self.faces.remove(&key);
        } else if self.faces.len() < FACES || self.faces.contains_key(&key) {
            let since = self.faces.get(&key).map_or_else(Instant::now, |seen| seen.since);
            self.faces.insert(key, Seen { since, event });
        }
    }

    fn sample(&mut self, status: &Status) {
        self.status_at = Some(Instant::now());
        let sources = status.sources.iter().take(SAMPLED_SOURCES).map(|source| SourceSample {
            name: source.name.clone(),
            up: source.state == "up",
            faces: source.faces,
            emotions: source.emotions.clone(),
        });
        while self.samples.len() >= SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { time_ms: now_ms(), sources: sources.collect() });
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}
