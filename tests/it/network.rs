//! Network sources: cameras that go away, their clock, recorded files, single pictures, transports, and whatever else
//! HTTP cameras do.

use crate::common::{
    Ran, Running, Scratch, data, emotiond, ffmpeg, finish,
    http_camera::{Client, HttpCamera, Request, answer, begin, file, part, stream},
    number,
    rtsp_camera::{RtspCamera, Speaks},
    run_sources, string, text, wait_until,
};
use rustix::process::{Pid, Signal};
use serde_json::Value;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// Rates at which a source shall keep its own time.
const RATES: [f64; 3] = [2.0, 10.0, 25.0];

pub fn portrait() -> Vec<u8> {
    fs::read(data("astronaut.jpg")).unwrap()
}

/// A live camera that shows the portrait 20 times a second.
pub fn portrait_camera() -> HttpCamera {
    HttpCamera::start(|_: &Request, client: Client| stream(client, &portrait(), 20.0, usize::MAX))
}

/// The portrait with a comment, so that its bytes differ.
fn variant(number: usize) -> Vec<u8> {
    let (portrait, comment) = (portrait(), format!("{number:08}"));
    let length = (comment.len() as u16 + 2).to_be_bytes();
    [&portrait[..2], &[0xFF, 0xFE], &length, comment.as_bytes(), &portrait[2..]].concat()
}

/// The daemon with sources described in TOML.
pub fn start(scratch: &Scratch, sources: &str, more: &[&str]) -> Running {
    let mut command = emotiond(&["run", "--config", &scratch.tiny(sources)]);
    command.args(more);
    Running::start(command)
}

pub fn is_state<'a>(source: &'a str, state: &'a str) -> impl Fn(&Value) -> bool + 'a {
    move |event| event["source"] == source && event["state"] == state
}

/// Stops the daemon with a signal, which may take two seconds.
pub fn stop(running: Running) -> Ran {
    let asked = Instant::now();
    running.signal(Signal::TERM);
    let ran = running.finish().exits(0);
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    ran
}

/// The numbers and command lines of the daemon's children.
fn numbered_children(running: &Running) -> Vec<(String, String)> {
    let pid = running.child.id();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let pids: Vec<String> =
        lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    pids.into_iter()
        .filter_map(|pid| Some((pid.clone(), fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?)))
        .collect()
}

/// The command lines of the daemon's children.
pub fn children(running: &Running) -> Vec<String> {
    numbered_children(running).into_iter().map(|(_, command)| command).collect()
}

/// The child whose command line contains `words`.
pub fn child(running: &Running, words: &str) -> Pid {
    let children = numbered_children(running);
    let found = children.iter().find(|(_, command)| command.contains(words));
    let (pid, _) = found.unwrap_or_else(|| panic!("no {words} in {children:?}"));
    Pid::from_raw(pid.parse().unwrap()).unwrap()
}

