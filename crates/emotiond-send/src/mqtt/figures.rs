//! Retained messages that are made from the status: whether a source is enabled, and Home Assistant's.

use super::Output;
use crate::{
    home_assistant,
    mqtt::{
        link::{Link, Sent},
        session::{ONCE_AT_LEAST, ONCE_AT_MOST},
    },
    wire::Status,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// The least time between two messages to a topic.
const AT_MOST_EVERY: Duration = Duration::from_millis(900);

/// The messages that were sent, and when.
#[derive(Default)]
pub(super) struct Figures(HashMap<String, (String, Instant)>);

impl Figures {
    /// Sends everything again, because a broker or a reader has started.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// Whether `payload` is to be sent now: it has changed, or is due to be repeated.
    fn is_due(&mut self, topic: &str, payload: &str, repeat: Option<Duration>) -> bool {
        let is_due = self.0.get(topic).is_none_or(|(sent, at)| {
            let age = at.elapsed();
            sent != payload && age >= AT_MOST_EVERY || repeat.is_some_and(|repeat| age >= repeat)
        });
        if is_due {
            self.0.insert(topic.to_owned(), (payload.to_owned(), Instant::now()));
        }
        is_due
    }
}

impl Output {
    /// Sends what has changed since it was last sent.
    pub(super) fn tell_figures(&mut self, link: &mut Link) {
        let status = self.status.borrow_and_update().clone();
        if self.learn(&status) {
            self.tell_discovery(link);
        }
        for source in &status.sources {
            let level = self.topics.level(&source.name);
            let topic = self.topics.of(&level, "enabled");
            let payload = if source.enabled { "ON" } else { "OFF" };
            if self.figures.is_due(&topic, payload, None) {
                link.publish(&topic, payload.to_owned(), ONCE_AT_LEAST.retained(), Sent::Other);
            }
            let topic = self.topics.of(&level, "now");
            let payload = home_assistant::figures(source);
            let repeat = Duration::from_secs(home_assistant::REPEAT_S);
            if self.discovery.is_some() && self.figures.is_due(&topic, &payload, Some(repeat)) {
                link.publish(&topic, payload, ONCE_AT_MOST.retained(), Sent::Other);
            }
        }
    }

    /// Gives all sources their topics. Returns whether Home Assistant is to be told of something new.
    pub(super) fn learn(&mut self, status: &Status) -> bool {
        let topics = &mut self.topics;
        let mut topic = |name: &str| {
            let level = topics.level(name);
            topics.of_device(&level)
        };
        match &mut self.discovery {
            Some(discovery) => discovery.learn(status, topic),
            None => {
                status.sources.iter().for_each(|source| _ = topic(&source.name));
                false
            }
        }
    }

    /// Sends the discovery message, if there is something to discover.
    pub(super) fn tell_discovery(&self, link: &mut Link) {
        let message = self
            .discovery
            .as_ref()
            .and_then(|discovery| discovery.message(&self.config.home_assistant_prefix));
        if let Some((topic, payload)) = message {
            link.publish(&topic, payload, ONCE_AT_LEAST.retained(), Sent::Other);
        }
    }
}
