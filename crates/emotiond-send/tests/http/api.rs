//! What each path answers.

use crate::common::{Server, ask, face, free_address, source, state, status, wait_for};
use emotiond_send::wire::{Marker, MarkerKind, Request};
use std::{io::Write as _, net::TcpListener, sync::atomic::Ordering};

#[test]
fn health_follows_the_sources_and_the_daemon() {
    let server = Server::start();
    let starting = server.get("/health");
    assert_eq!(starting.status, 503);
    assert!(starting.body.contains("starting"), "{}", starting.body);

    server.set_status(status(vec![source("lobby", "up", "")]));
    let health = wait_for("health", || Some(server.get("/health")).filter(|answer| answer.status == 200));
    assert_eq!(health.json()["healthy"], true);

    for bad in ["down", "stalled"] {
        server.set_status(status(vec![source("lobby", bad, "it was unplugged")]));
        let health = server.get("/health");
        assert_eq!(health.status, 503);
        assert_eq!(health.json()["problems"][0], format!("source lobby is {bad}: it was unplugged"));
    }
    let mut paused = source("lobby", "down", "paused");
    paused.enabled = false;
    server.set_status(status(vec![paused]));
    assert_eq!(server.get("/health").status, 200);

    // An output that is away is told; the events are made all the same.
    let output = server.gauges.output("mqtt://broker");
    *output.error.lock().unwrap() = Some("connection refused".to_owned());
    let health = server.get("/health");
    assert_eq!(health.status, 200);
    assert_eq!(health.json()["warnings"][0], "output mqtt://broker: connection refused");

    // A daemon that tells nothing more hangs.
    let silent = wait_for("silence", || Some(server.get("/health")).filter(|answer| answer.status == 503));
    assert!(silent.body.contains("no status from the daemon for 5 s"), "{}", silent.body);
}

#[test]
fn status_and_sources_tell_the_daemons_figures() {
    let server = Server::start();
    server.set_status(status(vec![source("lobby", "up", "")]));
    let output = server.gauges.output("mqtt://broker");
    output.queued.store(7, Ordering::Relaxed);
    let told = server.get("/api/v1/status").json();
    assert_eq!(
        (&told["device"], &told["version"], &told["uptime_s"]),
        (&"box1".into(), &"0.1.0".into(), &321.5.into())
    );
    assert_eq!(told["outputs"][0]["queued"], 7);
    let sources = server.get("/api/v1/sources").json();
    assert_eq!(sources, told["sources"]);
    assert_eq!((&sources[0]["name"], &sources[0]["faces"]), (&"lobby".into(), &3.into()));
}

