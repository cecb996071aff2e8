//! Attacks on the files that the trainer reads, with inputs that a seeded generator changes: data sets, votes, recipes and
//! pretrained weights. Nothing may panic, hang or take more memory than allowed. `test_support::attack` says how to run them
//! for longer.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use burn::{nn::Initializer, tensor::Device};
use emotiond_core::{classify::description::InputSpec, labels::EMOTIONS};
use emotiond_train::{
    arch::{self, NetworkSpec},
    dataset::Dataset,
    pretrained::{self, Backbone},
    recipe::Recipe,
};
use flate2::{Compression, write::GzEncoder};
use std::{fs, io::Write, path::Path};
use tempfile::NamedTempFile;
use test_support::{attack, root};

/// Two pictures in the orders of columns that are known.
fn data_sets() -> Vec<Vec<u8>> {
    let pixels = |from: usize| {
        let pixels: Vec<String> = (from..from + 48 * 48).map(|pixel| (pixel % 256).to_string()).collect();
        pixels.join(" ")
    };
    let (a, b) = (pixels(0), pixels(100));
    let mut sets = vec![
        format!("emotion,pixels,Usage\n3,{a},Training\n6,{b},PublicTest\n").into_bytes(),
        format!("emotion, Usage, pixels\r\n0,Training,\"{a}\"\r\n5,PrivateTest,{b}\r\n").into_bytes(),
        format!("emotion,pixels\n1,{a}\n2,{b}\n").into_bytes(),
    ];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&sets[0]).unwrap();
    sets.push(gzip.finish().unwrap());
    sets
}

#[test]
fn a_data_set_is_read_whole_or_refused() {
    let file = NamedTempFile::new().unwrap();
    for spec in [InputSpec::fer2013(), InputSpec { size: 20, ..InputSpec::fer2013() }] {
        attack("data sets", &data_sets(), |input| {
            fs::write(&file, input).unwrap();
            let Ok(data) = Dataset::load(file.path(), &spec) else { return };
            for sample in &data.samples {
                let side = spec.size as u32;
                let found = sample.with_picture(|picture| (picture.width, picture.data.len()));
                assert_eq!(found, (side, spec.size * spec.size));
                assert!(sample.emotion < EMOTIONS.len() && sample.split < data.splits.len());
            }
        });
    }
}

#[test]
fn votes_are_joined_or_refused() {
    const HEADER: &str =
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";
    let set = NamedTempFile::new().unwrap();
    fs::write(&set, &data_sets()[0]).unwrap();
    let data = Dataset::load(set.path(), &InputSpec::fer2013()).unwrap();
    let votes =
        format!("{HEADER}\nTraining,a.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,b.png,0,10,0,0,0,0,0,0,0,0\n");
    let file = NamedTempFile::new().unwrap();
    let mut joined = 0_u32;
    attack("votes", &[votes.into_bytes()], |input| {
        fs::write(&file, input).unwrap();
        let mut data = data.clone();
        if data.join_votes(Some(file.path())).is_ok() {
            joined += 1;
            for sample in &data.samples {
                let votes = sample.votes.unwrap().without_outliers();
                assert!(votes.majority().is_none_or(|emotion| emotion < EMOTIONS.len() + 1));
            }
        }
    });
    assert!(joined > 0);
}

#[test]
fn a_recipe_is_used_as_it_is_written_or_refused() {
    let mut corpus = Vec::new();
    for entry in fs::read_dir(root().join("config/train")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        // Without comments, so that most changes change something.
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        corpus.push(lines.join("\n").into_bytes());
    }
    corpus.sort();
    let file = NamedTempFile::new().unwrap();
    let set = ["optimizer.learning_rate=0.01".to_owned(), "fit.epochs=3".to_owned()];
    attack("recipes", &corpus, |input| {
        fs::write(&file, input).unwrap();
        let one_line = |error: &dyn std::error::Error| {
            let text = error.to_string();
            assert!(!text.contains('\n'), "{text}");
        };
        match Recipe::load(file.path(), &[]) {
            Ok(recipe) => assert_eq!(Recipe::parse(&recipe.to_toml(), "again", &[]).unwrap(), recipe),
            Err(error) => one_line(&error),
        }
        if let Err(error) = Recipe::load_trial(file.path(), &set) {
            one_line(&error);
        }
    });
}

#[test]
fn pretrained_weights_are_whole_or_refused() {
    let spec = NetworkSpec::published("mobilenet_v2", 3, 32, 7);
    let network = arch::build(&spec, Initializer::Zeros, &Device::flex()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/backbones");
    let mut header = br#"{"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#.to_vec();
    let mut safetensors = (header.len() as u64).to_le_bytes().to_vec();
    safetensors.append(&mut header);
    safetensors.extend([0; 16]);
    let pickles = ["nested.pth", "call.pth", "call.pickle"].map(|name| fs::read(samples.join(name)).unwrap());
    for (name, corpus) in [("weights.pth", &pickles[..]), ("weights.safetensors", &[safetensors])] {
        let file = folder.path().join(name);
        attack(name, corpus, |input| {
            fs::write(&file, input).unwrap();
            let files = std::slice::from_ref(&file);
            let error = pretrained::load(network.clone(), &[Backbone::MobileNetV2], files).unwrap_err();
            assert!(!error.to_string().is_empty());
        });
    }
}
