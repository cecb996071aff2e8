//! Brokers that refuse logins, certificates, topics or sizes, and secrets, which nobody may see.

use crate::common::{
    Running, Scratch,
    broker::{Authority, Broker, tls_lines},
    sender::{Sender, audience, send},
    text,
};
use emotiond_send::{event::Kind, settings::OutputConfig};
use std::{fs, process::Command};

const PASSWORD: &str = "s3cr3t-p@ss";

/// Sends two lines by hand, and ends.
fn by_hand(scratch: &Scratch, uri: &str, more: &[&str]) -> crate::common::Ran {
    let events = scratch.file("events.jsonl", format!("{}\n{}\n", audience("a", 1), audience("a", 2)));
    let home = scratch.path("home");
    let mut arguments = vec!["--to", uri, "--device", "box1", &events];
    arguments.extend(more);
    Running::start(send(&home, &arguments)).finish()
}

fn passwords(scratch: &Scratch) -> String {
    let file = text(&scratch.path("passwords"));
    let made = Command::new("mosquitto_passwd").args(["-c", "-b", &file, "box", PASSWORD]).status().unwrap();
    assert!(made.success());
    file
}

#[test]
fn a_wrong_password_is_told_and_never_shown() {
    let scratch = Scratch::new();
    let broker =
        Broker::mosquitto(&format!("allow_anonymous false\npassword_file {}\n", passwords(&scratch)));
    let right = scratch.file("right", format!("{PASSWORD}\n"));
    let wrong = scratch.file("wrong", "s3cr3t-wrong\n");
    let address = format!("127.0.0.1:{}", broker.port);
    let user = format!("mqtt://box@{address}");
    by_hand(&scratch, &user, &["--password-file", &right]).exits(0).complains_not();
    by_hand(&scratch, &format!("mqtt://box:s3cr3t-p%40ss@{address}"), &[]).exits(0).complains_not();
    for (uri, more, words) in [
        (user.as_str(), vec!["--password-file", &wrong], "refuses the login"),
        (&format!("mqtt://box:s3cr3t@{address}"), vec![], "refuses the login"),
        (&broker.uri(), vec![], "refuses the login"),
        (&broker.uri(), vec!["--password-file", &right], "USER@HOST"),
        (&user, vec!["--password-file", "/nowhere"], "password_file"),
    ] {
        let ran = by_hand(&scratch, uri, &more).exits(69);
        ran.complains_once(&[words]);
        assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.stderr);
    }

    // The daemon's sender goes on until the password is right.
    let file = scratch.file("password", "s3cr3t-wrong\n");
    let output = OutputConfig { password_file: Some(file.clone().into()), ..OutputConfig::new(user) };
    let mut sender = Sender::start(&scratch.path("home2"), "r", vec![output]);
    sender.tell(Kind::Audience, &audience("a", 1));
    sender.running.wait_for_log("refuses the login");
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", sender.running.child.id())).unwrap();
    let environment = fs::read(format!("/proc/{}/environ", sender.running.child.id())).unwrap();
    assert!(!arguments.contains("s3cr3t") && !String::from_utf8_lossy(&environment).contains("s3cr3t"));
    let mut reader = broker.reader(&["-u", "box", "-P", PASSWORD]);
    fs::write(&file, PASSWORD).unwrap();
    reader.wait_for(|message| message.topic == "emotiond/box1/a/audience" && message.json()["run"] == "r");
    let ran = sender.end().exits(0);
    ran.complains_once(&["refuses the login"]);
    assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.stderr);
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let scratch = Scratch::new();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ca = authority.write(&scratch, "ca.pem");
    let other = stranger.write(&scratch, "other.pem");
    let good = authority.sign(&scratch, "good", "localhost", 2100);
    let expired = authority.sign(&scratch, "expired", "localhost", 2020);
    let client = authority.sign(&scratch, "client", "box1", 2100);
    let uri = |broker: &Broker| format!("mqtts://localhost:{}", broker.port);

    let broker = Broker::mosquitto(&tls_lines(&good, None));
    by_hand(&scratch, &uri(&broker), &["--ca", &ca]).exits(0).complains_not();
    for (address, more, words) in [
        (uri(&broker), vec!["--ca", other.as_str()], "not signed by ca ="),
        (uri(&broker), vec![], "set ca"),
        (format!("mqtts://127.0.0.1:{}", broker.port), vec!["--ca", &ca], "another host"),
        (format!("mqtt://localhost:{}", broker.port), vec!["--ca", &ca], "mqtts://"),
        (uri(&broker), vec!["--ca", "/nowhere"], "ca = \"/nowhere\""),
        (uri(&broker), vec!["--ca", &good.1], "no certificate"),
        (uri(&broker), vec!["--ca", &ca, "--cert", &client.0, "--key", &good.1], "cert and key"),
    ] {
        by_hand(&scratch, &address, &more).exits(69).complains_once(&[words]);
    }
    let nats = Broker::nats_with(&format!("tls {{ cert_file: {:?}, key_file: {:?} }}", good.0, good.1));
    by_hand(&scratch, &uri(&nats), &["--ca", &ca]).exits(0).complains_not();
    by_hand(&scratch, &uri(&nats), &["--ca", &other]).exits(69).complains_once(&["not signed by ca ="]);
    let plain = Broker::mosquitto("");
    by_hand(&scratch, &uri(&plain), &["--ca", &ca]).exits(69).complains_once(&["TLS"]);
    let broker = Broker::mosquitto(&tls_lines(&expired, None));
    by_hand(&scratch, &uri(&broker), &["--ca", &ca]).exits(69).complains_once(&["expired"]);

    let broker = Broker::mosquitto(&tls_lines(&good, Some(&ca)));
    let pair = ["--ca", &ca, "--cert", &client.0, "--key", &client.1];
    by_hand(&scratch, &uri(&broker), &pair).exits(0).complains_not();
    by_hand(&scratch, &uri(&broker), &["--ca", &ca]).exits(69).complains_once(&["set cert and key"]);
}

