//! A warm pipeline allocates nothing of its own: what each further frame allocates is what the foreign libraries
//! allocate in the calls it needs. Needs `../shared/models`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, unused_imports, reason = "this test uses little of it")]
#[path = "it/common/mod.rs"]
mod common;

use common::{data, ffmpeg, shared, text};
use crossbeam_channel::RecvTimeoutError;
use emotiond::{
    config::Config,
    pipeline::{Control, Newest, Pipeline, Waited},
    source::SourceUri,
    stop::Stop,
    tap::Tap,
};
use emotiond_core::{
    picture::{Color, PictureView, resize_part},
    runtime::Runtime,
};
use fast_image_resize::Resizer;
use ort::{session::Session, value::TensorRef};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Counts what Rust code allocates; the C and C++ libraries have their own way to the system's memory.
struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator; counting neither allocates nor panics.
#[expect(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Side of the frames in pixels.
const SIDE: usize = 320;
const SHORT: usize = 60;
const LONG: usize = 260;

const YUNET_OUTPUTS: [&str; 12] = [
    "cls_8", "obj_8", "bbox_8", "kps_8", "cls_16", "obj_16", "bbox_16", "kps_16", "cls_32", "obj_32",
    "bbox_32", "kps_32",
];

fn count(work: impl FnOnce()) -> usize {
    let before = COUNT.load(Ordering::Relaxed);
    work();
    COUNT.load(Ordering::Relaxed) - before
}

/// Allocations of one call once warm.
fn count_warm(mut work: impl FnMut()) -> usize {
    (0..5).for_each(|_| work());
    count(|| (0..10).for_each(|_| work())) / 10
}

/// Every frame is searched as a whole, and every face read, unless work is spared.
fn config(video: &Path, watched: Watched) -> Config {
    let (still, reads) = if watched == Watched::Spared { (2.0, 10.0) } else { (0.0, 0.0) };
    let regions = watched == Watched::Around;
    let text = format!(
        "emit = \"every-frame\"\n[detector]\nname = \"yunet\"\nfile = {:?}\nstill_every_s = {still}\n\
         regions = {regions}\n[model]\nfile = {:?}\n\
         reads_per_s = {reads}\n[runtime]\nep = \"cpu\"\n[limits]\nvision_threads = 1\n[[source]]\nuri = {video:?}\n",
        shared("models/yunet_n_dynamic.onnx"),
        data("tiny.onnx"),
    );
    let path = video.with_extension("toml");
    fs::write(&path, text).unwrap();
    Config::read(&path).unwrap()
}

/// Allocations a frame in the middle of a run.
fn slope(folder: &Path, name: &str, filter: &str, watched: Watched) -> f64 {
    let portrait = text(&data("astronaut.jpg"));
    let counts = [SHORT, LONG].map(|frames| {
        let video = folder.join(format!("{name}-{frames}.avi"));
        let (filter, frames) = (format!("scale={SIDE}:{SIDE}{filter}"), frames.to_string());
        let input = ["-loop", "1", "-framerate", "25", "-i", &portrait, "-frames:v", &frames, "-vf", &filter];
        ffmpeg(&[&input[..], &["-c:v", "mjpeg", "-q:v", "3", &text(&video)]].concat());
        let mut pipeline = Pipeline::load(config(&video, watched)).unwrap();
        let viewer = (watched == Watched::Shown).then(|| look_on(&mut pipeline));
        let listener = (watched == Watched::Sent).then(|| listen(&mut pipeline));
        assert!(matches!(pipeline.config.sources[0].uri, SourceUri::Video(_)));
        count(|| {
            let outcomes = pipeline.run(io::sink(), &Stop::default()).unwrap();
            assert_eq!(outcomes[0].analysed.to_string(), frames);
            if let Some(viewer) = viewer {
                assert!(viewer.join().unwrap() > 0, "it was shown");
            }
            if let Some((control, listener)) = listener {
                control.set_tap(None);
                assert!(listener.join().unwrap() >= LONG.min(frames.parse().unwrap()), "lines were sent");
            }
        })
    });
    (counts[1] as f64 - counts[0] as f64) / (LONG - SHORT) as f64
}

/// Who takes what the pipeline makes.
#[derive(Clone, Copy, PartialEq)]
enum Watched {
    /// Nobody but stdout.
    Not,
    /// Nobody but stdout, and what does not change is not searched.
    Spared,
    /// Nobody but stdout, and between full searches only the surroundings of known faces are searched.
    Around,
    /// A window.
    Shown,
    /// Outputs.
    Sent,
}

