//! A server in this process, fed like the sender feeds it, and a client that speaks HTTP by hand.

use emotiond_send::{
    event::{Counts, Event, Kind},
    gauges::Gauges,
    http::serve,
    hub::{Feed, Hub},
    pictures::Pictures,
    settings::HttpConfig,
    wire::{Latency, Request, SourceStatus, Status},
};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::mpsc as async_mpsc,
    sync::oneshot,
};

/// Within this time, everything that must happen has happened.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    pub gauges: Gauges,
    pub requests: async_mpsc::Receiver<Request>,
    /// What the daemon sends with `--stream`.
    pub pictures: Pictures,
    feed: Feed,
    counts: Counts,
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A port of the loopback address that nothing uses.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Server {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::start_with(free_address(), None)
    }

    /// Starts one and waits until it answers.
    pub fn start_with(address: SocketAddr, token_file: Option<PathBuf>) -> Self {
        let server = Self::start_unseen(address, token_file);
        let answers = || TcpStream::connect(address).is_ok();
        wait_for("the server", || answers().then_some(()));
        server
    }

    /// Starts one.
    pub fn start_unseen(address: SocketAddr, token_file: Option<PathBuf>) -> Self {
        let (to_test, requests) = async_mpsc::channel(16);
        let (mut hub, feed) = Hub::new("box1", "run1", Some(to_test));
        let pictures = Pictures::default();
        hub.pictures = Some(pictures.clone());
        let gauges = Gauges::default();
        let (config, its_gauges) = (HttpConfig { listen: address, token_file }, gauges.clone());
        let (stop, stopped) = oneshot::channel();
        let (to_us, handle) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            to_us.send(runtime.handle().clone()).unwrap();
            runtime.block_on(async {
                tokio::select! {
                    served = serve(&config, hub, its_gauges) => panic!("{}", served.unwrap_err()),
                    _ = stopped => {}
                }
            });
        });
        Self {
            address,
            gauges,
            requests,
            pictures,
            feed,
            counts: Counts::default(),
            handle: handle.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Hands on an event line.
    pub fn tell(&mut self, json: &str) {
        let counts = &mut self.counts;
        let count = |kind: Kind| {
            counts.add(kind);
            *counts
        };
        let event = Event::parse(json, count).unwrap();
        self.handle.block_on(self.feed.tell(event));
    }

    /// The sources that somebody watches, once that has changed.
    pub fn watched(&self) -> Vec<String> {
        self.handle.block_on(self.pictures.watched())
    }

    /// Replaces the status.
    pub fn set_status(&self, status: Status) {
        self.feed.set_status(status);
    }

    /// Asks for a path.
    pub fn get(&self, path: &str) -> Answer {
        ask(
            self.address,
            &format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address),
        )
    }

    /// Sends a body.
    pub fn post(&self, path: &str, headers: &str, body: &str) -> Answer {
        let (host, length) = (self.address, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n"
        );
        ask(self.address, &format!("{head}{headers}\r\n{body}"))
    }

    /// Listens to `/api/v1/events`.
    pub fn listen(&self, query: &str) -> Events {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /api/v1/events{query} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut events = Events { lines: BufReader::new(stream) };
        events.head();
        events
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends a request as it is, and reads until the server closes.
pub fn ask(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The server may refuse it before all is written.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A stream of server-sent events.
pub struct Events {
    lines: BufReader<TcpStream>,
}

/// One of them: its name, its id and its data.
#[derive(Debug, Default)]
pub struct Sent {
    pub name: String,
    pub id: String,
    pub data: String,
}

impl Events {
    fn head(&mut self) {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        // The first event is sent when the listener is known to the hub.
        while !line.starts_with("retry:") {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
        }
    }

    /// The next event, without heartbeats.
    pub fn next(&mut self) -> Sent {
        let mut sent = Sent::default();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => sent.name = name.to_owned(),
                Some(("id", id)) => sent.id = id.to_owned(),
                Some(("data", data)) => sent.data = data.to_owned(),
                _ if line == "\n" && !sent.data.is_empty() => return sent,
                _ => {}
            }
        }
    }

    /// The next line as it is.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }
}

/// Repeats `look` until it finds something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A source in a status.
pub fn source(name: &str, state: &str, reason: &str) -> SourceStatus {
    let shares = [("angry", 0.05), ("happy", 0.6), ("neutral", 0.35)];
    SourceStatus {
        name: name.to_owned(),
        state: state.to_owned(),
        reason: reason.to_owned(),
        enabled: true,
        analysed: 1200,
        skipped: 34,
        unreadable: 2,
        size: Some((640, 480)),
        faces: Some(3),
        emotions: Some(
            shares
                .map(|(emotion, share)| (emotion.to_owned(), share))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        ),
        dominant: Some("happy".to_owned()),
        facing: Some(0.7),
        recording: Some(state == "up"),
        latency: Latency { buckets: [0, 200, 700, 250, 40, 8, 1, 1, 0, 0, 0], sum_s: 21.5 },
    }
}

/// A status with these sources.
pub fn status(sources: Vec<SourceStatus>) -> Status {
    Status {
        labels: Vec::new(),
        version: "0.1.0".to_owned(),
        uptime_s: 321.5,
        cpu_s: 12.25,
        rss_bytes: 64 << 20,
        dropped: Counts([0, 0, 5, 0]),
        sources,
    }
}

/// A face line.
pub fn face(source: &str, track: u32, phase: &str, emotion: &str) -> String {
    format!(
        r#"{{"v":1,"type":"face","phase":"{phase}","source":"{source}","time":"2026-11-26T08:00:00.000Z","frame":1,"track":{track},"box":{{"x":100,"y":80,"w":96,"h":96}},"score":0.98,"facing":true,"emotion":"{emotion}","confidence":0.9,"probabilities":{{"{emotion}":0.9,"neutral":0.1}},"latency_ms":9.4}}"#
    )
}

/// A source line.
pub fn state(source: &str, state: &str, reason: &str) -> String {
    format!(
        r#"{{"v":1,"type":"source","source":"{source}","time":"2026-11-26T08:00:00.000Z","state":"{state}","reason":"{reason}"}}"#
    )
}