#[test]
fn refused_topics_are_told() {
    let scratch = Scratch::new();
    let rules = scratch.file("rules", "topic readwrite allowed/#\n");
    let broker = Broker::mosquitto(&format!("acl_file {rules}"));
    let mut refused = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    refused.tell(Kind::Audience, &audience("a", 1));
    let allowed = OutputConfig { prefix: "allowed".to_owned(), ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start(&scratch.path("home2"), "r", vec![allowed]);
    sender.tell(Kind::Audience, &audience("a", 1));
    // mosquitto 2.0.11 drops the message, or, with persistence, closes the connection.
    refused.running.wait_for_log("access rules");
    refused.end().exits(0);
    sender.end().exits(0).complains_not();
}

#[test]
fn a_message_that_is_too_large_is_left_out_and_the_others_arrive() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("max_packet_size 2000\n");
    let mut reader = broker.reader(&[]);
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    let large =
        audience("a", 3).replace("\"window_s\"", &format!("\"x\":{:?},\"window_s\"", "y".repeat(3000)));
    for second in 0..6 {
        let line = if second == 3 { large.clone() } else { audience("a", second) };
        sender.tell(Kind::Audience, &line);
    }
    reader.wait_for(|message| message.payload.contains("\"seq\":5"));
    assert_eq!(reader.seqs("r"), [0, 1, 2, 4, 5]);
    sender.running.wait_for_log("larger than the broker allows");
    sender.end().exits(0);
}

#[test]
fn a_broker_that_comes_late_gets_everything() {
    let scratch = Scratch::new();
    let mut broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    broker.stop();
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    for second in 0..5 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    sender.running.wait_for_log("cannot be reached");
    broker.start();
    sender.running.wait_for_log("connected");
    sender.tell(Kind::Audience, &audience("a", 5));
    reader.wait_for(|message| message.payload.contains("\"seq\":5"));
    let ran = sender.end().exits(0);
    ran.complains_once(&["cannot be reached"]);
}
