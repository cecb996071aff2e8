//! Masks and zones of a source.

use crate::common::{Ran, Scratch, astronaut, emotiond, encode, finish, string};
use image::{ImageFormat, Rgb};
use serde_json::json;
use std::fs;

/// The face of the portrait is in the upper half, left of the middle.
const FACE: &str = "[[0.2, 0.0], [0.6, 0.0], [0.6, 0.5], [0.2, 0.5]]";
const ELSEWHERE: &str = "[[0.6, 0.0], [1.0, 0.0], [1.0, 0.5], [0.6, 0.5]]";

/// The events of 30 frames of the portrait on stdin, three seconds.
fn run_with(scratch: &Scratch, keys: &str, more: &[&str]) -> Ran {
    let config =
        scratch.tiny(&format!("[audience]\nevery_s = 2\n[[source]]\nuri = \"-\"\nfps = 10\n{keys}\n"));
    let stream = encode(&astronaut(), ImageFormat::Jpeg).repeat(30);
    let mut command = emotiond(&[&["run", "--config", &config], more].concat());
    command.stdin(fs::File::open(scratch.file("stream.mjpeg", stream)).unwrap());
    finish(command)
}

#[test]
fn a_face_in_a_mask_is_ignored() {
    let scratch = Scratch::new();
    let masked = run_with(&scratch, &format!("mask = [{FACE}]"), &[]).exits(0);
    assert!(masked.faces().is_empty() && masked.events().len() >= 3, "{}", masked.stdout);
    let other = run_with(&scratch, &format!("mask = [{ELSEWHERE}]"), &[]).exits(0);
    assert_eq!(other.faces().iter().filter(|face| face["phase"] == "new").count(), 1);
    assert!(other.events().iter().all(|event| event.get("zones").is_none()));
}

#[test]
fn events_tell_the_zones_of_a_face_and_the_figures_of_each_zone() {
    let scratch = Scratch::new();
    let zones = format!(
        "zones = [{{ name = \"front\", polygon = {FACE} }}, {{ name = \"back\", polygon = {ELSEWHERE} }}]"
    );
    let ran = run_with(&scratch, &zones, &[]).exits(0);
    assert!(!ran.faces().is_empty() && ran.faces().iter().all(|face| face["zones"] == json!(["front"])));
    let events = ran.events();
    let audience = events.iter().find(|event| event["type"] == "audience").unwrap();
    let (front, back) = (&audience["zones"]["front"], &audience["zones"]["back"]);
    assert_eq!(front["faces"], audience["faces"]);
    assert_eq!(front["dominant"], audience["dominant"]);
    assert!((front["dwell_s"]["max"].as_f64().unwrap() - 2.0).abs() < 0.2, "{front}");
    assert_eq!((&back["faces"]["distinct"], back.get("dwell_s")), (&json!(0), None));
}

#[test]
fn areas_are_drawn_in_an_annotated_copy() {
    let scratch = Scratch::new();
    let picture = scratch.file("portrait.png", encode(&astronaut(), ImageFormat::Png));
    let zone = "zones = [{ name = \"all\", polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]] }]";
    let config = scratch.tiny(&format!("[[source]]\nuri = \"{picture}\"\nmask = [{ELSEWHERE}]\n{zone}\n"));
    let out = scratch.path("out.png");
    finish(emotiond(&["run", "--config", &config, "--annotate", out.to_str().unwrap()])).exits(0);
    let (before, after) = (astronaut(), image::open(out).unwrap().into_rgb8());
    let sum = |pixel: &Rgb<u8>| pixel.0.iter().map(|&value| u32::from(value)).sum::<u32>();
    assert!(sum(after.get_pixel(480, 30)) * 2 < sum(before.get_pixel(480, 30)));
    let line = after.get_pixel(51, 400).0;
    assert!(line[2] > 200 && line[0] < 160, "{line:?}");
}

#[test]
fn what_is_no_area_is_refused_with_the_key() {
    let scratch = Scratch::new();
    for (keys, told) in [
        ("mask = [[[0.0, 0.0], [1.0, 1.0]]]", "three"),
        ("mask = [[[0.0, 0.0], [640.0, 0.0], [0.5, 0.5]]]", "0 to 1"),
        ("zones = [{ name = \"\", polygon = [[0,0],[1,0],[1,1]] }]", "no name"),
        (
            "zones = [{ name = \"a\", polygon = [[0,0],[1,0],[1,1]] }, { name = \"a\", polygon = [[0,0],[1,0],[1,1]] }]",
            "two zones",
        ),
    ] {
        let ran = run_with(&scratch, keys, &[]).exits(78);
        assert!(ran.stderr.contains(told), "{}", string(&json!(ran.stderr)));
    }
}
