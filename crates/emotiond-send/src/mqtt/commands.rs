//! What others tell a device: pauses, markers, and that Home Assistant has started.

use super::{Output, session::Session};
use crate::{
    hub::NoDaemon,
    mqtt::{link::Sent, session::ONCE_AT_LEAST},
    wire::{Marker, MarkerKind, Request},
};
use rumqttc::Publish;

/// The longest label of a marker in characters.
const LONGEST_LABEL: usize = 200;

impl Output {
    /// The topics that are read.
    pub(super) fn subscriptions(&self) -> Vec<String> {
        let mut topics = ["status", "+/set", "marker"].map(|rest| self.topics.of_device(rest)).to_vec();
        topics.extend(self.discovery.is_some().then(|| self.home_assistant_status()));
        topics
    }

    fn home_assistant_status(&self) -> String {
        format!("{}/status", self.config.home_assistant_prefix)
    }

    /// Does what a message asks for.
    pub(super) fn obey(&mut self, message: &Publish, session: &mut Session) {
        let (topic, payload) =
            (String::from_utf8_lossy(&message.topic), String::from_utf8_lossy(&message.payload));
        let payload = payload.trim();
        if topic == self.topics.of_device("status") {
            session.echo_until = None;
            if payload != "online" {
                // The last will of an earlier connection, or the end of another process.
                let options = ONCE_AT_LEAST.retained();
                session.link.publish(&topic, "online".to_owned(), options, Sent::Other);
            }
            return;
        }
        if topic == self.home_assistant_status() {
            if payload == "online" {
                self.figures.forget();
                self.tell_discovery(&mut session.link);
                self.tell_figures(&mut session.link);
            }
            return;
        }
        if payload.is_empty() {
            return;
        }
        if message.retain {
            return self
                .complaints
                .say(&format!("a retained message to {topic} is ignored: send it without retain"));
        }
        let asked = self.request(&topic, payload).and_then(|request| {
            self.hub
                .ask(request)
                .map_err(|NoDaemon| "there is no daemon that could obey, or it is busy".to_owned())
        });
        if let Err(reason) = asked {
            self.complaints.say(&format!("a message to {topic} is ignored: {reason}"));
        }
    }

    fn request(&self, topic: &str, payload: &str) -> Result<Request, String> {
        if topic == self.topics.of_device("marker") {
            return marker(payload).map(Request::Marker);
        }
        let source = self.topics.source_of(topic, "set").ok_or("there is no such source")?.to_owned();
        match payload {
            "ON" => Ok(Request::Resume { source }),
            "OFF" => Ok(Request::Pause { source }),
            _ => Err("write ON or OFF".to_owned()),
        }
    }
}

/// A marker as text, which is the label of a cue, or as JSON.
fn marker(payload: &str) -> Result<Marker, String> {
    let marker = if payload.starts_with('{') {
        serde_json::from_str(payload).map_err(|error| error.to_string())?
    } else {
        Marker { kind: MarkerKind::Cue, label: payload.to_owned() }
    };
    if marker.label.chars().count() > LONGEST_LABEL {
        return Err(format!("the label is longer than {LONGEST_LABEL} characters"));
    }
    Ok(marker)
}
