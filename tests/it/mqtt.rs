//! `emotiond send` with real brokers: topics, payloads, retained messages, commands.

use crate::common::{
    Running, Scratch,
    broker::{Broker, Message, Reader},
    sender::{MARKER, Sender, audience, face, send, state, status},
    string, text,
};
use emotiond_send::{event::Kind, settings::OutputConfig};
use flate2::{Compression, write::GzEncoder};
use std::{collections::BTreeMap, fs::File, io::Write, process::Stdio};

/// Two sources whose names are almost equal, and a marker.
fn recording() -> String {
    let lines = [
        state("front door", "up"),
        state("front.door", "up"),
        face("front door", "new", ""),
        audience("front door", 10),
        audience("front.door", 10),
        MARKER.to_owned(),
        state("front.door", "down"),
    ];
    lines.map(|line| line + "\n").concat()
}

/// What a broker got when the recording was sent as a device's.
fn sent_recording(scratch: &Scratch, broker: &Broker) -> Reader {
    let mut reader = broker.reader(&[]);
    let events = scratch.file("events.jsonl", recording());
    let home = scratch.path("home");
    let sent = Running::start(send(&home, &["--to", &broker.uri(), "--device", "box1", &events])).finish();
    sent.exits(0).complains_not();
    reader.wait_for_text("emotiond/box1/status", "offline");
    reader
}

#[test]
fn a_recording_is_sent_to_topics_and_numbered_without_gaps() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("");
    let reader = sent_recording(&scratch, &broker);
    let (texts, events): (Vec<Message>, Vec<Message>) =
        reader.messages.clone().into_iter().partition(|message| !message.payload.starts_with('{'));
    let texts: Vec<_> = texts.iter().map(|text| (text.topic.as_str(), text.payload.as_str())).collect();
    assert_eq!(texts.first(), Some(&("emotiond/box1/status", "online")));
    assert!(texts.contains(&("emotiond/box1/front_door/enabled", "ON")), "{texts:?}");
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (event.topic.strip_prefix("emotiond/box1/").unwrap(), event.json()["seq"].as_u64().unwrap())
        })
        .collect();
    let wanted = [
        ("front_door/state", 0),
        ("front_door_2/state", 1),
        ("front_door/audience", 2),
        ("front_door_2/audience", 3),
        ("event/marker", 4),
        ("front_door_2/state", 5),
    ];
    assert_eq!(seen, wanted);
    let line = events[2].json();
    assert_eq!((string(&line["device"]), string(&line["run"]).len()), ("box1", 36));
    assert!(events[2].payload.starts_with(&audience("front door", 10)[..100]) && events[2].qos == 1);

    // What stays for later subscribers.
    let retained: BTreeMap<String, String> = broker
        .reader(&[])
        .tap(|later| _ = later.wait_for(|message| message.topic.ends_with("front_door_2/state")))
        .messages
        .into_iter()
        .filter(|message| message.retained)
        .map(|message| (message.topic, message.payload))
        .collect();
    assert!(retained["emotiond/box1/front_door_2/state"].contains("\"down\""));
}

/// Changes a value and returns it.
trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl<T> Tap for T {}

#[test]
fn faces_are_sent_if_they_are_asked_for_and_sent_lines_keep_their_numbers() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let numbered = format!(
        "{},\"device\":\"box9\",\"run\":\"r9\",\"seq\":41}}\n",
        &audience("a", 3).trim_end_matches('}')
    );
    let mut events = GzEncoder::new(File::create(scratch.path("events.gz")).unwrap(), Compression::fast());
    write!(events, "{}\nno event\n{}{numbered}", face("a", "new", ""), recording()).unwrap();
    events.finish().unwrap();
    let home = scratch.path("home");
    let events = text(&scratch.path("events.gz"));
    let arguments =
        ["--to", &broker.uri(), "--device", "b", "--prefix", "x/y", "--events", "face,audience", &events];
    let sent = Running::start(send(&home, &arguments)).finish().exits(0);
    sent.complains_once(&["line 2 skipped"]);
    reader.wait_for_text("x/y/b/status", "offline");
    let lines: Vec<_> = reader.messages.iter().filter(|message| message.payload.starts_with('{')).collect();
    let seen: Vec<_> =
        lines.iter().map(|line| (line.topic.as_str(), line.json()["seq"].as_u64().unwrap())).collect();
    let mut sorted = seen.clone();
    sorted.sort_by_key(|(_, seq)| *seq);
    let wanted = [
        ("x/y/b/a/face", 0),
        ("x/y/b/front_door/face", 1),
        ("x/y/b/front_door/audience", 2),
        ("x/y/b/front_door_2/audience", 3),
        ("x/y/b/a/audience", 41),
    ];
    assert_eq!(sorted, wanted);
    let kept = reader.wait_for(|message| message.topic == "x/y/b/a/audience").json();
    assert_eq!((string(&kept["device"]), string(&kept["run"])), ("box9", "r9"));
}

#[test]
fn a_pipe_is_sent_as_it_comes_until_a_signal() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let home = scratch.path("home");
    let mut command = send(&home, &["--to", &broker.uri(), "--device", "box1"]);
    command.stdin(Stdio::piped());
    let mut sender = Running::start(command);
    let mut stdin = sender.child.stdin.take().unwrap();
    writeln!(stdin, "{}", audience("a", 1)).unwrap();
    reader.wait_for(|message| message.topic == "emotiond/box1/a/audience");
    sender.signal(rustix::process::Signal::INT);
    // The writer has got the same signal and writes its last lines.
    writeln!(stdin, "{}", state("a", "ended")).unwrap();
    drop(stdin);
    sender.finish().exits(0).complains_not();
    reader.wait_for(|message| message.topic == "emotiond/box1/a/state" && message.json()["seq"] == 1);
    reader.wait_for_text("emotiond/box1/status", "offline");
}

