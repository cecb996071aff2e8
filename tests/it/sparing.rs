//! Pictures that are not searched: what that changes in the events, and that a file gives the same events on every
//! machine. Most tests need `../shared`.

use crate::common::{
    Scratch, astronaut, emotiond, ffmpeg, finish, number, real_config, run_sources, text, tiny_config,
};
use image::{Rgb, RgbImage, imageops};
use serde_json::Value;
use std::{collections::HashMap, fs, ops::Range};

const RATE: u32 = 30;
/// How late somebody may be announced, in frames: 300 ms.
const LATEST: u64 = 9;
/// How many people walk.
const WALKS: u32 = 100;

/// Pseudo-random numbers, the same on every run.
pub(crate) struct Random(pub u32);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit
    }
}

/// Shows a figure beside the test's name, for the documentation.
#[expect(clippy::print_stderr, reason = "only shown on request")]
pub(crate) fn note(figure: &str) {
    eprintln!("{figure}");
}

/// A room without people.
pub(crate) fn room(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let light = match (x * 8 / width, y * 6 / height) {
            (5, 1) => 210,
            (_, 4..) => 60 + (x / 40 + y / 40) % 2 * 25,
            (1, 2..) => 90 + x % 7 * 3,
            _ => 110 + y * 40 / height,
        };
        Rgb([0, 4, 8].map(|tint| (light + tint) as u8))
    })
}

/// The portrait's head, `side` pixels wide.
fn head(side: u32) -> RgbImage {
    let head = imageops::crop_imm(&astronaut(), 118, 10, 220, 220).to_image();
    imageops::resize(&head, side, side, imageops::FilterType::Triangle)
}

/// The scene as a camera sends it: with noise, as JPEG.
pub(crate) fn camera_frame(scene: &RgbImage, random: &mut Random) -> Vec<u8> {
    let noisy: Vec<u8> = scene
        .as_raw()
        .iter()
        .map(|&value| (u32::from(value) + random.below(7)).saturating_sub(3).min(255) as u8)
        .collect();
    let (width, height) = (scene.width() as usize, scene.height() as usize);
    let format = turbojpeg::PixelFormat::RGB;
    let image = turbojpeg::Image { pixels: &noisy[..], width, pitch: width * 3, height, format };
    turbojpeg::compress(image, 85, turbojpeg::Subsamp::Sub2x2).unwrap().to_vec()
}

/// The face events of an MJPEG stream of 30 frames a second, with more settings under `[detector]` and `[model]`.
pub(crate) fn faces(scratch: &Scratch, stream: &str, detector: &str, model: &str) -> Vec<Value> {
    faces_of(scratch, stream, detector, model, "")
}

/// The same with more settings of the source.
fn faces_of(scratch: &Scratch, stream: &str, detector: &str, model: &str, source: &str) -> Vec<Value> {
    let config = real_config()
        .replace("[detector]\n", &format!("[detector]\n{detector}\n"))
        .replace("[model]\n", &format!("[model]\n{model}\n"));
    let source = format!("[[source]]\nuri = \"-\"\nfps = {RATE}\n{source}\n");
    let config = scratch.file("config.toml", config + &source);
    let mut command = emotiond(&["run", "--config", &config, "--emit", "every-frame"]);
    command.stdin(fs::File::open(stream).unwrap());
    finish(command).exits(0).faces()
}

fn of_phase<'a>(faces: &'a [Value], phase: &'a str) -> impl Iterator<Item = &'a Value> {
    faces.iter().filter(move |face| face["phase"] == phase)
}

/// Somebody who walks through an empty room.
struct Walk {
    first: u64,
    last: u64,
    side: u32,
    step: f32,
}

/// Walks from either side at all speeds and sizes, each into an empty room that has been still for a while.
fn walks(scratch: &Scratch, numbers: Range<u32>) -> (String, Vec<Walk>) {
    let (width, height) = (640, 360);
    let mut random = Random(numbers.start);
    let (mut stream, mut walks, mut frames) = (Vec::new(), Vec::new(), 0);
    let empty = room(width, height);
    for number in numbers {
        let side = [36, 48, 64, 90, 130, 180][number as usize % 6] + random.below(10);
        let step = [0.7, 1.5, 3.0, 5.0, 8.0, 14.0, 25.0][number as usize % 7];
        let (head, top) = (head(side), random.below(height - side));
        let length = ((side as f32 * 1.3 / step).ceil() as u32 + 8).min(90);
        for _ in 0..75 + random.below(12) {
            stream.extend(camera_frame(&empty, &mut random));
            frames += 1;
        }
        let first = frames;
        // A slow one has come half of the way in already.
        let behind = (side as f32 * 1.3 - step * length as f32).max(0.0);
        for frame in 0..length {
            let inside = (behind + step * frame as f32) as i64;
            let is_from_left = number.is_multiple_of(2);
            let left = if is_from_left { inside - i64::from(side) } else { i64::from(width) - inside };
            let mut scene = empty.clone();
            imageops::replace(&mut scene, &head, left, i64::from(top));
            stream.extend(camera_frame(&scene, &mut random));
            frames += 1;
        }
        walks.push(Walk { first, last: frames, side, step });
    }
    (scratch.file("walks.mjpeg", stream), walks)
}

