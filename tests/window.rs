//! The overlay window on a real display: its contents, its keys, how it ends, and that an absent, crashing or hanging
//! display does not affect the daemon.
//!
//! A program of its own: where others use all processor time, the window gets next to none.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[expect(dead_code, reason = "these tests use a part of it")]
#[path = "it/common/mod.rs"]
mod common;

use common::{
    Display, HANG, Running, Scratch, astronaut, emotiond, encode, finish, number, run_sources, string, text,
};
use emotiond_core::palette::color;
use image::{ImageFormat, Rgb, RgbImage, imageops};
use jiff::Timestamp;
use rustix::process::Signal;
use std::{
    collections::HashSet,
    io::Write,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Frames of 800x512 pixels in which the portrait starts at the left and moves to the right by four pixels per frame.
fn moving(count: i64) -> Vec<Vec<u8>> {
    let portrait = astronaut();
    let frame = |step| {
        let mut frame = RgbImage::from_pixel(800, 512, Rgb([90; 3]));
        imageops::replace(&mut frame, &portrait, 4 * step, 0);
        encode(&frame, ImageFormat::Jpeg)
    };
    (0..count).map(frame).collect()
}

/// Pipes pictures into the program in a loop, fifteen per second, as long as it reads.
fn feed(running: &mut Running, pictures: Vec<Vec<u8>>) {
    let mut pipe = running.child.stdin.take().unwrap();
    thread::spawn(move || {
        for picture in pictures.iter().cycle() {
            if pipe.write_all(picture).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(66));
        }
    });
}

/// The daemon with a window on `display` and an endless stream.
fn show(display: &Display, config: &str, pictures: Vec<Vec<u8>>) -> Running {
    let mut command = emotiond(&["run", "--config", config, "--overlay", "on", "--emit", "every-frame"]);
    display.use_for(&mut command);
    start(command, pictures)
}

fn start(mut command: Command, pictures: Vec<Vec<u8>>) -> Running {
    command.stdin(Stdio::piped());
    let mut running = Running::start(command);
    feed(&mut running, pictures);
    running
}

/// The configuration with the stream as its source.
fn on_stdin(scratch: &Scratch) -> String {
    scratch.tiny("[[source]]\nname = \"lobby\"\nuri = \"-\"\n")
}

/// Left, top, right and bottom of all pixels of a colour; `None` if there are fewer than a box has.
fn extent(screen: &RgbImage, color: [u8; 3]) -> Option<[u32; 4]> {
    let found = || screen.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 == color);
    if found().count() < 200 {
        return None;
    }
    let (xs, ys) = (found().map(|(x, _, _)| x), found().map(|(_, y, _)| y));
    Some([xs.clone().min()?, ys.clone().min()?, xs.max()?, ys.max()?])
}

/// The colour of the tiny network's result.
fn shown_color(running: &mut Running) -> [u8; 3] {
    let face = running.wait_for(|event| event["phase"] == "new");
    let labels = face["probabilities"].as_object().unwrap();
    let emotion = string(&face["emotion"]);
    color(emotion, labels.keys().position(|label| label == emotion).unwrap())
}

