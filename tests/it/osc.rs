//! OSC, with python-osc and Pure Data on the other side.

use crate::common::{
    Running, Scratch, emotiond,
    http_camera::HttpCamera,
    number,
    receiver::{next, read_until, receiver},
    sender::{MARKER, face, send},
    string, wait_until,
};
use crate::network::{portrait_camera, stop};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::UdpSocket,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

/// python-osc, and the port on which it receives.
fn python(more: &[&str]) -> (Running, u64) {
    let mut command = receiver("osc.py");
    command.args(more);
    let running = Running::start(command);
    let port = number(&next(&running)[0]);
    (running, port)
}

/// A UDP port that was free a moment ago.
fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The daemon, which tells each face in each picture of a source to `port` and receives markers on `listen`.
fn start(scratch: &Scratch, camera: &HttpCamera, source: &str, port: u64, listen: Option<u16>) -> Running {
    let listen = listen.map_or_else(String::new, |listen| format!("listen = {listen}\n"));
    let config = format!(
        "[audience]\nevery_s = 0.5\n[[output]]\nuri = \"osc://127.0.0.1:{port}\"\n{listen}\
         [[source]]\nname = {source:?}\nuri = {:?}\n",
        camera.url("/")
    );
    Running::start(emotiond(&["run", "--config", &scratch.tiny(&config), "--emit", "every-frame"]))
}

fn is_told(address: &str, value: f64) -> impl Fn(&Value) -> bool {
    move |message| message[1] == address && (message[2].as_f64().unwrap_or(f64::NAN) - value).abs() < 0.02
}

