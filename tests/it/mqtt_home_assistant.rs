//! What Home Assistant gets.

use crate::common::{
    Scratch,
    broker::Broker,
    sender::{Sender, face, state, status},
};
use emotiond_send::{event::Kind, settings::OutputConfig};
use serde_json::json;

#[test]
fn home_assistant_discovers_the_device_and_its_sources() {
    let scratch = Scratch::new();
    let broker = Broker::mosquitto("");
    let mut reader = broker.reader(&[]);
    let output = OutputConfig { home_assistant: true, ..OutputConfig::new(broker.uri()) };
    let mut sender = Sender::start(&scratch.path("home"), "r", vec![output]);
    sender.tell_status(&status(&[("front door", true)]));
    sender.tell(Kind::Source, &state("front door", "up"));
    let config = "homeassistant/device/emotiond_box1/config";
    let found = reader.wait_for(|message| message.topic == config);
    sender.tell(Kind::Face, &face("front door", "new", ""));
    sender.tell(Kind::Face, &face("front door", "update", ""));
    sender.tell(Kind::Face, &face("front door", "end", ",\"duration_s\":2.5"));
    assert!(!found.payload.contains("object_id"));
    let found = found.json();
    assert_eq!(found["device"]["identifiers"], json!(["emotiond_box1"]));
    assert_eq!(found["origin"]["name"], "emotiond");
    let entities = found["components"].as_object().unwrap();
    let mut names: Vec<_> = entities.keys().map(|name| name.strip_prefix("front_door_").unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["appearance", "attention", "emotion", "enabled", "faces", "occupancy"]);
    for (name, entity) in entities {
        assert_eq!(entity["unique_id"], format!("emotiond_box1_{name}"));
        assert_eq!(entity["availability"][0]["topic"], "emotiond/box1/status");
        let has_state = entity["platform"] != "switch";
        assert_eq!(entity["availability"].as_array().unwrap().len(), 1 + usize::from(has_state));
    }
    let emotion = &entities["front_door_emotion"];
    assert_eq!((&emotion["device_class"], emotion["options"].as_array().unwrap().len()), (&json!("enum"), 7));
    assert_eq!(entities["front_door_enabled"]["command_topic"], "emotiond/box1/front_door/set");

    let now = reader.wait_for(|message| message.topic == "emotiond/box1/front_door/now").json();
    let wanted = json!({"state":"up","faces":2,"occupancy":"ON","dominant":"happy","facing":0.4});
    assert_eq!(now, wanted);
    let end = reader.wait_for(|message| message.payload.contains("\"event_type\":\"end\"")).json();
    assert_eq!(end, json!({"event_type":"end","emotion":"happy","duration_s":2.5}));
    let faces =
        reader.messages.iter().filter(|message| message.topic == "emotiond/box1/front_door/appearance");
    assert_eq!(faces.count(), 2);
    assert!(!reader.messages.iter().any(|message| message.topic.ends_with("/face")));

    // Home Assistant has started again.
    reader.messages.clear();
    broker.publish("homeassistant/status", "online", &[]);
    reader.wait_for(|message| message.topic == config);
    reader.wait_for(|message| message.topic == "emotiond/box1/front_door/now");
    // A new emotion.
    let mut other = status(&[("front door", true)]);
    other.sources[0].emotions = Some([("bored".to_owned(), 1.0)].into());
    sender.tell_status(&other);
    reader.wait_for(|message| message.topic == config && message.payload.contains("bored"));
    sender.end().exits(0).complains_not();
}
