//! The daemon's side of the outputs, with a stand-in for the sender: what it is told, what it may ask for, and that
//! nothing that it does disturbs the analysis.

use crate::common::{
    Running, Scratch, data, emotiond, finish,
    http_camera::{Client, HttpCamera, Request, stream},
    run,
    stand_in::Sender,
    string, text, tiny_config, wait_until,
};
use crate::network::{is_state, portrait, stop};
use rustix::process::Signal;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// An output that nobody connects to, because the stand-in does not.
const OUTPUT: &str = "[[output]]\nuri = \"mqtt://me:secret@broker.invalid\"\n";

/// A live camera that counts its connections.
struct Camera {
    http: HttpCamera,
    open: Arc<AtomicUsize>,
}

impl Camera {
    fn start() -> Self {
        let open = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&open);
        let http = HttpCamera::start(move |_: &Request, client: Client| {
            count.fetch_add(1, Ordering::SeqCst);
            let outcome = stream(client, &portrait(), 20.0, usize::MAX);
            count.fetch_sub(1, Ordering::SeqCst);
            outcome
        });
        Self { http, open }
    }

    fn source(&self, more: &str) -> String {
        format!("[[source]]\nname = \"lobby\"\nuri = {:?}\n{more}", self.http.url("/"))
    }

    fn wait_for_connections(&self, count: usize) {
        wait_until("connections of the camera", || (self.open.load(Ordering::SeqCst) == count).then_some(()));
    }
}

fn start(sender: &Sender, config: &str) -> Running {
    let mut command = emotiond(&["run", "--config", config]);
    sender.use_for(&mut command);
    Running::start(command)
}

