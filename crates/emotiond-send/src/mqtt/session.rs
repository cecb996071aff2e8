//! What happens on a connection: greeting, records, commands, and the end.

use super::{Cause, Output, Patience, WAITING_RECORDS, link};
use link::{Link, Sent, answer, arrival};
use rumqttc::{ConnectionError, PublishOptions, SubAck, SubscribeReasonCode};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::{Instant, timeout};

/// For messages that need not arrive.
pub(super) const ONCE_AT_MOST: PublishOptions = PublishOptions::at_most_once();
/// For messages that must arrive.
pub(super) const ONCE_AT_LEAST: PublishOptions = PublishOptions::at_least_once();
/// Records that are under way at most.
const WINDOW: usize = 64;
/// After the broker has closed this many connections in a row while the same record was under way, it is given up.
const CUTS: u32 = 3;
/// Our own messages must come back within this time.
const ECHO: Duration = Duration::from_secs(5);
/// The last message must arrive within this time.
const GOODBYE: Duration = Duration::from_secs(2);
/// After a connection of this length, the pauses begin anew.
const GOOD: Duration = Duration::from_secs(10);

/// The state of a connection.
pub(super) struct Session {
    pub link: Link,
    since: Instant,
    /// Messages of the greeting that have not arrived; records wait for them.
    greeting: usize,
    /// Whether a record has arrived.
    has_progress: bool,
    /// When our own message must have come back; none if it has, or if nobody waits for it.
    pub echo_until: Option<Instant>,
}

impl Output {
    /// Uses a connection until it is lost, and tells why; `None` if everything is delivered or it is time to end.
    pub(super) async fn session(&mut self, link: Link) -> Option<Cause> {
        let now = Instant::now();
        let mut session =
            Session { link, since: now, greeting: 0, has_progress: false, echo_until: Some(now + ECHO) };
        self.greet(&mut session.link);
        session.greeting = session.link.under_way.len();
        let cause = loop {
            self.fill(&mut session);
            let is_done = self.has_ended && self.spool.is_empty() && session.link.under_way.is_empty();
            if is_done || self.is_late(Duration::ZERO) {
                self.say_goodbye(&mut session.link).await;
                return None;
            }
            if let Some(error) = self.step(&mut session).await {
                break self.cause_of_loss(&error, &session);
            }
        };
        self.lose(&session);
        Some(cause)
    }

    /// Waits until something happens and handles it; returns an error if the connection is lost.
    async fn step(&mut self, session: &mut Session) -> Option<ConnectionError> {
        let link = &mut session.link;
        let takes = !self.has_ended
            && (self.patience == Patience::Never || self.spool.unsent() < WAITING_RECORDS && link.has_room());
        tokio::select! {
            sent = arrival(&mut link.under_way) => match sent {
                Some(sent) => self.arrived(sent, session),
                None => return Some((&mut link.driver).await.unwrap_or(ConnectionError::RequestsDone)),
            },
            error = &mut link.driver => return Some(error.unwrap_or(ConnectionError::RequestsDone)),
            Some(message) = link.incoming.recv() => self.obey(&message, session),
            answer = answer(&mut link.subscription) => self.subscribed(answer.as_ref()),
            event = self.events.recv(), if takes => self.take(event.as_deref(), Some(link)),
            Ok(()) = self.status.changed() => self.tell_figures(link),
            _ = self.tick.tick() => {
                self.tell_figures(link);
                self.check_echo(session);
                self.settle(false).await;
            }
            Ok(()) = self.end.changed() => {}
        }
        None
    }

    /// Says that the device is there, and restores what the broker may have forgotten.
    fn greet(&mut self, link: &mut Link) {
        link.publish(
            &self.topics.of_device("status"),
            "online".to_owned(),
            ONCE_AT_LEAST.retained(),
            Sent::Other,
        );
        link.subscribe(&self.subscriptions());
        for (topic, json) in &self.states {
            // A later state waits in the spool.
            if !self.spool.may_hold(topic) {
                link.publish(topic, json.clone(), ONCE_AT_LEAST.retained(), Sent::Other);
            }
        }
        self.figures.forget();
        let status = self.status.borrow_and_update().clone();
        self.learn(&status);
        self.tell_discovery(link);
        self.tell_figures(link);
    }

