//! Large pictures with many small faces, searched in tiles (`../shared`).

use crate::common::{
    Scratch, astronaut, crowd::crowd, encode, judged::missed, number, real_config, run_sources,
};
use emotiond::detect::{DetectorChoice, DetectorConfig, DetectorPlan, TileRule};
use emotiond_core::{
    picture::{Color, PictureView},
    runtime::{Runtime, RuntimeConfig},
};
use image::{ImageFormat, RgbImage, imageops};
use test_support::shared;

#[test]
#[ignore = "needs developer data"]
fn small_faces_of_a_full_house_are_found_in_tiles() {
    let scene = crowd(1920, 1080, &[24.0, 30.0, 36.0, 48.0, 60.0]);
    let view = PictureView::new(1920, 1080, Color::Rgb, scene.picture.as_raw());
    let runtime = Runtime::load(&RuntimeConfig::default()).unwrap();
    let searches = [(960, TileRule::Off), (1920, TileRule::Off), (960, TileRule::Auto)];
    let [shrunk, large, tiled] = searches.map(|(max_side_px, tiles)| {
        let (name, file) = (DetectorChoice::Yunet, Some(shared("models/yunet_s_640_640.onnx")));
        let min_face_px = 16.0;
        let config =
            DetectorConfig { name, file, max_side_px, tiles, min_face_px, ..DetectorConfig::default() };
        let (plan, mut found) = (DetectorPlan::new(&runtime, &config).unwrap(), Vec::new());
        plan.build().unwrap().detect(&view, &plan.settings, &mut found).unwrap();
        let missed = missed(&found, scene.truths.clone()).len();
        let hits = scene.truths.len() - missed;
        (hits as f64 / scene.truths.len() as f64, found.len() - hits)
    });
    let told = format!("recall and false alarms: {shrunk:?}, at full size {large:?}, with tiles {tiled:?}");
    assert!(tiled.0 >= large.0 - 0.01 && tiled.0 > shrunk.0 + 0.3, "{told}");
    assert!(tiled.1 <= large.1 + 5, "{told}");
}

/// A grid of heads that lie on all edges of tiles and corners of four.
fn heads() -> (RgbImage, usize) {
    let head = imageops::crop_imm(&astronaut(), 118, 10, 220, 220).to_image();
    let head = imageops::resize(&head, 64, 64, imageops::FilterType::Triangle);
    let mut picture = RgbImage::from_pixel(1920, 1080, image::Rgb([96, 104, 112]));
    let places = (10..1850i64).step_by(83).flat_map(|x| (8..1010i64).step_by(77).map(move |y| (x, y)));
    let count = places.clone().count();
    places.for_each(|(x, y)| imageops::replace(&mut picture, &head, x, y));
    (picture, count)
}

#[test]
#[ignore = "needs developer data"]
fn a_face_on_the_edge_of_a_tile_is_reported_once_and_a_small_picture_is_searched_as_without_tiles() {
    let scratch = Scratch::new();
    let tiled = real_config().replace("[detector]\n", "[detector]\ntiles = \"auto\"\nmin_face_px = 16.0\n");
    let tiled = scratch.file("tiled.toml", tiled);
    let (picture, count) = heads();
    let large = scratch.file("large.png", encode(&picture, ImageFormat::Png));
    let faces = run_sources(&tiled, &[&large], &[]).exits(0).faces();
    let place = |face: &serde_json::Value| ["x", "y"].map(|side| number(&face["box"][side]));
    for (index, face) in faces.iter().enumerate() {
        let near = |other: &serde_json::Value| {
            let (a, b) = (place(face), place(other));
            a[0].abs_diff(b[0]) < 40 && a[1].abs_diff(b[1]) < 40
        };
        assert!(!faces[..index].iter().any(near), "{face} is reported twice");
    }
    assert_eq!(faces.len(), count);

    let small = scratch.file("small.png", encode(&astronaut(), ImageFormat::Png));
    let plain = real_config().replace("[detector]\n", "[detector]\nmin_face_px = 16.0\n");
    let lines = |config: &str| run_sources(config, &[&small], &[]).exits(0).masked();
    assert_eq!(lines(&scratch.file("plain.toml", plain)), lines(&tiled));
}
