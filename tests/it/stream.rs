//! Pictures for browsers: `--stream`, `--blur`.

use crate::common::{
    Running, Scratch, astronaut, broker::free_port, data, emotiond, http_camera::HttpCamera, run, wait_until,
};
use crate::network::{portrait_camera, stop};
use image::RgbImage;
use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// The daemon with one source, a server and these arguments.
fn start(scratch: &Scratch, camera: &HttpCamera, port: u16, http: &str, more: &[&str]) -> Running {
    let config = format!(
        "[http]\nlisten = \"127.0.0.1:{port}\"\n{http}[[source]]\nname = \"the hall\"\nuri = {:?}\n",
        camera.url("/")
    );
    let mut command = emotiond(&["run", "--config", &scratch.tiny(&config)]);
    command.args(more);
    let mut running = Running::start(command);
    running.wait_for(|event| event["type"] == "face");
    running.wait_for_log("HTTP server on");
    running
}

/// An open stream of pictures, behind the head of the answer.
struct Watching(BufReader<TcpStream>);

impl Watching {
    /// The status of the answer, and the stream.
    fn open(port: u16, path: &str, headers: &str) -> (u16, Self) {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{headers}\r\n").unwrap();
        let mut reader = BufReader::new(socket);
        let head = lines(&mut reader);
        (head[0].split(' ').nth(1).unwrap().parse().unwrap(), Self(reader))
    }

    /// The next picture.
    fn next(&mut self) -> RgbImage {
        loop {
            let head = lines(&mut self.0);
            let Some(length) = head.iter().find_map(|line| line.strip_prefix("Content-Length: ")) else {
                continue;
            };
            assert!(head.contains(&"Content-Type: image/jpeg".to_owned()), "{head:?}");
            let mut jpeg = vec![0; length.parse().unwrap()];
            self.0.read_exact(&mut jpeg).unwrap_or_else(|error| panic!("{error}: {head:?}"));
            return image::load_from_memory(&jpeg).unwrap().into_rgb8();
        }
    }
}

/// Lines up to an empty one.
fn lines(reader: &mut impl BufRead) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream has ended: {lines:?}");
        let line = line.trim_end().to_owned();
        if line.is_empty() && !lines.is_empty() {
            return lines;
        }
        lines.push(line);
    }
}

/// The path of the portrait.
fn portrait_path() -> String {
    data("astronaut.jpg").to_str().unwrap().to_owned()
}

/// How many different colours the middle of the portrait's face has, in steps of 8.
fn colors_of_the_face(picture: &RgbImage) -> usize {
    let pixels = (190..250).flat_map(|x| (90..150).map(move |y| (x, y)));
    pixels.map(|(x, y)| picture.get_pixel(x, y).0.map(|value| value / 8)).collect::<HashSet<_>>().len()
}

#[test]
fn a_browser_gets_annotated_pictures_while_it_watches() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let running = start(&scratch, &camera, port, "", &["--stream"]);
    let (status, mut watching) = Watching::open(port, "/stream/the_hall.mjpg", "");
    assert_eq!(status, 200);
    let (first, original) = (watching.next(), astronaut());
    assert_eq!(first.dimensions(), (512, 512));
    let differing = first
        .pixels()
        .zip(original.pixels())
        .filter(|(drawn, seen)| drawn.0.iter().zip(seen.0).any(|(one, other)| one.abs_diff(other) > 60));
    assert!(differing.count() > 500, "a box and a label are drawn");
    assert!(colors_of_the_face(&first) > 100, "the face is not hidden");
    watching.next();
    // A second one, by the name as it is; then both leave.
    let (status, mut second) = Watching::open(port, "/stream/the%20hall.mjpg", "");
    assert_eq!(status, 200);
    second.next();
    drop((watching, second));
    assert_eq!(Watching::open(port, "/stream/other.mjpg", "").0, 404);
    stop(running);
}

#[test]
fn a_source_that_goes_down_shows_its_last_picture_dark() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let running = start(&scratch, &camera, port, "", &["--stream"]);
    let (_, mut watching) = Watching::open(port, "/stream/the_hall.mjpg", "");
    let light = |picture: &RgbImage| picture.pixels().map(|pixel| u64::from(pixel.0[1])).sum::<u64>();
    let before = light(&watching.next());
    drop(camera);
    wait_until("a dark picture", || (light(&watching.next()) < before / 2).then_some(()));
    stop(running);
}

#[test]
fn blurred_faces_cannot_be_recognised() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let running = start(&scratch, &camera, port, "", &["--stream", "--blur"]);
    let (_, mut watching) = Watching::open(port, "/stream/the_hall.mjpg", "");
    let streamed = colors_of_the_face(&watching.next());
    stop(running);

    // The same in annotated copies.
    let (open, hidden) = (scratch.path("open.png"), scratch.path("hidden.png"));
    let (open, hidden) = (open.to_str().unwrap(), hidden.to_str().unwrap());
    let (config, picture) = (scratch.tiny(""), portrait_path());
    run(&["run", "--config", &config, "--source", &picture, "--annotate", open]).exits(0);
    run(&["run", "--config", &config, "--source", &picture, "--annotate", hidden, "--blur"]).exits(0);
    let [open, hidden] =
        [open, hidden].map(|file| colors_of_the_face(&image::open(file).unwrap().into_rgb8()));
    assert!(streamed * 4 < open && hidden * 4 < open, "{streamed}, {hidden}; not hidden {open}");
}

#[test]
fn without_stream_there_are_no_pictures() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    let running = start(&scratch, &camera, port, "", &[]);
    assert_eq!(Watching::open(port, "/stream/the_hall.mjpg", "").0, 404);
    stop(running);
}

#[test]
fn the_token_is_also_taken_as_a_password() {
    let (scratch, camera, port) = (Scratch::new(), portrait_camera(), free_port());
    scratch.file("token", "0123456789abcdef");
    let http = "token_file = \"token\"\n";
    let running = start(&scratch, &camera, port, http, &["--stream"]);
    // emotiond:0123456789abcdef and emotiond:wrong.
    let login = |text: &str| format!("Authorization: Basic {text}\r\n");
    for (headers, expected) in [
        (String::new(), 401),
        (login("ZW1vdGlvbmQ6MDEyMzQ1Njc4OWFiY2RlZg=="), 200),
        (login("ZW1vdGlvbmQ6d3Jvbmc="), 401),
        (login("no base64!"), 401),
    ] {
        assert_eq!(Watching::open(port, "/stream/the_hall.mjpg", &headers).0, expected, "{headers}");
    }
    stop(running);
}

#[test]
fn where_only_the_audience_may_be_told_pictures_are_refused() {
    let scratch = Scratch::new();
    let config = scratch.tiny("[privacy]\nmode = \"aggregate\"\n");
    let ran = run(&["run", "--config", &config, "--source", &portrait_path(), "--stream"]).exits(78);
    ran.complains_once(&["--stream shows pictures of single people"]);
}