#[test]
fn a_window_shows_what_was_analysed_and_obeys_its_keys() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let mut running = show(&display, &on_stdin(&scratch), moving(30));
    let color = shown_color(&mut running);

    // 800x512 fills the height of 1280x720, with bars at the sides; the face is in the left half.
    // A screenshot may show a partly drawn first frame, so wait until the whole box is visible.
    let is_whole = |[left, top, right, bottom]: &[u32; 4]| right - left > 90 && bottom - top > 90;
    let [left, _, right, _] = display.wait_for("a box", |screen| extent(screen, color).filter(is_whole));
    let center = (left + right) / 2;
    assert!(center < common::SCREEN.0 / 2, "the face is at the left: {left} to {right}");

    display.key("m");
    let is_right = |area: &[u32; 4]| (area[0] + area[2]) / 2 > common::SCREEN.0 / 2;
    display.wait_for("the mirror image", |screen| extent(screen, color).filter(is_right));
    display.key("m");
    display.wait_for("the picture again", |screen| extent(screen, color).filter(|area| !is_right(area)));

    display.key("space");
    // The analysis continues meanwhile; events that were written before are passed over.
    let mut sixty_frames = || {
        let now = format!("{:.3}", Timestamp::now());
        let frame = number(&running.wait_for(|event| string(&event["time"]) > now.as_str())["frame"]);
        running.wait_for(|event| event["phase"] == "update" && number(&event["frame"]) >= frame + 60);
    };
    let frozen = display.wait_for("a picture that stands still", |screen| {
        sixty_frames();
        (display.screenshot() == *screen).then(|| screen.clone())
    });
    sixty_frames();
    assert!(display.screenshot() == frozen, "it is still frozen");

    // Inside the box, wherever it is: the lower left part, which has no label.
    let colors = |screen: &RgbImage| {
        let [left, _, _, bottom] = extent(screen, color).unwrap();
        let inside = imageops::crop_imm(screen, left + 12, bottom - 72, 60, 60).to_image();
        inside.pixels().map(|pixel| pixel.0).collect::<HashSet<_>>().len()
    };
    let before = colors(&frozen);
    display.key("b");
    display.wait_for("coarse blocks", |screen| (colors(screen) * 10 < before).then_some(()));
    display.key("b");
    display.wait_for("the face again", |screen| (colors(screen) * 2 > before).then_some(()));

    display.key("space");
    display.wait_for("a picture that moves", |screen| (*screen != frozen).then_some(()));

    display.key("h");
    let patches = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
        .map(|name| emotiond_core::palette::color(name, 0));
    display.wait_for("the emotions' colours", |screen| {
        patches.iter().all(|patch| extent(screen, *patch).is_some()).then_some(())
    });

    display.key("q");
    let ran = running.finish().exits(0);
    ran.complains_not();
    assert_eq!(ran.states(), ["lobby up", "lobby ended"]);
    assert_eq!(ran.faces().last().unwrap()["phase"], "end", "what was in the pipeline is drained");
}

#[test]
fn the_window_managers_message_closes_it_and_ends_the_program() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let mut running = show(&display, &on_stdin(&scratch), moving(1));
    let color = shown_color(&mut running);
    display.wait_for("a box", |screen| extent(screen, color));
    display.key_until_the_end("alt+F4", &mut running.child);
    let ran = running.finish().exits(0);
    ran.complains_not();
    assert_eq!(ran.states(), ["lobby up", "lobby ended"]);
}

#[test]
fn a_window_of_another_size_keeps_the_pictures_aspect() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let mut running = show(&display, &on_stdin(&scratch), moving(1));
    let color = shown_color(&mut running);
    let aspect = |[left, top, right, bottom]: [u32; 4]| f64::from(right - left) / f64::from(bottom - top);
    let height = |[_, top, _, bottom]: [u32; 4]| bottom - top;
    let wide = display.wait_until_steady("a box", |screen| extent(screen, color));
    display.resize_window(500, 800);
    let is_small = |area: &[u32; 4]| height(*area) < height(wide) * 4 / 5;
    let narrow = display.wait_until_steady("a smaller box", |screen| extent(screen, color).filter(is_small));
    // The label is included, and its size is not exactly proportional.
    assert!((aspect(narrow) / aspect(wide) - 1.0).abs() < 0.2, "{wide:?} and {narrow:?}");
    running.signal(Signal::TERM);
    running.finish().exits(0).complains_not();
}