#[test]
fn a_face_before_the_camera_is_told_in_parts_of_the_picture_and_a_marker_comes_back() {
    let (scratch, camera, listen) = (Scratch::new(), portrait_camera(), free_port());
    let (mut python, port) = python(&[&listen.to_string()]);
    let mut to_python = python.child.stdin.take().unwrap();
    let mut running = start(&scratch, &camera, "the stage", port, Some(listen));
    let told = running.wait_for(|event| event["type"] == "face");
    let side = |key: &str, of: f64| number(&told["box"][key]) as f64 / of;
    let face = "/emotiond/the_stage/face/1";
    read_until(&python, is_told(&format!("{face}/present"), 1.0));
    for (name, value) in
        [("x", side("x", 512.0)), ("y", side("y", 512.0)), ("w", side("w", 512.0)), ("h", side("h", 512.0))]
    {
        read_until(&python, is_told(&format!("{face}/{name}"), value));
    }
    let emotion = string(&told["emotion"]);
    read_until(
        &python,
        is_told(&format!("{face}/{emotion}"), told["probabilities"][emotion].as_f64().unwrap()),
    );
    read_until(&python, is_told("/emotiond/the_stage/faces", 1.0));
    read_until(&python, is_told(&format!("/emotiond/the_stage/audience/{emotion}"), 1.0));

    running.wait_for_log("OSC markers are received on 127.0.0.1");
    writeln!(to_python, r#"["/emotiond/marker", ["Act 2", "start"]]"#).unwrap();
    let marker = running.wait_for(|event| event["type"] == "marker");
    assert_eq!((&marker["label"], &marker["kind"]), (&"Act 2".into(), &"start".into()));
    read_until(&python, |message| {
        message[1] == "/emotiond/marker" && message[2] == "Act 2" && message[3] == "start"
    });

    stop(running);
    read_until(&python, is_told(&format!("{face}/present"), 0.0));
}

#[test]
fn an_address_has_at_most_30_messages_a_second_and_the_last_value_arrives() {
    let scratch = Scratch::new();
    let (python, port) = python(&[]);
    let mut command = send(&scratch.path("home"), &["--to", &format!("osc://127.0.0.1:{port}")]);
    command.stdin(Stdio::piped());
    let mut sending = Running::start(command);
    let mut stdin = sending.child.stdin.take().unwrap();
    let line = |number: u32, phase: &str| {
        let happy = f64::from(number) / 1000.0;
        face("stage", phase, "").replace(r#""happy":0.8"#, &format!(r#""happy":{happy}"#))
    };
    writeln!(stdin, "{}", line(0, "new")).unwrap();
    for number in 1..=1000 {
        writeln!(stdin, "{}", line(number, "update")).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    drop(stdin);
    sending.finish().exits(0);
    let told = read_until(&python, is_told("/emotiond/stage/face/1/happy", 1.0));
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for message in &told {
        times.entry(string(&message[1])).or_default().push(message[0].as_f64().unwrap());
    }
    let happy = &times["/emotiond/stage/face/1/happy"];
    let seconds = happy.last().unwrap() - happy[0];
    // One more at the start and at the end, and one for a late answer of the machine.
    assert!(happy.len() as f64 <= seconds * 30.0 + 3.0, "{} in {seconds} s", happy.len());
    assert!(happy.len() > 10, "{times:?}");
}

#[test]
fn where_nothing_receives_a_warning_says_so_and_a_receiver_that_comes_later_gets_everything() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let mut running = start(&scratch, &camera, "a", u64::from(port), None);
    running.wait_for(|event| event["type"] == "face");
    running.wait_for_log("nothing receives OSC at this address; start the receiver");
    let late = UdpSocket::bind(("127.0.0.1", port)).unwrap();
    late.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut packet = [0; 2000];
    // What has not changed for long is told again.
    wait_until("a whole face", || {
        let bytes = late.recv(&mut packet).ok()?;
        let text = String::from_utf8_lossy(&packet[..bytes]);
        (text.contains("/face/1/present") && text.contains("/face/1/x")).then_some(())
    });
    stop(running);
}

#[test]
fn packets_that_are_no_markers_are_told_and_change_nothing() {
    let (scratch, camera, listen) = (Scratch::new(), portrait_camera(), free_port());
    let mut running = start(&scratch, &camera, "a", 9, Some(listen));
    running.wait_for(|event| event["type"] == "face");
    running.wait_for_log("OSC markers are received");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let send = |packet: &[u8]| _ = socket.send_to(packet, ("127.0.0.1", listen)).unwrap();
    let nested =
        [&b"#bundle\0\0\0\0\0\0\0\0\x01"[..], &[0, 0, 0, 16], &b"#bundle\0\0\0\0\0\0\0\0\x01"[..]].concat();
    for packet in [&b""[..], b"hello", b"#bundle\0", &[0xff; 9000], b"/other\0\0,\0\0\0", &nested] {
        send(packet);
    }
    running.wait_for_log("a packet is no OSC packet");
    running.wait_for_log("only /emotiond/marker is received");
    send(b"/emotiond/marker\0\0\0\0,s\0\0still\0\0\0");
    let marker = running.wait_for(|event| event["type"] == "marker");
    assert_eq!(marker["label"], "still");
    stop(running);
}

#[test]
fn a_recording_is_sent_with_its_markers() {
    let scratch = Scratch::new();
    let recording = scratch
        .file("events.jsonl", [&face("stage", "new", ""), MARKER, &face("stage", "end", "")].join("\n"));
    let (python, port) = python(&[]);
    let to = format!("osc://127.0.0.1:{port}");
    Running::start(send(&scratch.path("home"), &["--to", &to, &recording])).finish().exits(0);
    let told = read_until(&python, is_told("/emotiond/stage/faces", 0.0));
    assert!(told.iter().any(|message| message[1] == "/emotiond/marker" && message[2] == "Act 2"), "{told:?}");
}

#[test]
fn pure_data_understands_the_values_and_sends_a_marker() {
    let (scratch, camera, listen, port) = (Scratch::new(), portrait_camera(), free_port(), free_port());
    let patch = fs::read_to_string(test_support::root().join("examples/emotiond.pd")).unwrap();
    let patch = patch.replace("9001", &listen.to_string()).replace("9000", &port.to_string());
    let patch = scratch.file("emotiond.pd", patch);
    let mut running = start(&scratch, &camera, "stage", u64::from(port), Some(listen));
    running.wait_for(|event| event["type"] == "face");
    running.wait_for_log("OSC markers are received");
    let mut command = Command::new("pd");
    command.args(["-nogui", "-noaudio", "-send", "emotiond-marker bang", "-open", &patch]);
    let pd = Running::start(command);
    // It prints to stderr.
    pd.wait_for_log("happy: ");
    pd.wait_for_log("faces: 1");
    let marker = running.wait_for(|event| event["type"] == "marker");
    assert_eq!((&marker["label"], &marker["kind"]), (&"Act 2".into(), &"cue".into()));
    drop(pd);
    stop(running);
}
