//! The drawings, checked by pixel.

use emotiond::{
    analysed::{Analysed, AnalysedFace},
    areas::Areas,
    draw::{Artist, PanelRow, Rect, Scaler, Sizes, fit, grid, mirror, mirrored},
    frame::Picture,
};
use emotiond_core::{geometry::BoundingBox, palette::color};
use proptest::prelude::*;

const GROUND: [u8; 3] = [90, 90, 90];

fn labels() -> Vec<String> {
    ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"].map(str::to_owned).to_vec()
}

fn gray(width: u32, height: u32) -> Picture {
    let mut picture = Picture::default();
    picture.resize(width, height);
    picture.pixels.fill(GROUND[0]);
    picture
}

/// Faces with a high probability of happy.
fn happy(boxes: &[BoundingBox]) -> Analysed {
    let face =
        |(index, bounds): (usize, &BoundingBox)| AnalysedFace { track: index as u64 + 1, bounds: *bounds };
    let row = [0.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.2];
    Analysed {
        faces: boxes.iter().enumerate().map(face).collect(),
        probabilities: boxes.iter().flat_map(|_| row).collect(),
        ..Analysed::default()
    }
}

fn drawn(width: u32, height: u32, shown: &Analysed) -> Picture {
    let mut picture = gray(width, height);
    Artist::default().draw_faces(&mut picture, shown, &labels());
    picture
}

fn at(picture: &Picture, x: u32, y: u32) -> [u8; 3] {
    let start = (y as usize * picture.width as usize + x as usize) * 3;
    picture.pixels[start..start + 3].try_into().unwrap()
}

/// The positions of all pixels of a colour.
fn places(picture: &Picture, wanted: [u8; 3]) -> Vec<(u32, u32)> {
    let all = (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| (x, y)));
    all.filter(|&(x, y)| at(picture, x, y) == wanted).collect()
}

#[test]
fn a_box_lies_where_the_face_is_and_leaves_it_free() {
    for (width, height) in [(320, 240), (640, 480), (1280, 720), (3840, 2160)] {
        let (w, h) = (width as f32, height as f32);
        let bounds = BoundingBox::new(w * 0.3, h * 0.4, h * 0.3, h * 0.3);
        let picture = drawn(width, height, &happy(&[bounds]));
        let happy = color("happy", 3);
        let (left, top) = (bounds.x.round() as u32, bounds.y.round() as u32);
        let (right, bottom) = ((bounds.x + bounds.w) as u32, (bounds.y + bounds.h) as u32);
        let middle = ((left + right) / 2, (top + bottom) / 2);
        for edge in [(left + 1, middle.1), (right - 2, middle.1), (middle.0, bottom - 2)] {
            assert_eq!(at(&picture, edge.0, edge.1), happy, "{width}x{height} at {edge:?}");
        }
        assert_eq!(at(&picture, middle.0, middle.1), GROUND, "the face itself is not painted over");
        let plate = Sizes::of(width, height).text * 2 / 3;
        assert_eq!(at(&picture, left + 1, top - plate), happy, "{width}x{height}: its label is above it");
    }
}

#[test]
fn text_can_be_read_at_any_size() {
    assert!(Sizes::of(320, 240).text >= 11 && Sizes::of(3840, 2160).text >= 48);
    for (width, height) in [(320, 240), (1280, 720), (3840, 2160)] {
        let mut picture = gray(width, height);
        let line = "lobby   29.8 fps   9 ms   3 faces   0 skipped   cpu";
        Artist::default().draw_status(&mut picture, line);
        let ink: Vec<_> =
            picture.pixels.as_chunks::<3>().0.iter().filter(|pixel| pixel.iter().all(|v| *v > 200)).collect();
        assert!(ink.len() > 150, "{width}x{height}: {} pixels of text", ink.len());
    }
}

#[test]
fn a_line_that_is_too_long_is_made_smaller() {
    let mut picture = gray(400, 300);
    Artist::default().draw_status(&mut picture, &"0123456789 ".repeat(6));
    let bright = |x: u32| (0..300).any(|y| at(&picture, x, y)[0] > 200);
    assert!((200..390).any(bright), "it continues to the right");
    assert!(!(396..400).any(bright), "and ends before the edge");
}

#[test]
fn a_chart_shows_each_emotion_as_long_as_it_is_probable() {
    let shown = happy(&[BoundingBox::new(200.0, 200.0, 150.0, 150.0)]);
    let picture = drawn(1280, 720, &shown);
    let right_of_box = |wanted| {
        let found = places(&picture, wanted).into_iter().filter(|(x, _)| *x > 351);
        let xs: Vec<u32> = found.map(|(x, _)| x).collect();
        xs.iter().max().map_or(0, |right| right - xs.iter().min().unwrap() + 1)
    };
    let (happy, neutral) = (right_of_box(color("happy", 3)), right_of_box(color("neutral", 6)));
    assert!(happy > 40 && happy.abs_diff(4 * neutral) <= 4, "{happy} and {neutral} pixels");
    assert_eq!(right_of_box(color("angry", 0)), 0);
}

