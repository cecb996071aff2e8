//! Paths of the data of tests and benches, in the checkout and in `../shared` next to a developer's checkout; attacks with
//! changed inputs.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod attack;

pub use attack::attack;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A file in `tests/data`.
pub fn data(name: &str) -> PathBuf {
    root().join("tests/data").join(name)
}

/// A path in `../shared`. A test that calls this is `#[ignore = "needs developer data"]`.
///
/// # Panics
/// When it does not exist.
pub fn shared(path: &str) -> PathBuf {
    let file = root().join("../shared").join(path);
    assert!(
        file.exists(),
        "{} is missing: this needs the developers' data next to the checkout",
        file.display()
    );
    file
}

/// A manually annotated box: x1, y1, x2, y2 in pixels.
pub type Truth = [f32; 4];

/// The pictures of a detection set with their boxes, sorted by name.
pub fn detection_set(name: &str) -> Vec<(PathBuf, Vec<Truth>)> {
    let folder = shared("data/detection").join(name);
    let boxes = fs::read_to_string(folder.join("boxes.csv")).unwrap_or_default();
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "jpg"));
    files.sort();
    let truths = |file: &Path| -> Vec<Truth> {
        let name = file.file_name().unwrap().to_string_lossy();
        let rows = boxes.lines().filter_map(|line| line.strip_prefix(&*name)?.strip_prefix(','));
        // A row without numbers marks a face that is ignored in the evaluation.
        let corners =
            rows.map(|row| row.split(',').filter_map(|number| number.parse().ok()).collect::<Vec<f32>>());
        corners.filter_map(|corners| corners.try_into().ok()).collect()
    };
    files.into_iter().map(|file| (file.clone(), truths(&file))).collect()
}

/// Every `step`th face of FER2013's PublicTest: label and 48x48 gray pixels.
pub fn public_test(step: usize) -> Vec<(usize, Vec<u8>)> {
    let file = File::open(shared("data/fer2013/fer2013.csv.gz")).unwrap();
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines().map(Result::unwrap);
    let rows = lines.filter(|line| line.ends_with(",PublicTest")).step_by(step);
    rows.map(|row| {
        let mut columns = row.split(',');
        let label = columns.next().unwrap().parse().unwrap();
        (label, columns.next().unwrap().split(' ').map(|pixel| pixel.parse().unwrap()).collect())
    })
    .collect()
}

/// Every `step`th face of PublicTest on whose emotion FER+'s taggers agree by a plurality, with the emotion's name.
///
/// # Panics
/// When the data is missing.
pub fn voted_public_test(step: usize) -> Vec<(&'static str, Vec<u8>)> {
    let votes = std::fs::read_to_string(shared("data/fer2013/ferplus_votes.csv")).unwrap();
    let votes = votes.lines().skip(1).filter(|line| line.contains(",PublicTest,"));
    let voted = public_test(1).into_iter().zip(votes).filter_map(|((_, pixels), votes)| {
        let votes: Vec<u32> = votes.split(',').skip(2).map(|count| count.parse().unwrap()).collect();
        let most = *votes.iter().max()?;
        let first = votes.iter().position(|count| *count == most)?;
        let is_tie = votes.iter().filter(|count| **count == most).count() > 1;
        VOTED.get(first).filter(|_| !is_tie).map(|emotion| (*emotion, pixels))
    });
    voted.step_by(step).collect()
}

/// The emotions of FER+'s first columns; contempt, unknown and no face follow.
const VOTED: [&str; 7] = ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear"];
