//! Serves the page with a scripted audience on <http://127.0.0.1:8378>, to look at it without a camera.

use emotiond_send::{
    event::{Counts, Event, Kind},
    gauges::Gauges,
    http::serve,
    hub::{Feed, Hub},
    settings::HttpConfig,
    wire::{Latency, Request, SourceStatus, Status},
};
use serde_json::json;
use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};
use tokio::{runtime::Builder, sync::mpsc, time::interval};

/// Events a second.
const RATE: u64 = 10;
/// Width and height of the pictures in pixels.
const SIZE: (u32, u32) = (1280, 720);
const EMOTIONS: [&str; 7] = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];

/// A person: where they sit, when they are there (in seconds of a cycle of 400), and how their emotions go.
struct Person {
    x: f64,
    y: f64,
    size: f64,
    here: (f64, f64),
    phase: f64,
}

const PEOPLE: [Person; 7] = [
    Person { x: 0.14, y: 0.34, size: 0.13, here: (0.0, 400.0), phase: 0.0 },
    Person { x: 0.33, y: 0.22, size: 0.12, here: (25.0, 390.0), phase: 0.9 },
    Person { x: 0.52, y: 0.36, size: 0.14, here: (0.0, 400.0), phase: 2.2 },
    Person { x: 0.70, y: 0.20, size: 0.12, here: (60.0, 400.0), phase: 3.4 },
    Person { x: 0.84, y: 0.42, size: 0.13, here: (90.0, 330.0), phase: 4.2 },
    Person { x: 0.24, y: 0.77, size: 0.14, here: (110.0, 400.0), phase: 5.1 },
    Person { x: 0.64, y: 0.79, size: 0.14, here: (130.0, 370.0), phase: 1.5 },
];

impl Person {
    fn is_here(&self, at: f64) -> bool {
        let at = at % 400.0;
        self.here.0 <= at && at < self.here.1
    }

    /// Probabilities in the order of [`EMOTIONS`].
    fn emotions(&self, at: f64) -> [f64; 7] {
        let wave = |period: f64, shift: f64| ((at / period + shift + self.phase * 0.35).sin() + 1.0) / 2.0;
        let weights = [
            0.02 + 0.12 * wave(37.0, 4.0).powi(6),
            0.01,
            0.02 + 0.25 * wave(53.0, 1.0).powi(9),
            0.08 + 2.4 * wave(47.0, self.phase * 0.2).powi(3),
            0.03 + 0.7 * wave(71.0, 2.4).powi(5),
            0.04 + 1.5 * wave(29.0, 3.1).powi(7),
            0.75,
        ];
        weights.map(|weight| weight / weights.iter().sum::<f64>())
    }
}

struct Show {
    feed: Feed,
    counts: Counts,
    present: [bool; 7],
}

impl Show {
    async fn tell(&mut self, line: serde_json::Value) {
        let counts = &mut self.counts;
        let count = |kind: Kind| {
            counts.add(kind);
            *counts
        };
        if let Ok(event) = Event::parse(&line.to_string(), count) {
            self.feed.tell(event).await;
        }
    }

    async fn faces(&mut self, at: f64) {
        for (track, person) in PEOPLE.iter().enumerate() {
            let (was, is) = (self.present[track], person.is_here(at));
            let phase = match (was, is) {
                (false, true) => "new",
                (true, true) => "update",
                (true, false) => "end",
                (false, false) => continue,
            };
            self.present[track] = is;
            let emotions = person.emotions(at);
            let strongest = (0..7).max_by(|&a, &b| emotions[a].total_cmp(&emotions[b])).unwrap_or(0);
            let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
            let side = person.size * width * (1.0 + 0.05 * (at / 3.0 + person.phase).sin());
            let x = person.x * width - side / 2.0 + 14.0 * (at / 2.3 + person.phase).sin();
            let y = person.y * height - side / 2.0 + 8.0 * (at / 1.7 + person.phase).cos();
            let probabilities: BTreeMap<&str, f64> = EMOTIONS.into_iter().zip(emotions).collect();
            self.tell(json!({
                "v": 1, "type": "face", "phase": phase, "source": "stalls", "time": now(), "frame": 0, "track": track + 1,
                "box": {"x": x as i32, "y": y as i32, "w": side as i32, "h": (side * 1.15) as i32}, "score": 0.98,
                "facing": (at / 11.0 + person.phase * 2.0).sin() > -0.6, "emotion": EMOTIONS[strongest],
                "confidence": emotions[strongest], "probabilities": probabilities, "latency_ms": 21.0,
            }))
            .await;
        }
    }