#[test]
fn a_camera_that_goes_away_is_opened_again() {
    let scratch = Scratch::new();
    let serve = |request: &Request, client: Client| match request.target.as_str() {
        "/short" => stream(client, &portrait(), 10.0, 5),
        // Silent for ever, once.
        "/silent" if request.number == 0 => {
            begin(client, "multipart/x-mixed-replace; boundary=frame")?;
            part(client, &portrait())?;
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        _ => stream(client, &portrait(), 10.0, usize::MAX),
    };
    let (short, silent, killed) =
        (HttpCamera::start(serve), HttpCamera::start(serve), HttpCamera::start(serve));
    let address = killed.address;
    let sources = format!(
        "[[source]]\nname = \"short\"\nuri = {:?}\n[[source]]\nname = \"silent\"\nuri = {:?}\n[[source]]\nname = \"killed\"\nuri = {:?}\n",
        short.url("/short"),
        silent.url("/silent"),
        killed.url("/")
    );
    let mut running = start(&scratch, &sources, &[]);
    running.wait_for(is_state("killed", "up"));
    drop(killed);
    running.wait_for(is_state("killed", "down"));
    let killed = HttpCamera::start_at(address, serve);
    running.wait_for(is_state("killed", "up"));
    running.wait_for(is_state("silent", "down"));
    running.wait_for(is_state("silent", "up"));
    let ran = stop(running);
    drop(killed);
    let of = |name: &str| -> Vec<String> {
        let states = ran.states().into_iter();
        states.filter_map(|state| state.strip_prefix(name).map(|state| state.trim().to_owned())).collect()
    };
    assert_eq!(of("silent"), ["up", "stalled", "down", "up", "ended"]);
    let short = of("short");
    assert_eq!(short[..4], ["up", "down", "up", "down"], "{short:?}");
    assert_eq!(short.last().unwrap(), "ended");
    assert_eq!(short.iter().filter(|state| *state == "ended").count(), 1);
}

#[test]
fn a_live_stream_ends_by_itself_if_it_is_told_to() {
    let scratch = Scratch::new();
    let camera = HttpCamera::start(|_, client| stream(client, &portrait(), 10.0, 3));
    let sources = format!("[[source]]\nname = \"a\"\nuri = {:?}\non_end = \"stop\"\n", camera.url("/"));
    let ran = start(&scratch, &sources, &[]).finish().exits(0);
    assert_eq!(ran.states(), ["a up", "a ended"]);
    assert_eq!(camera.requests().len(), 1);
    let wrong = start(&scratch, &sources.replace("stop", "wait"), &[]).finish().exits(78);
    wrong.complains_once(&["on_end", "reopen", "stop"]);
}

#[test]
fn a_live_stream_has_the_clock_of_the_room() {
    let scratch = Scratch::new();
    let seconds = 4.0;
    let camera = HttpCamera::start(move |request, client| {
        let fps: f64 = request.target[1..].parse().unwrap();
        stream(client, &portrait(), fps, (fps * seconds) as usize + 1)
    });
    let source = |fps: f64| {
        format!(
            "[[source]]\nname = \"{fps}\"\nuri = {:?}\non_end = \"stop\"\n",
            camera.url(&format!("/{fps}"))
        )
    };
    let ran = start(&scratch, &RATES.map(source).concat(), &["--emit", "interval=1"]).finish().exits(0);
    let faces = ran.faces();
    assert!(faces.iter().all(|face| face.get("pts_ms").is_none()), "{}", ran.stdout);
    for fps in RATES {
        let name = fps.to_string();
        let of_source = || faces.iter().filter(|face| face["source"] == *name);
        let ends: Vec<f64> = of_source().filter_map(|face| face["duration_s"].as_f64()).collect();
        assert!(ends.len() == 1 && (ends[0] - seconds).abs() < 0.8, "{fps}: {ends:?}");
        let updates = of_source().filter(|face| face["phase"] == "update").count();
        assert!((2..=5).contains(&updates), "{fps}: {updates}");
    }
}

#[test]
fn a_recorded_file_on_a_server_is_read_like_a_local_one() {
    let scratch = Scratch::new();
    let make = |name: &str, codec: &[&str]| {
        let (portrait, path) = (text(&data("astronaut.jpg")), text(&scratch.path(name)));
        let input = ["-loop", "1", "-framerate", "25", "-i", &portrait, "-frames:v", "75"];
        ffmpeg(&[&input[..], &["-pix_fmt", "yuv420p"], codec, &[&path]].concat());
        fs::read(path).unwrap()
    };
    let films = [
        ("/a.mp4", "video/mp4", make("a.mp4", &[])),
        ("/b.mkv", "application/octet-stream", make("b.mkv", &["-c:v", "mpeg4"])),
        ("/c.avi", "video/x-msvideo", make("c.avi", &["-c:v", "mjpeg"])),
    ];
    let served = films.clone();
    let camera = HttpCamera::start(move |request, client| {
        let film = served.iter().find(|film| request.target.starts_with(film.0)).unwrap();
        file(request, client, film.1, &film.2)
    });
    for (path, _, _) in films {
        let ran = run_sources(&scratch.tiny(""), &[&camera.url(path)], &["--emit", "every-frame"]).exits(0);
        ran.complains_not();
        let faces = ran.faces();
        let seen: Vec<(u64, u64)> = faces
            .iter()
            .filter(|face| face["phase"] != "end")
            .map(|face| (number(&face["frame"]), number(&face["pts_ms"])))
            .collect();
        assert_eq!(seen, (0..75).map(|frame| (frame, frame * 40)).collect::<Vec<_>>(), "{path}");
        assert_eq!(ran.states().len(), 2);
        assert!(ran.states()[1].ends_with("ended"));
    }
}

#[test]
fn single_pictures_are_asked_for_again_and_equal_ones_passed_over() {
    let scratch = Scratch::new();
    let tagged = HttpCamera::start(|request, client| {
        let tag = format!("\"{}\"", request.number / 5);
        if request.header("if-none-match") == Some(&tag) {
            return answer(client, "304 Not Modified", &[], b"");
        }
        let headers = ["Content-Type: image/jpeg", &format!("ETag: {tag}")];
        answer(client, "200 OK", &headers, &variant(request.number / 5))
    });
    let plain = HttpCamera::start(|request, client| {
        let picture = variant(usize::from(request.number >= 5));
        answer(client, "200 OK", &["Content-Type: image/jpeg"], &picture)
    });
    let sources = format!(
        "[limits]\nstalled_after_s = 2.5\n[[source]]\nname = \"tagged\"\nuri = {:?}\nmax_fps = 10\n[[source]]\nname = \"plain\"\nuri = {:?}\n",
        tagged.url("/a.jpg"),
        plain.url("/b.jpg")
    );
    let mut running = start(&scratch, &sources, &["--emit", "every-frame"]);
    running.wait_for(is_state("plain", "up"));
    let asked = || (tagged.requests().len(), plain.requests().len());
    let (before, begin) = (asked(), Instant::now());
    // The first picture's face has been lost meanwhile.
    running.wait_for(|event| event["source"] == "plain" && event["phase"] == "new" && event["frame"] == 1);
    let (after, seconds) = (asked(), begin.elapsed().as_secs_f64());
    let ran = stop(running);
    let frames = |name: &str| {
        let faces = ran.faces();
        faces.iter().filter(|face| face["source"] == name && face["phase"] != "end").count()
    };
    // Ten pictures a second, and one a second if nothing else is said; a busy machine may be slower.
    let rates = [(after.0 - before.0) as f64 / seconds, (after.1 - before.1) as f64 / seconds];
    assert!((3.0..11.0).contains(&rates[0]) && (0.5..1.3).contains(&rates[1]), "{rates:?}");
    assert!(frames("tagged").abs_diff(after.0.div_ceil(5)) <= 2, "{} of {after:?}", frames("tagged"));
    assert_eq!(frames("plain"), 2);
    assert_eq!(ran.states().len(), 4, "no source stalls: {:?}", ran.states());
}

#[test]
fn odd_streams_of_http_cameras_are_read_without_ffmpeg() {
    let scratch = Scratch::new();
    let camera = HttpCamera::start(|request, client| {
        let picture = portrait();
        let multipart = "multipart/x-mixed-replace; boundary=frame";
        match request.target.as_str() {
            "/space" => begin(client, "Multipart/X-Mixed-Replace; boundary =frame")?,
            "/dashes" => begin(client, "multipart/x-mixed-replace; boundary=--frame")?,
            "/notype" => begin(client, "application/octet-stream")?,
            "/chunked" => write!(
                client,
                "HTTP/1.1 200 OK\r\nContent-Type: {multipart}\r\nTransfer-Encoding: chunked\r\n\r\n"
            )?,
            _ => begin(client, multipart)?,
        }
        loop {
            let length = picture.len();
            let head = "--frame\r\nContent-Type: image/jpeg\r\n";
            match request.target.as_str() {
                "/notype" => {}
                "/nolength" | "/chunked" => {
                    let head = format!("{head}\r\n");
                    if request.target == "/chunked" {
                        write!(client, "{:x}\r\n", head.len() + length)?;
                    }
                    write!(client, "{head}")?;
                }
                "/wrong" => write!(client, "{head}Content-Length: 12\r\n\r\n")?,
                "/nofirst" => write!(client, "Content-Type: image/jpeg\r\nContent-Length: {length}\r\n\r\n")?,
                _ => write!(client, "{head}Content-Length: {length}\r\n\r\n")?,
            }
            client.write_all(&picture)?;
            write!(client, "\r\n")?;
            client.flush()?;
            thread::sleep(Duration::from_millis(300));
        }
    });
    let paths = ["/space", "/dashes", "/notype", "/chunked", "/nolength", "/wrong", "/nofirst"];
    let source = |path: &str| format!("[[source]]\nname = {path:?}\nuri = {:?}\n", camera.url(path));
    let mut running = start(&scratch, &paths.map(source).concat(), &["--emit", "every-frame"]);
    let mut missing: Vec<&str> = paths.to_vec();
    while !missing.is_empty() {
        let update = running.wait_for(|event| event["phase"] == "update");
        missing.retain(|path| update["source"] != *path);
    }
    assert_eq!(children(&running), Vec::<String>::new());
    let ran = stop(running);
    ran.complains_not();
    assert_eq!(ran.states().len(), 2 * paths.len());
}

#[test]
fn a_silent_camera_does_not_delay_the_end() {
    let scratch = Scratch::new();
    let camera = HttpCamera::start(|request, client| {
        if request.target == "/head" {
            begin(client, "multipart/x-mixed-replace; boundary=frame")?;
        }
        thread::sleep(Duration::from_secs(60));
        Ok(())
    });
    for path in ["/head", "/nothing"] {
        let running = start(&scratch, &format!("[[source]]\nuri = {:?}\n", camera.url(path)), &[]);
        let before = camera.requests().len();
        wait_until("the request", || (camera.requests().len() > before).then_some(()));
        stop(running);
    }
}

#[test]
fn rtsp_goes_over_tcp_or_udp_as_the_camera_can() {
    let scratch = Scratch::new();
    let run = |speaks: Speaks, key: &str| {
        let camera = RtspCamera::start(speaks, Duration::from_secs(600));
        let source = format!("[[source]]\nname = \"a\"\nuri = \"rtsp://{}/1\"\n{key}", camera.address);
        (camera, start(&scratch, &source, &[]))
    };
    for (speaks, key) in [
        (Speaks::Udp, ""),
        (Speaks::Udp, "transport = \"udp\""),
        (Speaks::Tcp, "transport = \"auto\""),
        (Speaks::Tcp, "transport = \"tcp\""),
    ] {
        let (camera, mut running) = run(speaks, key);
        running.wait_for(|event| event["phase"] == "new");
        stop(running);
        let setups: Vec<bool> = camera
            .requests()
            .iter()
            .filter(|request| request.starts_with("SETUP"))
            .map(|request| request.contains("TCP"))
            .collect();
        let wanted = match (speaks, key) {
            (Speaks::Udp, "") => vec![true, false],
            _ => vec![speaks == Speaks::Tcp],
        };
        assert_eq!(setups, wanted, "{key}");
    }
    let (_camera, running) = run(Speaks::Udp, "transport = \"tcp\"");
    running.finish().exits(69);
    run(Speaks::Udp, "transport = \"smoke\"").1.finish().exits(78).complains_once(&["transport", "udp"]);
}

#[test]
fn rtsp_that_closes_is_opened_again() {
    let scratch = Scratch::new();
    let camera = RtspCamera::start(Speaks::Tcp, Duration::from_secs(8));
    let sources = format!("[[source]]\nname = \"a\"\nuri = \"rtsp://{}/1\"\nwait = true\n", camera.address);
    let mut running = start(&scratch, &sources, &[]);
    for _ in 0..2 {
        running.wait_for(is_state("a", "up"));
        running.wait_for(is_state("a", "down"));
    }
    stop(running);
}

/// Runs the daemon with `bytes` on stdin.
fn run_stdin(scratch: &Scratch, bytes: &[u8]) -> Ran {
    let mut command =
        emotiond(&["run", "--config", &scratch.tiny(""), "--source", "-", "--emit", "every-frame"]);
    command.stdin(fs::File::open(scratch.file("stream", bytes)).unwrap());
    finish(command)
}

#[test]
fn a_stream_on_stdin_may_begin_anywhere() {
    let scratch = Scratch::new();
    let portrait = portrait();
    let part = [b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", &portrait[..], b"\r\n"].concat();
    let cut = portrait.len() / 2;
    for (name, start) in [
        ("a newline", &b"\r\n"[..]),
        ("headers", b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n"),
        ("a part of a picture", &portrait[cut..]),
        ("a part of a marker", &portrait[1..]),
        ("nothing", b""),
    ] {
        let ran = run_stdin(&scratch, &[start, &part, &part].concat()).exits(0);
        ran.complains_not();
        let seen = ran.faces().iter().filter(|face| face["phase"] != "end").count();
        assert_eq!(seen, 2, "{name}: {}", ran.stdout);
        assert_eq!(string(&ran.faces()[0]["phase"]), "new");
    }
    run_stdin(&scratch, b"\r\nDear reader").exits(65).complains_once(&["neither", "MJPEG or Y4M"]);
}