#[test]
fn several_sources_are_tiles_and_tab_goes_from_one_to_the_next() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let more = "[[source]]\nname = \"lobby\"\nuri = \"-\"\n[[source]]\nname = \"door\"\nuri = \"camera:61\"\nwait = true\n";
    let mut running = show(&display, &scratch.tiny(more), moving(1));
    let color = shown_color(&mut running);
    let width = |[left, _, right, _]: [u32; 4]| right - left;
    let tile = display.wait_until_steady("a tile", |screen| extent(screen, color));
    display.key("Tab");
    let is_large = |area: &[u32; 4]| width(*area) > width(tile) * 5 / 4;
    display.wait_for("the first source alone", |screen| extent(screen, color).filter(is_large));
    display.key("Tab");
    display.wait_for("the second alone", |screen| extent(screen, color).is_none().then_some(()));
    display.key("Tab");
    display.wait_for("both", |screen| extent(screen, color).filter(|area| *area == tile));
    display.key("Escape");
    running.finish().exits(0);
}

#[test]
fn without_a_display_it_is_an_error_or_a_line_in_the_log() {
    let scratch = Scratch::new();
    let picture = text(&common::data("astronaut.jpg"));
    let config = scratch.tiny("");
    let asked = run_sources(&config, &[&picture], &["--overlay", "on"]).exits(69);
    asked.complains_once(&["display", "DISPLAY", "--overlay off"]);
    let mut dead = emotiond(&["run", "--config", &config, "--source", &picture, "--overlay", "on"]);
    dead.env("DISPLAY", ":4711");
    finish(dead).exits(69).complains_once(&["window cannot be opened", "--overlay off"]);

    // Stdin might be a live stream, so `auto` wants a window.
    let mut command = emotiond(&["run", "--config", &config, "--source", "-"]);
    command.stdin(std::fs::File::open(&picture).unwrap());
    let headless = finish(command).exits(0);
    headless.complains_not();
    assert_eq!(headless.stderr.matches("there is no display").count(), 1, "{}", headless.stderr);
    assert!(!headless.faces().is_empty());
    // For a picture, `auto` wants no window, so nothing is logged about it.
    let brief = run_sources(&config, &[&picture], &[]).exits(0);
    assert!(!brief.stderr.contains("display"), "{}", brief.stderr);
    let off = run_sources(&config, &[&picture], &["--overlay", "off"]).exits(0);
    assert_eq!(off.masked(), brief.masked());
}

#[test]
fn a_display_that_dies_does_not_end_the_daemon() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let mut running = show(&display, &on_stdin(&scratch), moving(1));
    let color = shown_color(&mut running);
    display.wait_for("a box", |screen| extent(screen, color));
    drop(display);
    let now = number(&running.wait_for(|event| event["phase"] == "update")["frame"]);
    running.wait_for(|event| event["phase"] == "update" && number(&event["frame"]) >= now + 60);
    running.wait_for_log("the window ended unexpectedly");
    running.signal(Signal::TERM);
    running.finish().exits(0).complains_once(&["the window ended unexpectedly", "continuing"]);
}

#[test]
fn a_display_that_hangs_holds_up_nobody() {
    let (scratch, display) = (Scratch::new(), Display::start());
    let path = scratch.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(HANG)).unwrap();
    let config = on_stdin(&scratch);
    let mut command = emotiond(&["run", "--config", &config, "--overlay", "on", "--emit", "every-frame"]);
    display.use_for(&mut command);
    command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", "2000000");
    let mut running = start(command, moving(1));
    let color = shown_color(&mut running);
    display.wait_for("a box", |screen| extent(screen, color));
    display.hang();
    let now = number(&running.wait_for(|event| event["phase"] == "update")["frame"]);
    running.wait_for(|event| event["phase"] == "update" && number(&event["frame"]) >= now + 60);
    // Discard the messages that are already in the socket.
    let since = Instant::now();
    let mut buffer = [0; 4096];
    while since.elapsed() < Duration::from_secs(2) {
        socket.recv(&mut buffer).unwrap();
    }
    loop {
        let length = socket.recv(&mut buffer).unwrap();
        if buffer[..length].starts_with(b"WATCHDOG=1") {
            break;
        }
    }
    running.signal(Signal::TERM);
    running.finish().exits(0).complains_not();
}