    fn status(&self, at: f64, enabled: bool) {
        let here: Vec<&Person> = PEOPLE.iter().filter(|person| person.is_here(at)).collect();
        let share = |emotion: usize| {
            let seconds = (0..10).map(|second| at - f64::from(second));
            let sum: f64 =
                seconds.flat_map(|at| here.iter().map(move |person| person.emotions(at)[emotion])).sum();
            (sum / (10.0 * here.len().max(1) as f64)) as f32
        };
        let emotions: BTreeMap<String, f32> =
            EMOTIONS.iter().enumerate().map(|(index, name)| ((*name).to_owned(), share(index))).collect();
        let dominant = emotions.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(name, _)| name.clone());
        let pictures = (at * 29.97) as u64;
        let stalls = SourceStatus {
            name: "stalls".to_owned(),
            state: if enabled { "up" } else { "down" }.to_owned(),
            reason: if enabled { "" } else { "paused" }.to_owned(),
            enabled,
            analysed: pictures,
            size: Some(SIZE),
            faces: Some(here.len() as u32),
            emotions: (!here.is_empty()).then_some(emotions),
            dominant,
            facing: Some((0.78 + 0.12 * (at / 40.0).sin()) as f32),
            latency: Latency {
                buckets: [0, 0, pictures, 0, 0, 0, 0, 0, 0, 0, 0],
                sum_s: pictures as f64 * 0.0184,
            },
            ..SourceStatus::default()
        };
        let foyer = SourceStatus {
            name: "foyer".to_owned(),
            state: "down".to_owned(),
            reason: "rtsp://10.0.4.12/stream1: connection refused; is the camera switched on?".to_owned(),
            enabled: true,
            ..SourceStatus::default()
        };
        self.feed.set_status(Status {
            labels: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: at + 8040.0,
            cpu_s: at * 0.312,
            rss_bytes: 143 << 20,
            dropped: Counts::default(),
            sources: vec![stalls, foyer],
        });
    }
}

/// This moment as in events.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

async fn play(mut show: Show, mut requests: mpsc::Receiver<Request>, gauges: Gauges) {
    let output = gauges.output("mqtts://broker.example:8883");
    output.connected.store(true, Ordering::Relaxed);
    let mut enabled = true;
    let mut ticks = interval(Duration::from_millis(1000 / RATE));
    for tick in 0.. {
        ticks.tick().await;
        let at = tick as f64 / RATE as f64;
        while let Ok(request) = requests.try_recv() {
            match request {
                Request::Pause { .. } => enabled = false,
                Request::Resume { .. } => enabled = true,
                Request::Marker(marker) => {
                    let line = json!({"v": 1, "type": "marker", "time": now(), "kind": marker.kind, "label": marker.label});
                    show.tell(line).await;
                }
                Request::Watch { .. } => {}
            }
        }
        if enabled {
            show.faces(at).await;
        }
        output.sent.store(show.counts.sum(&Kind::ALL), Ordering::Relaxed);
        if tick % RATE == 0 {
            show.status(at, enabled);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = HttpConfig { listen: "127.0.0.1:8378".parse()?, token_file: None };
    let (to_show, requests) = mpsc::channel(16);
    let (hub, feed) = Hub::new("opera-box-2", "7d1c4bb2-6a0e-4a52-9b1f-0d7f6f0e2b11", Some(to_show));
    let gauges = Gauges::default();
    let show = Show { feed, counts: Counts::default(), present: [false; 7] };
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            served = serve(&config, hub, gauges.clone()) => served.map(|_| ()).map_err(Into::into),
            () = play(show, requests, gauges) => Ok(()),
        }
    })
}
