//! Events that wait while the broker is away, through restarts of the broker and of the sender.

use crate::common::{
    Scratch,
    broker::{Broker, free_port, spooled},
    sender::{Sender, audience},
    wait_until,
};
use emotiond_send::{event::Kind, settings::OutputConfig};
use std::fs;

#[test]
fn nothing_is_lost_while_the_broker_restarts() {
    let scratch = Scratch::new();
    let mut broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![OutputConfig::new(broker.uri())]);
    for round in 0..3 {
        for second in 0..300 {
            sender.tell(Kind::Audience, &audience("a", second));
            match second {
                100 => broker.stop(),
                200 => broker.start(),
                _ => {}
            }
        }
        let last = format!("\"seq\":{}}}", round * 300 + 299);
        reader.wait_for(|message| message.payload.ends_with(&last));
    }
    assert_eq!(reader.seqs("r"), (0..900).collect::<Vec<_>>());
    sender.end().exits(0);
}

#[test]
fn events_outlive_the_sender() {
    let scratch = Scratch::new();
    let (home, spool) = (scratch.path("home"), scratch.path("spool"));
    let mut broker = Broker::mosquitto_later(free_port(), "");
    let output = OutputConfig { spool_dir: Some(spool.clone()), ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start(&home, "r", vec![output.clone()]);
    for second in 0..50 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    wait_until("all events on disk", || (spooled(&spool) == 50).then_some(()));
    sender.running.signal(rustix::process::Signal::KILL);
    drop(sender);

    // Another one adds to it, and ends in order.
    let mut sender = Sender::start(&home, "r", vec![output.clone()]);
    sender.go_on_after(50);
    for second in 50..60 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    let ran = sender.end().exits(0);
    assert!(ran.stderr.contains("60 events are not delivered; 60 stay in the spool"), "{}", ran.stderr);
    assert_eq!(spooled(&spool), 60);

    broker.start();
    let mut reader = broker.reader(&[]);
    let mut sender = Sender::start(&home, "r", vec![output.clone()]);
    sender.go_on_after(60);
    // It has the spool, once it tells what is in it. A second one does not touch it.
    reader.wait_for(|message| message.payload.contains("\"run\":\"r\""));
    let mut other =
        Sender::start(&home, "other", vec![OutputConfig { prefix: "x".to_owned(), ..output.clone() }]);
    let same = Sender::start(&home, "same", vec![output]);
    same.running.wait_for_log("another process uses the spool");
    drop(same);
    other.tell(Kind::Audience, &audience("a", 1));
    reader.wait_for(|message| message.payload.contains("\"run\":\"other\""));
    sender.tell(Kind::Audience, &audience("a", 60));
    reader.wait_for(|message| {
        message.payload.contains("\"seq\":60,") || message.payload.ends_with("\"seq\":60}")
    });
    assert_eq!(reader.seqs("r"), (0..61).collect::<Vec<_>>());
    drop(other);
    sender.end().exits(0);
    assert_eq!(spooled(&spool), 0);
}

#[test]
fn a_full_spool_keeps_the_newest() {
    let scratch = Scratch::new();
    let spool = scratch.path("spool");
    let mut broker = Broker::mosquitto_later(free_port(), "");
    let output =
        OutputConfig { spool_dir: Some(spool.clone()), spool_mb: 1, ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![output.clone()]);
    for second in 0..5000 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    let ran = sender.end().exits(0);
    assert!(ran.stderr.contains("the oldest events were dropped"), "{}", ran.stderr);
    let kept = spooled(&spool) as u64;
    assert!((1000..4000).contains(&kept), "{kept}");
    broker.start();
    let mut reader = broker.reader(&[]);
    let sender = Sender::start(&scratch.path("home"), "s", vec![output]);
    reader.wait_for(|message| message.payload.ends_with("\"seq\":4999}"));
    assert_eq!(reader.seqs("r"), (5000 - kept..5000).collect::<Vec<_>>());
    sender.end().exits(0);
}

#[test]
fn without_a_usable_spool_events_wait_in_memory() {
    let scratch = Scratch::new();
    let taken = scratch.file("taken", "");
    let mut broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    broker.stop();
    let output = OutputConfig { spool_dir: Some(taken.into()), ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![output]);
    for second in 0..100 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    sender.running.wait_for_log("events wait in memory only");
    sender.running.wait_for_log("cannot be reached");
    broker.start();
    reader.wait_for(|message| message.payload.ends_with("\"seq\":99}"));
    sender.end().exits(0);
    assert!(fs::read_dir(scratch.path("home")).is_err());
}

#[test]
fn what_a_full_disk_does_not_take_waits_in_memory() {
    let scratch = Scratch::new();
    let mut broker = Broker::mosquitto_later(free_port(), "");
    let output = OutputConfig { spool_dir: Some(scratch.path("spool")), ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start_on_a_full_disk(&scratch.path("home"), "r", vec![output]);
    sender.running.wait_for_log("cannot be reached");
    for second in 0..200 {
        sender.tell(Kind::Audience, &audience("a", second));
    }
    sender.running.wait_for_log("events wait in memory only");
    broker.start();
    let mut reader = broker.reader(&[]);
    reader.wait_for(|message| message.payload.ends_with("\"seq\":199}"));
    assert_eq!(reader.seqs("r"), (0..200).collect::<Vec<_>>());
    sender.end().exits(0);
}
