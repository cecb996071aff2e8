//! An MQTT output: takes events, keeps them in its spool and sends them whenever there is a connection.

mod broker;
mod cause;
mod commands;
mod figures;
mod link;
mod session;
mod topics;

pub use broker::BrokerError;

use crate::{
    complaints::Complaints,
    event::{Event, Kind},
    gauges::{OutputGauge, Unusable},
    home_assistant::{self, Discovery},
    hub::Hub,
    settings::{DEFAULT_PREFIX, OutputConfig, slug},
    spool::{Record, Spool, default_folder},
    task::Task,
    wire::Status,
};
use cause::Cause;
use emotiond_core::backoff::Backoff;
use figures::Figures;
use link::Link;
use rumqttc::{LastWill, MqttOptions, QoS};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep},
};
use topics::Topics;

/// The first pause between attempts to connect, ...
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// ... which doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The time to end that is left when it is too late to connect.
const CONNECTED_LATER: Duration = Duration::from_secs(3);
/// Records that wait while the output lets its feed wait.
const WAITING_RECORDS: u64 = 1000;

/// When an output lets its feed wait, instead of storing events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Never: the feed is a daemon.
    Never,
    /// When the broker is there but slow: the feed is a pipe.
    Connected,
    /// Also when the broker is away: the feed is a file.
    Always,
}

/// How an output behaves.
#[derive(Clone)]
pub struct Manner {
    /// When it lets the feed wait.
    pub patience: Patience,
    /// Whether it ends when the broker can never be used, such as with a wrong password.
    pub gives_up: bool,
    /// Makes its name for the broker different from that of other processes; empty for the daemon's sender.
    pub client_suffix: String,
}

/// An output at work.
struct Output {
    config: OutputConfig,
    kinds: Vec<Kind>,
    hub: Hub,
    events: mpsc::Receiver<Arc<Event>>,
    has_ended: bool,
    status: watch::Receiver<Arc<Status>>,
    gauge: Arc<OutputGauge>,
    complaints: Complaints,
    patience: Patience,
    end: watch::Receiver<Option<Instant>>,
    gives_up: bool,
    client: String,
    topics: Topics,
    spool: Spool,
    tick: Interval,
    /// Lines that were lost outside of the spool.
    lost: u64,
    /// The latest state of each source by its topic, to restore what a broker has forgotten.
    states: BTreeMap<String, String>,
    figures: Figures,
    discovery: Option<Discovery>,
    /// Connections in a row that the broker has closed before it acknowledged a record.
    cuts: u32,
    pauses: Backoff,
}

/// Sends events until they end and everything is delivered, or until it must end.
///
/// # Errors
/// When it gives up.
pub async fn run(task: Task, manner: Manner) -> Result<(), Unusable> {
    let mut output = Output::new(task, manner);
    let outcome = output.run().await;
    output.spool.rewind();
    output.settle(true).await;
    output.count();
    let (left, lost) = (output.spool.len(), output.spool.in_memory());
    if left > 0 {
        let kept = left - lost as u64;
        output
            .complaints
            .say(&format!("{left} events are not delivered; {kept} stay in the spool until the next start"));
    }
    outcome
}