#[test]
fn the_sender_is_told_each_line_and_a_status() {
    let (scratch, sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    let config =
        OUTPUT.to_owned() + "[device]\nid = \"box1\"\n" + "[audience]\nevery_s = 1\n" + &camera.source("");
    let mut running = start(&sender, &scratch.tiny(&config));
    running.wait_for(|event| event["type"] == "audience");
    let status = sender.wait_for_status("figures", |source| !source["emotions"].is_null());
    assert_eq!(
        (&status["name"], &status["state"], &status["reason"]),
        (&"lobby".into(), &"up".into(), &"".into())
    );
    assert_eq!((&status["size"], &status["faces"]), (&serde_json::json!([512, 512]), &1.into()));
    assert_eq!(status["enabled"], true);
    let told: u64 =
        status["latency"]["buckets"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert!(told > 0 && status["latency"]["sum_s"].as_f64().unwrap() > 0.0, "{status}");
    assert!(status["emotions"][string(&status["dominant"])].as_f64().unwrap() > 0.5);

    let ran = stop(running);
    let told = sender.told(0);
    assert_eq!(told.opening["settings"]["device"]["id"], "box1");
    assert_eq!(string(&told.opening["run"]).len(), 36);
    // All lines but those of faces, which nobody wants, as on stdout, and numbered without a gap.
    let lines = ran.events().into_iter().filter(|event| event["type"] != "face");
    assert_eq!(
        told.events.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>(),
        lines.collect::<Vec<_>>()
    );
    for (number, (counts, _)) in told.events.iter().enumerate() {
        assert_eq!(counts.iter().sum::<u64>(), number as u64 + 1);
    }
    let last = told.statuses.last().unwrap();
    assert_eq!(
        (&last["sources"][0]["state"], &last["dropped"]),
        (&"ended".into(), &serde_json::json!([0, 0, 0, 0]))
    );
    assert!(last["cpu_s"].as_f64().unwrap() > 0.0 && last["rss_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn faces_are_told_only_to_those_who_want_them() {
    let (scratch, sender) = (Scratch::new(), Sender::new());
    let output = OUTPUT.to_owned() + "events = [\"face\"]\n";
    let source = format!("[[source]]\nuri = {:?}\n", data("astronaut.jpg"));
    let ran = start(&sender, &scratch.tiny(&(output + &source))).finish().exits(0);
    ran.complains_not();
    assert_eq!(sender.told(0).of("face").count(), 1);
}

#[test]
fn a_sender_that_dies_is_started_again_and_goes_on_counting() {
    let scratch = Scratch::new();
    let sender =
        Sender::with("if [ $number = 0 ]; then head -n 3 > \"$file\"; (exit 3); else cat > \"$file\"; fi");
    let camera = Camera::start();
    let config = OUTPUT.to_owned() + "[audience]\nevery_s = 0.2\n" + &camera.source("");
    let running = start(&sender, &scratch.tiny(&config));
    running.wait_for_log("the sender of the outputs has ended (exit status: 3); it is started again in 1 s");
    let second = sender.wait_for(1, "lines", |told| told.events.len() > 3);
    let ran = stop(running);
    let first = sender.told(0);
    assert_eq!(first.opening["run"], second.opening["run"]);
    let last = first.events.last().map_or(0, |(counts, _)| counts.iter().sum::<u64>());
    assert!(second.events[0].0.iter().sum::<u64>() > last, "the numbers go on");
    ran.complains_once(&["exit status: 3"]);
}

#[test]
fn a_sender_that_hangs_delays_nothing_but_the_end() {
    let scratch = Scratch::new();
    let sender = Sender::with("exec sleep 1000");
    let source = format!("[[source]]\nuri = {:?}\n", data("astronaut.jpg"));
    let ran = start(&sender, &scratch.tiny(&(OUTPUT.to_owned() + &source))).finish().exits(0);
    assert_eq!(ran.faces().len(), 1);
    ran.complains_once(&["did not end in time and was killed"]);
}

#[test]
fn a_second_signal_does_not_wait_for_a_sender_that_hangs() {
    let (scratch, camera) = (Scratch::new(), Camera::start());
    let sender = Sender::with("exec sleep 1000");
    let mut running = start(&sender, &scratch.tiny(&(OUTPUT.to_owned() + &camera.source(""))));
    running.wait_for(|event| event["type"] == "face");
    running.signal(Signal::TERM);
    running.wait_for(is_state("lobby", "ended"));
    let asked = Instant::now();
    running.signal(Signal::TERM);
    running.finish().exits(0);
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn a_sender_that_cannot_be_started_disturbs_nothing() {
    let scratch = Scratch::new();
    let source = format!("[[source]]\nuri = {:?}\n", data("astronaut.jpg"));
    let mut command = emotiond(&["run", "--config", &scratch.tiny(&(OUTPUT.to_owned() + &source))]);
    command.env("EMOTIOND_SENDER", scratch.path("none"));
    let ran = finish(command).exits(0);
    assert_eq!(ran.faces().len(), 1);
    assert!(ran.stderr.contains("event lines did not reach the outputs"), "{}", ran.stderr);
}

#[test]
fn other_outputs_are_another_run_and_other_settings_are_not() {
    let (scratch, sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    let config = |device: &str, more: &str| {
        let device = format!("[device]\nid = {device:?}\n");
        tiny_config() + OUTPUT + &device + more + &camera.source("")
    };
    let path = scratch.file("a.toml", config("a", ""));
    let mut running = start(&sender, &path);
    running.wait_for(is_state("lobby", "up"));
    fs::write(&path, config("a", "[audience]\nevery_s = 0.2\n")).unwrap();
    running.signal(Signal::HUP);
    sender.wait_for(0, "audience", |told| told.of("audience").count() > 0);
    // A new pipeline keeps the sender, too.
    fs::write(&path, config("a", "[audience]\nevery_s = 0.2\n[limits]\nstalled_after_s = 9\n")).unwrap();
    running.signal(Signal::HUP);
    running.wait_for_log("restarting the pipeline");
    let before = sender.told(0).events.len();
    sender.wait_for(0, "events of a new pipeline", |told| told.events.len() > before + 1);
    assert_eq!(sender.told(0).of("source").count(), 1, "the source goes on");
    assert_eq!(sender.count(), 1);
    fs::write(&path, config("b", "[limits]\nstalled_after_s = 9\n")).unwrap();
    running.signal(Signal::HUP);
    let second = sender.wait_for(1, "an opening", |told| !told.opening.is_null());
    assert_eq!(second.opening["settings"]["device"]["id"], "b");
    assert_ne!(second.opening["run"], sender.told(0).opening["run"]);
    stop(running).complains_not();
    let second = sender.told(1);
    assert_eq!(
        second.events.first().map(|(counts, _)| counts.iter().sum::<u64>()),
        Some(1),
        "a new run counts anew"
    );
    assert_eq!(second.of("source").last().unwrap()["state"], "ended");
}

#[test]
fn a_source_is_paused_and_resumed_on_request() {
    let (scratch, mut sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    let mut running = start(&sender, &scratch.tiny(&(OUTPUT.to_owned() + &camera.source(""))));
    running.wait_for(|event| event["phase"] == "new");
    for _ in 0..3 {
        sender.ask("no request");
        sender.ask(r#"{"request":"pause","source":"lobby"}"#);
        running.wait_for(|event| event["phase"] == "end");
        let down = running.wait_for(is_state("lobby", "down"));
        assert_eq!(down["reason"], "paused");
        camera.wait_for_connections(0);
        let status = sender.wait_for_status("a paused source", |source| source["state"] == "down");
        assert_eq!((&status["enabled"], status["faces"].is_null()), (&false.into(), true), "{status}");
        sender.ask(r#"{"request":"resume","source":"lobby"}"#);
        running.wait_for(is_state("lobby", "up"));
        running.wait_for(|event| event["phase"] == "new");
        camera.wait_for_connections(1);
        assert_eq!(
            sender.wait_for_status("an open source", |source| source["state"] == "up")["enabled"],
            true
        );
    }
    sender.ask(r#"{"request":"pause","source":"hall"}"#);
    running.wait_for_log("there is no source \"hall\"");
    let ran = stop(running);
    assert!(
        ran.complaints().iter().all(|line| line.contains("no request") || line.contains("\"hall\"")),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_paused_file_goes_on_where_it_was() {
    let (scratch, mut sender) = (Scratch::new(), Sender::new());
    let clip = text(&scratch.path("clip.avi"));
    let input = ["-loop", "1", "-framerate", "25", "-i", &text(&data("astronaut.jpg")), "-frames:v", "400"];
    crate::common::ffmpeg(&[&input[..], &["-c:v", "mjpeg", "-q:v", "9", &clip]].concat());
    let source = format!("[[source]]\nname = \"clip\"\nuri = {clip:?}\nevery = 1\n");
    let config = "emit = \"every-frame\"\n".to_owned() + &tiny_config() + OUTPUT + &source;
    let mut running = start(&sender, &scratch.file("a.toml", config));
    running.wait_for(|event| event["frame"] == 10);
    sender.ask(r#"{"request":"pause","source":"clip"}"#);
    let paused = running.wait_for(is_state("clip", "down"));
    assert_eq!(paused["reason"], "paused");
    sender.wait_for_status("a paused source", |source| source["enabled"] == false);
    sender.ask(r#"{"request":"resume","source":"clip"}"#);
    running.wait_for(is_state("clip", "up"));
    let ran = running.finish().exits(0);
    ran.complains_not();
    let frames: Vec<u64> = ran
        .faces()
        .iter()
        .filter(|face| face["phase"] != "end")
        .map(|face| face["frame"].as_u64().unwrap())
        .collect();
    assert_eq!(frames, (0..400).collect::<Vec<_>>(), "each frame once");
}

#[test]
fn active_hours_close_the_camera_and_are_read_again() {
    let (scratch, sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    // A day that is neither today nor tomorrow nor yesterday.
    let day = jiff::Zoned::now()
        .checked_add(jiff::ToSpan::days(3))
        .unwrap()
        .strftime("%a")
        .to_string()
        .to_lowercase();
    let config = |active: &str| tiny_config() + OUTPUT + &camera.source(active);
    let closed = format!("active = [\"{day} 08:00-20:00\"]\n");
    let path = scratch.file("a.toml", config(&closed));
    let check = run(&["check", "--config", &path]).exits(0);
    assert!(check.stdout.contains("source lobby: closed until "), "{}", check.stdout);
    let mut running = start(&sender, &path);
    let down = running.wait_for(is_state("lobby", "down"));
    assert!(string(&down["reason"]).starts_with("outside its active hours until "), "{down}");
    assert!(string(&down["reason"]).contains(" 08:00 "), "{down}");
    assert_eq!(camera.open.load(Ordering::SeqCst), 0);
    fs::write(&path, config("")).unwrap();
    running.signal(Signal::HUP);
    running.wait_for(|event| event["phase"] == "new");
    fs::write(&path, config(&closed)).unwrap();
    running.signal(Signal::HUP);
    running.wait_for(is_state("lobby", "down"));
    camera.wait_for_connections(0);
    stop(running).complains_not();
    fs::write(&path, config("active = [\"mon-fri 8 to 20\"]\n")).unwrap();
    run(&["check", "--config", &path])
        .exits(78)
        .complains_once(&["`mon-fri 8 to 20` is not a period", "mon-fri 08:00-20:00"]);
}

#[test]
fn markers_stand_in_the_stream() {
    let (scratch, mut sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    let mut running = start(&sender, &scratch.tiny(&(OUTPUT.to_owned() + &camera.source(""))));
    running.wait_for(is_state("lobby", "up"));
    sender.ask(r#"{"request":"marker","kind":"start","label":"Act\u0007 1"}"#);
    let marker = running.wait_for(|event| event["type"] == "marker");
    assert_eq!((&marker["kind"], &marker["label"]), (&"start".into(), &"Act 1".into()));
    assert!(marker.get("source").is_none());
    sender.wait_for(0, "the marker", |told| told.of("marker").any(|told| *told == marker));
    stop(running).complains_not();
}

#[test]
fn only_the_audience_is_told_if_faces_are_private() {
    let (scratch, sender, camera) = (Scratch::new(), Sender::new(), Camera::start());
    let zone = "zones = [{ name = \"all\", polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] }]\n";
    let private = "[privacy]\nmode = \"aggregate\"\nmin_faces = 2\n[audience]\nevery_s = 0.5\n";
    let output = OUTPUT.to_owned() + "events = [\"source\", \"audience\", \"face\"]\n";
    let config = scratch.file("a.toml", tiny_config() + private + &output + &camera.source(zone));
    let mut running = start(&sender, &config);
    for _ in 0..3 {
        let event = running.wait_for(|event| event["type"] == "audience");
        for figures in [&event, &event["zones"]["all"]] {
            for key in ["faces", "emotions", "dominant"] {
                assert!(
                    figures.as_object().unwrap().get(key).is_some_and(serde_json::Value::is_null),
                    "{event}"
                );
            }
            assert!(figures.get("facing").is_none() && figures.get("dwell_s").is_none(), "{event}");
        }
    }
    let status = sender.wait_for_status("pictures", |source| source["analysed"].as_u64() > Some(20));
    for key in ["faces", "emotions", "dominant", "facing"] {
        assert!(status[key].is_null(), "{status}");
    }
    // Back to all faces, without a new pipeline.
    fs::write(&config, tiny_config() + &output + &camera.source(zone)).unwrap();
    running.signal(Signal::HUP);
    sender.wait_for_status("faces", |source| source["faces"] == 1);
    let ran = stop(running);
    ran.complains_not();
    let private =
        ran.events().into_iter().take_while(|event| event["type"] != "audience" || event["faces"].is_null());
    assert!(private.filter(|event| event["type"] == "face").count() <= 1, "{}", ran.stdout);
}

#[test]
fn pictures_of_single_people_are_refused_if_faces_are_private() {
    let scratch = Scratch::new();
    let source = format!("[[source]]\nuri = {:?}\n", data("astronaut.jpg"));
    let config = scratch.tiny(&("[privacy]\nmode = \"aggregate\"\n".to_owned() + &source));
    let out = text(&scratch.path("out.png"));
    for more in [["--annotate", &out], ["--overlay", "on"]] {
        run(&[&["run", "--config", &config][..], &more].concat())
            .exits(78)
            .complains_once(&["[privacy] forbids"]);
    }
    assert!(!scratch.path("out.png").exists());
    let ran = run(&["run", "--config", &config]).exits(0);
    assert_eq!((ran.faces().len(), ran.states().len()), (0, 2));
    let config = scratch.tiny("[privacy]\nmode = \"aggregate\"\nmin_faces = 1\n");
    run(&["config", "--config", &config]).exits(78).complains_once(&["write at least 2"]);
}

#[test]
fn wrong_outputs_are_named_and_passwords_are_not() {
    let scratch = Scratch::new();
    let source = format!("[[source]]\nuri = {:?}\n", data("astronaut.jpg"));
    let checked = |output: &str, code: i32| {
        run(&["check", "--config", &scratch.tiny(&(output.to_owned() + &source))]).exits(code)
    };
    let fine = checked(OUTPUT, 0);
    assert!(fine.stdout.contains("ok    outputs: mqtt://me@broker.invalid"), "{}", fine.stdout);
    let missing = checked(&(OUTPUT.to_owned() + "ca = \"none.pem\"\n"), 78);
    assert!(
        missing.stdout.contains("the `ca` of the output mqtt://me@broker.invalid, cannot be read"),
        "{}",
        missing.stdout
    );
    let public = "[http]\nlisten = \"0.0.0.0:8378\"\n";
    assert!(checked(public, 78).stdout.contains("without a token"));
    run(&["run", "--config", &scratch.tiny(&(public.to_owned() + &source))])
        .exits(78)
        .complains_once(&["`token_file`"]);
    let printed = run(&["config", "--config", &scratch.tiny(OUTPUT)]).exits(0);
    assert!(printed.stdout.contains("uri = \"mqtt://me@broker.invalid\""), "{}", printed.stdout);
    for ran in [fine, missing, printed] {
        assert!(!(ran.stdout + &ran.stderr).contains("secret"));
    }
}