/// Somebody who takes all lines; returns how many. It ends when the tap is closed.
fn listen(pipeline: &mut Pipeline) -> (Control, JoinHandle<usize>) {
    let (tap, tapped) = Tap::new(true);
    let control = pipeline.control();
    control.set_tap(Some(Arc::new(tap)));
    let listener = thread::spawn(move || {
        let mut taken = 0;
        loop {
            match tapped.wait(Duration::from_secs(1)) {
                Ok(line) => {
                    taken += 1;
                    tapped.give_back(line);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return taken,
            }
        }
    });
    (control, listener)
}

/// Somebody who takes the newest frames; returns how many.
fn look_on(pipeline: &mut Pipeline) -> JoinHandle<usize> {
    let (mut outlets, newest) = Newest::outlets(1);
    pipeline.show_in(0, outlets.remove(0));
    thread::spawn(move || {
        let mut taken = 0;
        while !matches!(newest.wait(Duration::from_secs(1)), Waited::Ended) {
            taken += newest.take().filter(|shown| !shown.picture.pixels.is_empty()).count();
        }
        taken
    })
}

/// What the detector's network costs: one run and the look at twelve of its outputs.
fn bare_detector(runtime: &Runtime) -> usize {
    let mut session = session(runtime, &shared("models/yunet_n_dynamic.onnx"));
    let planes = vec![0.0f32; 3 * SIDE * SIDE];
    count_warm(|| {
        let tensor = TensorRef::from_array_view(([1, 3, SIDE, SIDE], &planes[..])).unwrap();
        let outputs = session.run(ort::inputs![tensor]).unwrap();
        for name in YUNET_OUTPUTS {
            outputs.get(name).unwrap().try_extract_tensor::<f32>().unwrap();
        }
    })
}

fn bare_classifier(runtime: &Runtime) -> usize {
    let mut session = session(runtime, &data("tiny.onnx"));
    let input = vec![0.0f32; 48 * 48];
    count_warm(|| {
        let tensor = TensorRef::from_array_view(([1, 1, 48, 48], &input[..])).unwrap();
        let outputs = session.run(ort::inputs![tensor]).unwrap();
        outputs[0].try_extract_tensor::<f32>().unwrap();
    })
}

/// The resizing of one crop: its coefficients are computed anew each time.
fn bare_resizer(side: u32) -> usize {
    let (region, mut crop) = (vec![0u8; 75 * 75], vec![0u8; (side * side) as usize]);
    let mut resizer = Resizer::new();
    count_warm(|| {
        let source = PictureView::new(75, 75, Color::Gray, &region);
        resize_part(&mut resizer, &source, Some([0.3, 0.6, 73.5, 73.5]), (side, side), &mut crop).unwrap();
    })
}

fn session(runtime: &Runtime, path: &Path) -> Session {
    runtime.session(&fs::read(path).unwrap(), path).unwrap()
}

#[test]
#[ignore = "needs developer data"]
fn a_frame_allocates_no_more_than_the_libraries_calls_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::load(&config(&folder.path().join("none.avi"), Watched::Not).runtime).unwrap();
    let (detector, classifier, resizer) =
        (bare_detector(&runtime), bare_classifier(&runtime), bare_resizer(48));
    // A queue's first wait on a thread, a slower moment: a handful in the whole run, none a frame.
    let tolerance = 0.1;
    let empty = slope(folder.path(), "empty", ",drawbox=t=fill:color=gray", Watched::Not);
    let bare = detector as f64;
    assert!(
        empty <= bare + tolerance,
        "{empty:.2} allocations a frame without a face, {bare} in the libraries"
    );
    let face = slope(folder.path(), "face", "", Watched::Not);
    let bare = (detector + classifier + resizer) as f64;
    assert!(face <= bare + tolerance, "{face:.2} allocations a frame with a face, {bare} in the libraries");
    let around = slope(folder.path(), "around", "", Watched::Around);
    // A region is resized to 96 pixels.
    let bare_around = bare + bare_resizer(96) as f64;
    assert!(
        around <= bare_around + tolerance,
        "{around:.2} allocations a frame of which a region is searched, {bare_around} in the libraries"
    );
    let tilted = slope(folder.path(), "tilted", ",rotate=PI/6:c=gray", Watched::Not);
    // Twice as wide as the crop, and its corners beside it.
    let bare_tilted = (detector + classifier + bare_resizer(136)) as f64;
    assert!(
        tilted <= bare_tilted + tolerance,
        "{tilted:.2} allocations a frame with a tilted face, {bare_tilted} in the libraries"
    );
    assert!(tilted > bare, "it was turned upright");
    let shown = slope(folder.path(), "shown", "", Watched::Shown);
    assert!(
        shown <= bare + tolerance,
        "{shown:.2} allocations a frame that is shown, {bare} in the libraries"
    );
    let spared = slope(folder.path(), "spared", "", Watched::Spared);
    assert!(
        spared <= bare / 2.0,
        "{spared:.2} allocations a frame of a picture that does not change, {bare} in the libraries"
    );
    let sent = slope(folder.path(), "sent", "", Watched::Sent);
    // Once a second, the figures for the outputs are put together.
    assert!(
        sent <= bare + 5.0 * tolerance,
        "{sent:.2} allocations a frame whose lines are sent, {bare} in the libraries"
    );
    assert!(empty > 0.0 && face > empty, "the counter counts");
}