impl Output {
    fn new(task: Task, manner: Manner) -> Self {
        let Task { config, hub, events, gauge, end } = task;
        let Manner { patience, gives_up, mut client_suffix } = manner;
        if config.prefix != DEFAULT_PREFIX {
            client_suffix = format!("{client_suffix}_{}", slug(&config.prefix));
        }
        let topics = Topics::new(&config.prefix, &hub.device);
        let (name, kinds) = (slug(&gauge.name), config.kinds());
        let folder =
            config.spool_dir.clone().unwrap_or_else(default_folder).join(format!("{}-{name}", hub.device));
        let has_states = kinds.contains(&Kind::Source);
        let discovery = config
            .home_assistant
            .then(|| Discovery::new(&hub.device, topics.of_device("status"), hub.has_daemon(), has_states));
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            spool: Spool::new(folder, u64::from(config.spool_mb) << 20),
            client: format!("emotiond_{}{client_suffix}", hub.device),
            status: hub.status.clone(),
            complaints: Complaints::new(Arc::clone(&gauge)),
            has_ended: false,
            lost: 0,
            states: BTreeMap::new(),
            figures: Figures::default(),
            cuts: 0,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            config,
            kinds,
            hub,
            events,
            gauge,
            patience,
            end,
            gives_up,
            topics,
            tick,
            discovery,
        }
    }

    async fn run(&mut self) -> Result<(), Unusable> {
        let mut was_connected = false;
        loop {
            if let Err(error) = self.spool.open() {
                self.complaints.say(&format!("{error}; events wait in memory only"));
            }
            let attempt = match self.options() {
                Ok(options) => match self.meanwhile(Link::open(options)).await {
                    None => return Ok(()),
                    Some(Err(error)) => Err(Cause::of_attempt(&error, &self.config)),
                    Some(Ok(link)) => Ok(link),
                },
                Err(error) => Err(Cause::lasting(error.to_string())),
            };
            let cause = match attempt {
                Ok(link) => {
                    was_connected = true;
                    self.complaints.connected();
                    match self.session(link).await {
                        None => return Ok(()),
                        Some(cause) => cause,
                    }
                }
                Err(cause) => cause,
            };
            if cause.is_lasting && self.gives_up && !was_connected {
                return Err(Unusable(format!("{}: {}", self.gauge.name, cause.text)));
            }
            self.complaints.disconnected(&cause.text);
            // Boxes that lose a broker at the same time do not all come back at the same time.
            let pause = self.pauses.pause().mul_f64(rand::random_range(0.5..1.0));
            if self.meanwhile(sleep(pause)).await.is_none() {
                return Ok(());
            }
        }
    }

    fn options(&self) -> Result<MqttOptions, BrokerError> {
        let will = LastWill::new(self.topics.of_device("status"), "offline", QoS::AtLeastOnce, true);
        broker::options(&self.config, &self.client, will)
    }

    /// Waits for `future`, and takes events meanwhile; `None` if it is time to end.
    async fn meanwhile<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        loop {
            if self.has_ended && self.spool.is_empty() || self.is_late(CONNECTED_LATER) {
                return None;
            }
            let takes = !self.has_ended && self.patience != Patience::Always;
            tokio::select! {
                outcome = &mut future => return Some(outcome),
                event = self.events.recv(), if takes => self.take(event.as_deref(), None),
                _ = self.tick.tick() => self.settle(false).await,
                Ok(()) = self.end.changed() => {}
            }
        }
    }

    /// Whether the time to end, less `before`, is over.
    fn is_late(&self, before: Duration) -> bool {
        self.end.borrow().is_some_and(|end| Instant::now() + before >= end)
    }

    /// Stores an event, or sends it at once if nobody needs all of its kind.
    fn take(&mut self, event: Option<&Event>, link: Option<&mut Link>) {
        let Some(event) = event else {
            self.has_ended = true;
            return;
        };
        let level = event.source.as_deref().map(|source| self.topics.level(source));
        if let (Kind::Face, Some(level)) = (event.kind, &level) {
            return self.take_face(event, level, link);
        }
        if !self.kinds.contains(&event.kind) {
            return;
        }
        let topic = match (event.kind, &level) {
            (Kind::Source, Some(level)) => self.topics.of(level, "state"),
            (Kind::Audience, Some(level)) => self.topics.of(level, "audience"),
            _ => self.topics.of_device("event/marker"),
        };
        let json = event.stamped(&self.hub.device, &self.hub.run, &self.kinds);
        let retain = event.kind == Kind::Source;
        if retain {
            self.states.insert(topic.clone(), json.clone());
        }
        self.spool.push(Record { retain, topic, json });
    }

    /// Faces are sent once, or not at all.
    fn take_face(&mut self, event: &Event, level: &str, link: Option<&mut Link>) {
        let is_wanted = self.kinds.contains(&Kind::Face);
        let Some(link) = link.filter(|link| link.has_room()) else {
            self.lost += u64::from(is_wanted);
            return;
        };
        if is_wanted {
            let json = event.stamped(&self.hub.device, &self.hub.run, &self.kinds);
            link.publish(&self.topics.of(level, "face"), json, session::ONCE_AT_MOST, link::Sent::Other);
            self.gauge.sent.fetch_add(1, Ordering::Relaxed);
        }
        if let (Some(_), Some(message)) = (&self.discovery, home_assistant::appearance(&event.json)) {
            link.publish(
                &self.topics.of(level, "appearance"),
                message,
                session::ONCE_AT_MOST,
                link::Sent::Other,
            );
        }
    }

    /// Once a second: writes what waits to disk.
    async fn settle(&mut self, all: bool) {
        let outcome = match self.spool.settle(all) {
            Ok(files) if files.is_empty() => Ok(()),
            Ok(files) => {
                let sync = move || files.iter().try_for_each(std::fs::File::sync_data);
                spawn_blocking(sync)
                    .await
                    .unwrap_or(Ok(()))
                    .map_err(|error| format!("the spool is not synced: {error}"))
            }
            Err(error) => Err(format!("{error}; events wait in memory only")),
        };
        if let Err(error) = outcome {
            self.complaints.say(&error);
        }
        if self.spool.dropped() > 0 {
            self.complaints
                .say("the spool was full, and the oldest events were dropped; a larger spool_mb holds more");
        }
        self.count();
    }

    fn count(&self) {
        self.gauge.queued.store(self.spool.len(), Ordering::Relaxed);
        self.gauge.dropped.store(self.spool.dropped() + self.lost, Ordering::Relaxed);
    }
}