#[test]
fn events_are_sent_with_their_numbers_as_asked() {
    let mut server = Server::start();
    let mut all = server.listen("");
    let mut faces = server.listen("?types=face,marker&source=hall");
    server.tell(&state("lobby", "up", ""));
    server.tell(&face("lobby", 1, "new", "happy"));
    server.tell(&face("hall", 2, "new", "sad"));
    server.tell(r#"{"v":1,"type":"marker","time":"2026-11-26T08:00:00.000Z","kind":"cue","label":"Act 2"}"#);
    let kinds = [(); 4].map(|()| all.next());
    assert_eq!(kinds.each_ref().map(|sent| &*sent.name), ["source", "face", "face", "marker"]);
    for (seq, sent) in kinds.iter().enumerate() {
        let line: serde_json::Value = serde_json::from_str(&sent.data).unwrap();
        assert_eq!(
            (&line["device"], &line["run"], &line["seq"]),
            (&"box1".into(), &"run1".into(), &seq.into())
        );
        assert_eq!(sent.id, format!("run1-{seq}"));
    }
    let first = faces.next();
    assert!(first.data.contains(r#""source":"hall""#) && first.data.contains(r#""seq":1"#), "{}", first.data);
    assert_eq!(faces.next().name, "marker");
    let refused = server.get("/api/v1/events?types=face,smell");
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("smell"), "{}", refused.body);
}

#[test]
fn the_status_is_an_event_if_asked_for_and_silence_has_a_heartbeat() {
    let server = Server::start();
    server.set_status(status(vec![source("lobby", "up", "")]));
    let mut events = server.listen("?types=status");
    let sent = events.next();
    assert_eq!(sent.name, "status");
    assert!(sent.data.contains(r#""name":"lobby""#), "{}", sent.data);
    while !events.line().starts_with(':') {}
}

#[test]
fn a_reader_that_falls_behind_is_told_how_much_it_has_lost() {
    let mut server = Server::start();
    let mut events = server.listen("");
    let lines = 20_000;
    for track in 0..lines {
        server.tell(&face("lobby", track, "new", "happy"));
    }
    let (mut got, mut lost) = (0, 0);
    while got + lost < lines {
        let sent = events.next();
        match &*sent.name {
            "lost" => {
                lost += serde_json::from_str::<serde_json::Value>(&sent.data).unwrap()["lost"]
                    .as_u64()
                    .unwrap() as u32;
            }
            _ => got += 1,
        }
    }
    assert_eq!(got + lost, lines);
    assert!(lost > 0, "the reader was never behind");
}

#[test]
fn requests_reach_the_daemon() {
    let mut server = Server::start();
    server.set_status(status(vec![source("back row", "up", ""), source("rtsp://cam/1", "up", "")]));
    assert_eq!(server.post("/api/v1/sources/back%20row/pause", "", "").status, 202);
    assert_eq!(server.post("/api/v1/sources/back_row/resume", "", "").status, 202);
    assert_eq!(server.post("/api/v1/sources/rtsp%3A%2F%2Fcam%2F1/pause", "", "").status, 202);
    let json = "Content-Type: application/json\r\n";
    assert_eq!(server.post("/api/v1/markers", json, r#"{"kind":"start","label":"Act 1"}"#).status, 202);
    let asked = [(); 4].map(|()| server.requests.blocking_recv().unwrap());
    let pause = |source: &str| Request::Pause { source: source.to_owned() };
    assert_eq!(
        asked,
        [
            pause("back row"),
            Request::Resume { source: "back row".to_owned() },
            pause("rtsp://cam/1"),
            Request::Marker(Marker { kind: MarkerKind::Start, label: "Act 1".to_owned() }),
        ]
    );

    assert_eq!(server.post("/api/v1/sources/attic/pause", "", "").status, 404);
    assert_eq!(server.get("/api/v1/sources/back%20row/pause").status, 405);
    for (body, status) in [("{", 400), (r#"{"kind":"party"}"#, 422), (r#"{"label":"a\nb"}"#, 422)] {
        assert_eq!(server.post("/api/v1/markers", json, body).status, status, "{body}");
    }
    let long = format!(r#"{{"label":"{}"}}"#, "x".repeat(201));
    assert_eq!(server.post("/api/v1/markers", json, &long).status, 422);
    assert_eq!(server.post("/api/v1/markers", "", "{}").status, 415);
    // Nobody takes requests any more.
    server.requests.close();
    assert_eq!(server.post("/api/v1/markers", json, "{}").status, 503);
}

#[test]
fn what_has_just_been_is_told_to_who_comes_later() {
    let mut server = Server::start();
    server.set_status(status(vec![source("lobby", "up", "")]));
    server.tell(&face("lobby", 1, "new", "happy"));
    server.tell(&face("lobby", 2, "new", "sad"));
    server.tell(&face("hall", 3, "new", "sad"));
    server.tell(&face("lobby", 2, "end", "sad"));
    server.tell(&state("hall", "down", "unplugged"));
    server.tell(r#"{"v":1,"type":"marker","time":"2026-11-26T08:00:00.000Z","kind":"cue","label":"Act 2"}"#);
    let recent = wait_for("the marker", || {
        let recent = server.get("/api/v1/recent").json();
        (recent["markers"][0]["label"] == "Act 2").then_some(recent)
    });
    let tracks: Vec<_> =
        recent["faces"].as_array().unwrap().iter().map(|face| &face["event"]["track"]).collect();
    assert_eq!(tracks, [1]);
    assert_eq!(recent["samples"][0]["sources"][0]["faces"], 3);
}

#[test]
fn a_token_opens_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    writeln!(std::fs::File::create(&file).unwrap(), "correct-horse-battery").unwrap();
    let server = Server::start_with(free_address(), Some(file));
    server.set_status(status(vec![]));
    let get = |headers: &str| {
        let head =
            format!("GET /api/v1/status HTTP/1.1\r\nHost: box.example\r\nConnection: close\r\n{headers}\r\n");
        ask(server.address, &head)
    };
    let refused = get("");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
    assert_eq!(get("Authorization: Bearer wrong-horse-battery\r\n").status, 401);
    assert_eq!(get("Authorization: Bearer correct-horse-battery\r\n").status, 200);

    // Programs that watch services learn whether it is healthy, and not why.
    let health = wait_for("health", || Some(server.get("/health")).filter(|answer| answer.status == 200));
    assert_eq!(health.json(), serde_json::json!({ "healthy": true }));

    // A browser is sent to the form, whose answer is a cookie that no script and no other site can use.
    let sent_on = get("Accept: text/html,*/*\r\n");
    assert_eq!((sent_on.status, sent_on.header("location")), (303, Some("/login")));
    let wrong = server.post("/login", "Content-Type: application/x-www-form-urlencoded\r\n", "token=wrong");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    let right = server.post(
        "/login",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "token=correct-horse-battery",
    );
    let cookie = right.header("set-cookie").unwrap();
    assert!(
        right.status == 303 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    assert!(!cookie.contains("horse"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(get(&format!("Cookie: a=b; {pair}\r\n")).status, 200);
    assert_eq!(get(&format!("Cookie: {}x\r\n", &pair[..pair.len() - 1])).status, 401);
}

#[test]
fn a_taken_port_is_tried_again() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = Server::start_unseen(address, None);
    drop(taken);
    wait_for("the server", || std::net::TcpStream::connect(address).ok());
    assert_eq!(server.get("/api/v1/status").status, 200);
}

#[test]
fn other_machines_need_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |listen: &str, token_file| {
        let config = emotiond_send::settings::HttpConfig { listen: listen.parse().unwrap(), token_file };
        let (hub, _feed) = emotiond_send::hub::Hub::new("box1", "run1", None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let served = runtime.block_on(emotiond_send::http::serve(&config, hub, Default::default()));
        served.unwrap_err().to_string()
    };
    for open in ["0.0.0.0:0", "[::]:0"] {
        let why = refused(open, None);
        assert!(why.contains("token_file") && !why.contains('\n'), "{why}");
    }
    let missing = refused("127.0.0.1:0", Some(folder.path().join("none")));
    assert!(missing.contains("none") && missing.contains("No such file"), "{missing}");
    let short = folder.path().join("short");
    std::fs::write(&short, "secret\n").unwrap();
    let why = refused("127.0.0.1:0", Some(short));
    assert!(why.contains("openssl rand") && !why.contains("secret"), "{why}");
}
