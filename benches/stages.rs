//! Measures the time of each step of a frame without ONNX Runtime: decoding, non-maximum suppression, cropping,
//! tracking, writing.
//!
//! cargo bench --bench stages
#![expect(clippy::unwrap_used, reason = "a measurement that cannot continue ends")]

use divan::{Bencher, counter::ItemsCount};
use emotiond::{
    decode::FrameDecoder,
    detect::{Detection, suppress},
    event::{FaceEvent, Phase, PixelBox, Probabilities, Sighting},
    frame::{Encoding, Frame, Picture},
    sink::LineSink,
    stop::Stop,
    track::{Findings, TrackIds, Tracker, TrackerConfig},
    turn::Turn,
};
use emotiond_core::{
    classify::description::InputSpec,
    face::{Framing, InputCutter},
    geometry::BoundingBox,
};
use emotiond_send::event::Kind;
use std::{io, sync::Arc};

const PORTRAIT: &[u8] = include_bytes!("../tests/data/astronaut.jpg");
const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];
const FACES: [usize; 4] = [1, 16, 64, 200];

fn main() {
    divan::main();
}

/// The portrait, resized.
fn picture(width: u32, height: u32) -> Picture {
    let portrait = image::load_from_memory(PORTRAIT).unwrap().into_rgb8();
    let filter = image::imageops::FilterType::Triangle;
    let pixels = image::imageops::resize(&portrait, width, height, filter).into_raw();
    Picture { width, height, pixels }
}

/// Faces in rows and columns that move slightly from `frame` to `frame`.
fn crowd(faces: usize, frame: usize) -> Vec<Detection> {
    let place = |n: usize| {
        let stir = ((n * 7 + frame * 13) % 10) as f32;
        let (x, y) = ((n % 20 * 60) as f32 + stir, (n / 20 * 60) as f32 - stir);
        Detection {
            bounds: BoundingBox::new(x, y, 40.0, 40.0),
            score: 0.9 - n as f32 * 1e-3,
            landmarks: None,
            pose: None,
        }
    };
    (0..faces).map(place).collect()
}

#[divan::bench(args = SIZES)]
fn decode_jpeg(bencher: Bencher, (width, height): (u32, u32)) {
    let picture = picture(width, height);
    let pixels = turbojpeg::Image {
        pixels: picture.pixels.as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    decode(
        bencher,
        Encoding::Jpeg,
        &turbojpeg::compress(pixels, 90, turbojpeg::Subsamp::Sub2x2).unwrap(),
        (width, height),
    );
}

#[divan::bench(args = SIZES)]
fn decode_yuyv(bencher: Bencher, (width, height): (u32, u32)) {
    let bytes: Vec<u8> = (0..width as usize * height as usize * 2).map(|i| (i * 31 % 251) as u8).collect();
    decode(bencher, Encoding::Yuyv, &bytes, (width, height));
}

/// A turned picture is turned again and again.
#[divan::bench(args = [0, 90, 180, 270])]
fn turn_and_mirror(bencher: Bencher, degrees: u32) {
    let turn = Turn { rotation: degrees.try_into().unwrap(), mirror: true };
    let Picture { width, height, mut pixels } = picture(1280, 720);
    bencher.bench_local(|| turn.apply((width, height), &mut pixels));
}

fn decode(bencher: Bencher, encoding: Encoding, bytes: &[u8], (width, height): (u32, u32)) {
    let decoder = FrameDecoder::new(64.0);
    let mut frame = Frame::default();
    bencher.bench_local(|| {
        frame.clear();
        (frame.encoding, frame.width, frame.height) = (encoding, width, height);
        frame.bytes.extend_from_slice(bytes);
        decoder.decode(&mut frame).unwrap();
    });
}

#[divan::bench(args = [48.0, 160.0, 480.0])]
fn cut_a_face(bencher: Bencher, side: f32) {
    let picture = picture(1280, 720);
    let face = BoundingBox::new(400.3, 100.7, side, side * 1.2);
    let mut cutter = InputCutter::new(Framing { margin: -0.1, down: 0.04 }, InputSpec::fer2013());
    let mut inputs = Vec::new();
    bencher.bench_local(|| {
        inputs.clear();
        cutter.append(&picture.view(), &face, &mut inputs);
    });
}

/// Eight boxes around each face, as in the raw output of a detector.
#[divan::bench(args = FACES)]
fn suppress_overlaps(bencher: Bencher, faces: usize) {
    let found: Vec<Detection> = (0..8).flat_map(|frame| crowd(faces, frame)).collect();
    bencher.counter(ItemsCount::new(found.len())).with_inputs(|| found.clone()).bench_local_values(
        |mut found| {
            suppress(&mut found, 0.3);
            found
        },
    );
}

#[divan::bench(args = FACES)]
fn track(bencher: Bencher, faces: usize) {
    let crowds: Vec<Vec<Detection>> = (0..10).map(|frame| crowd(faces, frame)).collect();
    let (mut tracker, ids) = (Tracker::new(TrackerConfig::default()), TrackIds::default());
    let (mut told, mut lost, mut frame) = (Vec::new(), Vec::new(), 0);
    bencher.counter(ItemsCount::new(faces)).bench_local(|| {
        told.clear();
        frame += 1;
        let findings = Findings {
            detections: &crowds[frame % 10],
            min_score: 0.6,
            blind_below_px: 0.0,
            only_known: false,
            picture: None,
            shrink: 1,
        };
        tracker.search(&findings, frame as f64 / 30.0, &ids, &mut told, &mut lost);
    });
}

#[divan::bench]
fn write_an_event(bencher: Bencher) {
    let labels = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"].map(str::to_owned);
    let values = [0.01, 0.0, 0.01, 0.93, 0.01, 0.02, 0.02];
    let bounds = PixelBox::new(&BoundingBox::new(312.4, 88.2, 96.0, 96.0), 1280, 720);
    let time = jiff::Timestamp::UNIX_EPOCH;
    let mut sink = LineSink::new(io::sink(), Stop::default(), Arc::default());
    bencher.bench_local(|| {
        let probabilities = Probabilities { labels: &labels, values: &values };
        let sighting = Sighting { phase: Phase::Update, track: 7, bounds, score: 0.98 };
        sink.write(Kind::Face, &FaceEvent::new("lobby", time, 1234, &sighting, probabilities));
    });
}