#[test]
#[ignore = "needs developer data"]
fn somebody_who_enters_an_empty_room_is_announced_as_early_as_if_every_frame_were_searched() {
    let scratch = Scratch::new();
    let (mut late, mut seen) = (0, 0);
    for numbers in (0..WALKS).step_by(10).map(|first| first..first + 10) {
        let (stream, walks) = walks(&scratch, numbers);
        let announced = |every_s: &str| {
            let faces = faces(&scratch, &stream, &format!("still_every_s = {every_s}"), "");
            let new: Vec<u64> = of_phase(&faces, "new").map(|face| number(&face["frame"])).collect();
            let first =
                |walk: &Walk| new.iter().copied().find(|frame| (walk.first..walk.last + 60).contains(frame));
            walks.iter().map(first).collect::<Vec<_>>()
        };
        for ((walk, always), spared) in walks.iter().zip(announced("0")).zip(announced("2")) {
            let Some(always) = always else { continue };
            let spared = spared.unwrap_or(u64::MAX);
            let told = format!("{} px, {} px a frame: {always}, then {spared}", walk.side, walk.step);
            assert!(spared <= always + LATEST, "{told}");
            seen += 1;
            if spared > always {
                late += 1;
                note(&told);
            }
        }
    }
    note(&format!("{late} of {seen} are announced later"));
    assert!(seen * 10 > WALKS * 6, "only {seen} are announced at all");
    assert!(late * 100 <= seen, "{late} of {seen} are announced later");
}

#[test]
#[ignore = "needs developer data"]
fn faces_in_a_still_picture_are_told_as_before_and_stay_where_they_are() {
    let scratch = Scratch::new();
    let mut random = Random(5);
    let mut scene = room(640, 360);
    imageops::replace(&mut scene, &head(120), 80, 60);
    imageops::replace(&mut scene, &head(60), 400, 100);
    let stream: Vec<u8> = (0..300).flat_map(|_| camera_frame(&scene, &mut random)).collect();
    let stream = scratch.file("poster.mjpeg", stream);
    let [always, spared] =
        ["0", "2"].map(|every_s| faces(&scratch, &stream, &format!("still_every_s = {every_s}"), ""));
    assert_eq!(always.len(), spared.len(), "a line for each face in each frame");
    let place = |face: &Value| ["x", "y", "w", "h"].map(|side| number(&face["box"][side]));
    let mut moved = 0;
    for (a, b) in always.iter().zip(&spared) {
        for key in ["frame", "track", "phase"] {
            assert_eq!(a[key], b[key]);
        }
        let off = place(a).into_iter().zip(place(b)).map(|(a, b)| a.abs_diff(b)).max().unwrap();
        assert!(off <= 12, "{a} {b}");
        moved += usize::from(off > 0);
    }
    let held = spared.windows(5).filter(|faces| place(&faces[0]) == place(&faces[4])).count();
    assert!(moved > 0 && held > spared.len() / 2, "no picture was still: {held} of {}", spared.len());
}

#[test]
#[ignore = "needs developer data"]
fn a_picture_whose_only_change_is_in_a_masked_area_is_still() {
    let scratch = Scratch::new();
    let mut random = Random(6);
    let mut scene = room(640, 360);
    imageops::replace(&mut scene, &head(120), 80, 60);
    let mut stream = Vec::new();
    for frame in 0..150 {
        // A television, on whose screen something moves.
        for y in 40..160 {
            let bright = |x: u32| ((x + frame * 9) / 30 % 2 * 150 + 50) as u8;
            (420..600).for_each(|x| scene.put_pixel(x, y, Rgb([bright(x); 3])));
        }
        stream.extend(camera_frame(&scene, &mut random));
    }
    let stream = scratch.file("television.mjpeg", stream);
    let area = "[[[0.6, 0.05], [1.0, 0.05], [1.0, 0.5], [0.6, 0.5]]]";
    let [seen, masked] = ["[]", area].map(|mask| {
        let faces = faces_of(&scratch, &stream, "still_every_s = 2", "", &format!("mask = {mask}"));
        let places: Vec<&Value> = faces.iter().map(|face| &face["box"]).collect();
        assert_eq!(places.len(), 151, "a line for each frame, and one for the end");
        places.windows(2).filter(|pair| pair[0] == pair[1]).count()
    });
    assert!(
        masked > 120 && masked > 2 * seen,
        "in {seen} and {masked} frames, the box has stayed where it was"
    );
}

/// A clip in which a large face moves, stops and leaves, as JPEG frames in an AVI file.
fn comings_and_goings(scratch: &Scratch, frames: u32) -> String {
    let mut random = Random(9);
    for number in 0..frames {
        let mut scene = room(640, 480);
        if (10..60).contains(&number) || number > 90 {
            let left = 10 + 6 * (number % 60).min(40);
            imageops::replace(&mut scene, &head(250), i64::from(left), 100);
        }
        scratch.file(&format!("frames/{number:03}.jpg"), camera_frame(&scene, &mut random));
    }
    let (pictures, clip) = (text(&scratch.path("frames/%03d.jpg")), text(&scratch.path("clip.avi")));
    ffmpeg(&["-framerate", "30", "-i", &pictures, "-c:v", "copy", &clip]);
    clip
}