#[test]
fn a_chart_hides_no_face() {
    let second = BoundingBox::new(360.0, 200.0, 150.0, 150.0);
    let picture = drawn(1280, 720, &happy(&[BoundingBox::new(200.0, 200.0, 150.0, 150.0), second]));
    let inside = |y| (370..500).all(|x| at(&picture, x, y) == GROUND);
    assert!((210..340).all(inside));
}

#[test]
fn faces_become_blocks_and_the_rest_stays() {
    let mut picture = gray(300, 300);
    for (index, value) in picture.pixels.iter_mut().enumerate() {
        *value = (index * 7 % 251) as u8;
    }
    let original = picture.pixels.clone();
    let shown = happy(&[BoundingBox::new(100.0, 100.0, 100.0, 100.0)]);
    Artist::default().hide_faces(&mut picture, &shown, &Areas::default());
    let row: Vec<[u8; 3]> = (100..200).map(|x| at(&picture, x, 150)).collect();
    assert!(row.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 7, "some seven blocks");
    let changed = original.chunks(3).zip(picture.pixels.chunks(3)).enumerate().filter(|(_, (a, b))| a != b);
    for (index, _) in changed {
        let (x, y) = (index % 300, index / 300);
        assert!((80..220).contains(&x) && (80..220).contains(&y), "{x}, {y} lies outside");
    }
}

#[test]
fn a_mirror_image_is_mirrored_with_its_boxes() {
    let bounds = BoundingBox::new(10.0, 20.0, 30.0, 40.0);
    let mut picture = gray(100, 80);
    picture.fill(Rect::around(&bounds), [1, 2, 3]);
    let original = picture.pixels.clone();
    mirror(&mut picture);
    let other = Rect::around(&mirrored(&bounds, 100));
    assert_eq!((other.x, other.y, other.w, other.h), (60, 20, 30, 40));
    assert_eq!(places(&picture, [1, 2, 3]).first(), Some(&(60, 20)));
    mirror(&mut picture);
    assert_eq!(picture.pixels, original);
}

#[test]
fn tiles_keep_the_aspect_and_do_not_overlap() {
    let wide = fit(640, 480, Rect::new(0, 0, 1280, 720));
    assert_eq!(wide, Rect::new(160, 0, 960, 720));
    assert_eq!(fit(100, 300, Rect::new(10, 10, 300, 300)), Rect::new(110, 10, 100, 300));
    for count in 1..20 {
        let area = Rect::new(0, 0, 1280, 720);
        let tiles = grid(count, area);
        assert_eq!(tiles.len(), count);
        for (index, tile) in tiles.iter().enumerate() {
            assert!(area.contains(tile) && tile.w >= 160 && tile.h >= 120, "{count}: {tile:?}");
            assert!(tiles[..index].iter().all(|other| !other.overlaps(tile)));
        }
    }
}

#[test]
fn a_smaller_picture_takes_its_faces_along() {
    let shown = Analysed { picture: gray(400, 200), ..happy(&[BoundingBox::new(40.0, 60.0, 80.0, 100.0)]) };
    let mut small = Analysed::default();
    Scaler::default().scale_shown(&shown, 200, 100, &mut small);
    assert_eq!((small.picture.width, small.picture.height), (200, 100));
    assert_eq!(small.faces[0].bounds, BoundingBox::new(20.0, 30.0, 40.0, 50.0));
    assert!(small.picture.pixels.iter().all(|value| *value == GROUND[0]));
}

#[test]
fn a_panel_fits_into_a_small_picture() {
    let rows: Vec<PanelRow> = (0..13)
        .map(|_| PanelRow {
            key: "q, Esc".to_owned(),
            text: "make faces unrecognisable".to_owned(),
            patch: None,
        })
        .collect();
    let mut picture = gray(320, 240);
    Artist::default().draw_panel(&mut picture, &rows);
    assert_eq!(at(&picture, 2, 120), GROUND);
    assert_ne!(at(&picture, 160, 120), GROUND);
}

proptest! {
    #[test]
    fn boxes_anywhere_are_drawn_without_a_error(
        boxes in prop::collection::vec((-3e9f32..3e9, -500f32..900.0, 0f32..4e9, 0f32..900.0), 0..5),
        width in 1u32..400, height in 1u32..400,
    ) {
        let boxes: Vec<_> = boxes.into_iter().map(|(x, y, w, h)| BoundingBox::new(x, y, w, h)).collect();
        let shown = happy(&boxes);
        let mut picture = drawn(width, height, &shown);
        Artist::default().hide_faces(&mut picture, &shown, &Areas::default());
        Artist::default().draw_status(&mut picture, "lobby");
        Artist::default().draw_panel(&mut picture, &[PanelRow::default()]);
        prop_assert_eq!(picture.pixels.len(), width as usize * height as usize * 3);
    }

    #[test]
    fn a_label_is_inside_the_frame_wherever_the_face_is(x in -90f32..630.0, y in -90f32..470.0) {
        let bounds = BoundingBox::new(x, y, 100.0, 100.0);
        let picture = drawn(640, 480, &happy(&[bounds]));
        // Its colour covers the area of a complete label.
        prop_assert!(places(&picture, color("happy", 3)).len() > 600);
    }
}
