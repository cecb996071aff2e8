//! Small data sets and recipes for unit tests.

use super::{
    dataset::{Dataset, Pixels, Sample, Votes},
    recipe::Recipe,
};
use emotiond_core::picture::Color;
use std::sync::Arc;

/// `rows` different 48x48 pictures with the emotions 0 to 6 in turn; the last fifth is PublicTest.
pub(super) fn dataset(rows: usize) -> Arc<Dataset> {
    let samples = (0..rows).map(|row| {
        let pixels: Box<[u8]> = (0..48 * 48).map(|i| ((i * (row + 3) * 7 + row) % 256) as u8).collect();
        Sample {
            hash: xxhash_rust::xxh3::xxh3_128(&pixels),
            pixels: Pixels::Memory(pixels),
            side: 48,
            color: Color::Gray,
            emotion: row % 7,
            split: usize::from(row >= rows * 4 / 5),
            constant: false,
            votes: None,
            origin: format!("row {}", row + 1),
        }
    });
    let splits = vec!["Training".to_owned(), "PublicTest".to_owned()];
    Arc::new(Dataset { path: "memory".into(), splits, samples: samples.collect(), streamed: false })
}

/// The same with votes: three for happy, one for neutral, one for contempt.
pub(super) fn dataset_with_votes(rows: usize) -> Arc<Dataset> {
    let mut dataset = Dataset::clone(&dataset(rows));
    for sample in &mut dataset.samples {
        sample.votes = Some(Votes([1, 3, 0, 0, 0, 0, 0, 1, 2, 0]));
    }
    Arc::new(dataset)
}

/// A small recipe with the given overrides.
pub(super) fn recipe(overrides: &[&str]) -> Recipe {
    let overrides: Vec<String> = overrides.iter().map(|&argument| argument.to_owned()).collect();
    let text = "[network]\narch = \"mini_xception\"\n[optimizer]\nname = \"adam\"\nlearning_rate = 1e-3\n";
    Recipe::parse(text, "fixture", &overrides).expect("a valid recipe")
}