/// Four small heads that sway, and a fifth that comes later, as a stream of JPEG pictures.
fn small_heads(scratch: &Scratch, frames: u32, joined: u32) -> String {
    let (mut random, room, head) = (Random(3), room(1280, 720), head(80));
    let mut stream = Vec::new();
    for number in 0..frames {
        let mut scene = room.clone();
        for person in 0..if number < joined { 4 } else { 5 } {
            let sway = (30.0 * (number as f32 / (8.0 + person as f32)).sin()) as i64;
            let (left, top) = (90 + 230 * i64::from(person), 100 + 110 * i64::from(person) + sway / 2);
            imageops::replace(&mut scene, &head, left + sway, top);
        }
        stream.extend(camera_frame(&scene, &mut random));
    }
    scratch.file("heads.mjpeg", stream)
}

/// The box of each face in each frame.
fn boxes(faces: &[Value]) -> HashMap<(u64, u64), [u64; 4]> {
    let told = faces.iter().filter(|face| face["phase"] != "end");
    told.map(|face| {
        let place = ["x", "y", "w", "h"].map(|side| number(&face["box"][side]));
        ((number(&face["frame"]), number(&face["track"])), place)
    })
    .collect()
}

#[test]
#[ignore = "needs developer data"]
fn small_faces_are_found_where_they_were_as_by_full_searches_and_somebody_new_soon() {
    let scratch = Scratch::new();
    let (frames, joined) = (120, 60);
    let stream = small_heads(&scratch, frames, joined);
    let [full, near] =
        ["false", "true"].map(|regions| faces(&scratch, &stream, &format!("regions = {regions}"), ""));
    let news = |faces: &[Value]| {
        of_phase(faces, "new")
            .map(|face| (number(&face["track"]), number(&face["frame"])))
            .collect::<Vec<_>>()
    };
    let (news_full, news_near) = (news(&full), news(&near));
    assert_eq!((news_full.len(), news_near.len()), (5, 5), "{news_full:?} {news_near:?}");
    for (a, b) in news_full.iter().zip(&news_near) {
        assert!(a.0 == b.0 && b.1 <= a.1 + LATEST, "{news_full:?} {news_near:?}");
    }
    let (boxes_full, boxes_near) = (boxes(&full), boxes(&near));
    note(&format!("{} faces, {} around their places", boxes_full.len(), boxes_near.len()));
    assert_ne!(boxes_full, boxes_near, "all frames were searched at full size");
    // But for the frames until the next full search.
    let missing = boxes_full.len().saturating_sub(boxes_near.len()) as u64;
    assert!(missing <= LATEST, "{missing} are missing");
    for (face, a) in &boxes_full {
        let Some(b) = boxes_near.get(face) else { continue };
        assert!(a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 8), "{face:?}: {a:?} {b:?}");
    }
}

#[test]
#[ignore = "needs developer data"]
fn searches_around_known_faces_do_not_depend_on_the_number_of_threads() {
    let scratch = Scratch::new();
    let stream = small_heads(&scratch, 60, 20);
    let lines = |threads: u32| {
        let config = format!("{}[limits]\nvision_threads = {threads}\n", real_config());
        let source = format!("[[source]]\nuri = \"-\"\nfps = {RATE}\n");
        let config = scratch.file("threads.toml", format!("{config}{source}"));
        let mut command = emotiond(&["run", "--config", &config, "--emit", "every-frame"]);
        command.stdin(fs::File::open(&stream).unwrap());
        finish(command).exits(0).masked()
    };
    let one = lines(1);
    assert!(one.len() > 200, "{one:?}");
    for threads in [2, 8, 30] {
        assert_eq!(one, lines(threads), "{threads} threads");
    }
}

#[test]
fn a_file_gives_the_same_events_with_any_number_of_threads_and_whoever_watches() {
    let scratch = Scratch::new();
    let clip = comings_and_goings(&scratch, 150);
    let lines = |threads: u32, more: &[&str]| {
        let config = format!("{}[limits]\nvision_threads = {threads}\n", tiny_config());
        let config = scratch.file("threads.toml", config);
        let arguments = [&["--emit", "every-frame"], more].concat();
        run_sources(&config, &[&clip], &arguments).exits(0).masked()
    };
    let one = lines(1, &[]);
    assert!(one.len() > 80, "{one:?}");
    let copy = text(&scratch.path("copy.mp4"));
    for (threads, more) in [(2, &[][..]), (8, &[]), (30, &[]), (2, &["--annotate", &copy])] {
        let other = lines(threads, more);
        let first = one.iter().zip(&other).find(|(a, b)| a != b);
        assert!(first.is_none() && one.len() == other.len(), "{threads} threads, {more:?}: {first:?}");
    }
}