#[test]
fn a_daemon_that_dies_is_offline_and_another_one_restores_what_the_broker_forgot() {
    let scratch = Scratch::new();
    let mut broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    sender.tell_status(&status(&[("a", true)]));
    sender.tell(Kind::Source, &state("a", "up"));
    reader.wait_for(|message| message.topic == "emotiond/box1/a/state");
    sender.running.signal(rustix::process::Signal::KILL);
    reader.wait_for_text("emotiond/box1/status", "offline");
    drop(sender);

    let mut sender = Sender::start(&scratch.path("home"), "s", vec![OutputConfig::new(broker.uri())]);
    sender.tell_status(&status(&[("a", false)]));
    sender.tell(Kind::Source, &state("a", "down"));
    reader.wait_for_text("emotiond/box1/a/enabled", "OFF");
    reader.wait_for(|message| message.topic == "emotiond/box1/a/state" && message.payload.contains("down"));
    drop(reader);
    broker.stop();
    // Another broker on the same port knows nothing.
    let port = broker.port;
    drop(broker);
    let broker = Broker::mosquitto_on(port, "");
    let mut reader = broker.reader(&[]);
    reader.wait_for_text("emotiond/box1/status", "online");
    reader.wait_for_text("emotiond/box1/a/enabled", "OFF");
    reader.wait_for(|message| message.topic == "emotiond/box1/a/state" && message.payload.contains("down"));
    sender.end().exits(0);
    reader.wait_for_text("emotiond/box1/status", "offline");
}

#[test]
fn commands_reach_the_daemon() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    sender.tell_status(&status(&[("front door", true)]));
    reader.wait_for_text("emotiond/box1/front_door/enabled", "ON");
    let set = "emotiond/box1/front_door/set";
    broker.publish(set, "OFF", &[]);
    broker.publish(set, "perhaps", &[]);
    broker.publish("emotiond/box1/nobody/set", "OFF", &[]);
    broker.publish(set, "ON", &[]);
    broker.publish(set, "OFF", &["-r"]);
    broker.publish("emotiond/box1/marker", "Act 2", &[]);
    broker.publish("emotiond/box1/marker", r#"{"kind":"start","label":"Act 1"}"#, &[]);
    broker.publish("emotiond/box1/marker", r#"{"kind":"never"}"#, &[]);
    // Another process with the same name ends.
    reader.messages.clear();
    broker.publish("emotiond/box1/status", "offline", &["-r"]);
    reader.wait_for_text("emotiond/box1/status", "online");
    let wanted = [
        r#"{"request":"pause","source":"front door"}"#,
        r#"{"request":"resume","source":"front door"}"#,
        // To those who are subscribed, a retained message is like others.
        r#"{"request":"pause","source":"front door"}"#,
        r#"{"request":"marker","kind":"cue","label":"Act 2"}"#,
        r#"{"request":"marker","kind":"start","label":"Act 1"}"#,
    ];
    for line in wanted {
        assert_eq!(sender.running.lines.recv_timeout(crate::common::HANG).unwrap(), line);
    }
    sender.tell_status(&status(&[("front door", false)]));
    reader.wait_for_text("emotiond/box1/front_door/enabled", "OFF");
    sender.tell(Kind::Marker, MARKER);
    reader.wait_for(|message| message.topic == "emotiond/box1/event/marker");
    let ran = sender.end().exits(0);
    for words in ["write ON or OFF", "no such source", "unknown variant"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert_eq!(ran.stdout, "");
}

#[test]
fn nats_takes_the_same_messages() {
    let scratch = Scratch::new();
    let broker = Broker::nats();
    let reader = sent_recording(&scratch, &broker);
    let topics: Vec<_> = reader.messages.iter().filter(|message| message.payload.starts_with('{')).collect();
    assert_eq!(topics.len(), 6, "{topics:?}");
    assert_eq!(reader.messages[0].payload, "online");
}

#[test]
fn what_cannot_be_sent_is_told_with_the_contracts_exit_code() {
    let scratch = Scratch::new();
    let events = scratch.file("events.jsonl", recording());
    let none = scratch.file("none.jsonl", "no event\n");
    let config = scratch.file("empty.toml", "");
    let broker = Broker::mosquitto("");
    let uri = broker.uri();
    for (arguments, code, words) in [
        (vec![events.as_str()], 2, "--to"),
        (vec!["--config", &config, &events], 2, "--to"),
        (vec!["--to", "http://u:s3cr3t@host/", &events], 2, "mqtt://"),
        (vec!["--to", "mqtt://u:s3cr3t@host/path", &events], 2, "password_file"),
        (vec!["--to", &uri, "--device", "a b", &events], 2, "letters"),
        (vec!["--to", &uri, "--events", "smell", &events], 2, "audience"),
        (vec!["--to", &uri, "/nowhere.jsonl"], 66, "nowhere"),
        (vec!["--to", &uri, "--device", "b", &none], 65, "line 1"),
        (vec!["--child"], 2, "daemon"),
    ] {
        let ran = Running::start(send(&scratch.path("home"), &arguments)).finish().exits(code);
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
        assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.stderr);
    }
}