    /// Sends records while there is room.
    fn fill(&mut self, session: &mut Session) {
        let window = if self.cuts > 0 { 1 } else { WINDOW };
        while session.greeting == 0 && self.spool.under_way() < window && session.link.has_room() {
            match self.spool.take_next() {
                Ok(Some(record)) => {
                    let options = ONCE_AT_LEAST.retain(record.retain);
                    session.link.publish(&record.topic, record.json, options, Sent::Record);
                }
                Ok(None) => return,
                Err(error) => return self.complaints.say(&error.to_string()),
            }
        }
    }

    fn arrived(&mut self, sent: Sent, session: &mut Session) {
        session.greeting = session.greeting.saturating_sub(1);
        if sent == Sent::Record {
            self.spool.acknowledge();
            self.gauge.sent.fetch_add(1, Ordering::Relaxed);
            self.gauge.queued.store(self.spool.len(), Ordering::Relaxed);
            session.has_progress = true;
            self.cuts = 0;
        }
    }

    fn subscribed(&mut self, answer: Option<&SubAck>) {
        let Some(answer) = answer else { return };
        for (topic, code) in self.subscriptions().iter().zip(&answer.return_codes) {
            if *code == SubscribeReasonCode::Failure {
                self.complaints.say(&format!(
                    "the broker refuses the topic {topic} to this user: allow it to read the topic in the broker's access rules"
                ));
            }
        }
    }

    /// Brokers do not tell a client of MQTT 3.1.1 that they refuse a topic: they acknowledge the message and drop it.
    fn check_echo(&mut self, session: &mut Session) {
        if session.echo_until.is_some_and(|until| Instant::now() >= until) {
            session.echo_until = None;
            let topics = self.topics.of_device("#");
            self.complaints.say(&format!(
                "the broker takes messages but does not pass them on: its access rules seem to refuse the topics {topics} to this user; allow it to write and read them"
            ));
        }
    }

    fn cause_of_loss(&self, error: &ConnectionError, session: &Session) -> Cause {
        if session.greeting > 0 {
            let topic = self.topics.of_device("status");
            return Cause::passing(format!(
                "the broker closes the connection at the first messages, such as to {topic}: do its access rules allow them to this user? ({error})"
            ));
        }
        Cause::passing(format!("the connection is lost: {error}"))
    }

    /// Takes back what was under way, and gives up a record that the broker does not want.
    fn lose(&mut self, session: &Session) {
        if session.has_progress || session.since.elapsed() >= GOOD {
            self.pauses.restart();
        }
        let is_cut = !session.has_progress && self.spool.under_way() > 0 && session.since.elapsed() < GOOD;
        self.cuts = if is_cut { self.cuts + 1 } else { 0 };
        self.spool.rewind();
        if self.cuts < CUTS {
            return;
        }
        self.cuts = 0;
        if let Ok(Some(record)) = self.spool.take_next() {
            self.spool.acknowledge();
            self.lost += 1;
            let bytes = record.json.len();
            self.complaints.say(&format!(
                "the broker closes the connection at a message of {bytes} bytes to {}, which is left out: is it larger than the broker allows, or do its access rules refuse the topic?",
                record.topic
            ));
        }
    }

    /// Sends the last figures and says that the device is gone.
    async fn say_goodbye(&mut self, link: &mut Link) {
        self.figures.forget();
        self.tell_figures(link);
        let status = self.topics.of_device("status");
        link.publish(&status, "offline".to_owned(), ONCE_AT_LEAST.retained(), Sent::Other);
        let _ = timeout(GOODBYE, async {
            while !link.under_way.is_empty() {
                match arrival(&mut link.under_way).await {
                    None => return,
                    Some(Sent::Other) => {}
                    Some(Sent::Record) => {
                        self.spool.acknowledge();
                        self.gauge.sent.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            link.close().await;
        })
        .await;
    }
}
