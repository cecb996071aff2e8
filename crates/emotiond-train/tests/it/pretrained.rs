//! Pretrained weights with the key names of torchvision, timm and Keras. `data/backbones/*.json` contain the keys, shapes and
//! some features of their networks, made by `data/backbones/generate.py`. The weights and the picture are computed from
//! their names, in the same way in the script and in this file, so that the tests need neither weight files nor torch.

use crate::training::{Bench, absurd_files, refused};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, TensorData};
use emotiond_train::{
    arch::{self, Network, NetworkSpec, blocks},
    frozen::FrozenPart,
    history::RunReport,
    ops::Maps,
    pretrained::{self, Backbone, PretrainedError},
    recipe::Freeze,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::{fs, iter};
use tempfile::TempDir;

const SIDE: usize = 64;

/// The script's output for one network.
struct Expected {
    shape: [usize; 4],
    features: Vec<f64>,
    tensors: Vec<(String, Vec<usize>)>,
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/backbones").join(name)
}

fn expected(name: &str) -> Expected {
    let text = fs::read_to_string(data(&format!("{name}.json"))).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let tensors: Map<String, Value> = serde_json::from_value(value["tensors"].clone()).unwrap();
    Expected {
        shape: serde_json::from_value(value["shape"].clone()).unwrap(),
        features: serde_json::from_value(value["features"].clone()).unwrap(),
        tensors: tensors
            .into_iter()
            .map(|(key, shape)| (key, serde_json::from_value(shape).unwrap()))
            .collect(),
    }
}

/// The script's pseudo-random numbers from -1 to 1.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let seed =
        name.bytes().fold(0x811c_9dc5_u32, |seed, byte| (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (0..count as u32).map(move |i| {
        let x = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9));
        let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        f64::from((x ^ (x >> 16)) >> 8) / f64::from(1 << 23) - 1.0
    })
}

/// The script's weights.
fn weights(key: &str, shape: &[usize]) -> Vec<f32> {
    let bound = (3.0 / shape.iter().skip(1).product::<usize>() as f64).sqrt();
    let scale = |value: f64| match key {
        _ if key.ends_with("num_batches_tracked") => 0.0,
        _ if key.ends_with("running_var") => 1.0 + value / 2.0,
        _ if key.ends_with("bias") || key.ends_with("running_mean") => value / 8.0,
        _ if shape.len() == 1 => 1.0 + value / 4.0,
        _ => value * bound,
    };
    uniform(key, shape.iter().product()).map(|value| scale(value) as f32).collect()
}

/// Writes a `.safetensors` file: the length of a JSON header, the header, the values.
fn save(path: &Path, tensors: &[(String, Vec<usize>)]) {
    let (mut header, mut values) = (Map::new(), Vec::new());
    for (key, shape) in tensors {
        let start = values.len();
        values.extend(weights(key, shape).iter().flat_map(|value| value.to_le_bytes()));
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, values.len()]});
        header.insert(key.clone(), entry);
    }
    let header = Value::Object(header).to_string();
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat();
    fs::write(path, bytes).unwrap();
}

fn network(arch: &str, channels: usize) -> Network {
    let spec = NetworkSpec::published(arch, channels, SIDE, 7);
    arch::build(&spec, Initializer::Zeros, &Device::flex()).unwrap()
}

/// The features that the backbone of `network` computes from a picture, `[1, channels, rows, columns]`.
fn features(network: &Network, backbone: Backbone, picture: TensorData) -> TensorData {
    let blocks = FrozenPart::of(network, &[backbone], Freeze::All).unwrap().blocks;
    let maps = Maps::new(Tensor::from_data(picture, &Device::flex()));
    blocks::forward(&network.body[..blocks], maps).into_tensor().into_data()
}

fn picture() -> TensorData {
    let values: Vec<f32> = uniform("picture", 3 * SIDE * SIDE).map(|value| value as f32).collect();
    TensorData::new(values, [1, 3, SIDE, SIDE])
}

/// Asserts that `arch` with the weights of `name` gives the same features as torch.
fn agrees(arch: &str, name: &str) {
    let expected = expected(name);
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("weights.safetensors");
    save(&file, &expected.tensors);
    let backbone = Backbone::of(arch).unwrap();
    let network = pretrained::load(network(arch, 3), &[backbone], &[file]).unwrap();
    let ours = features(&network, backbone, picture());
    assert_eq!(ours.shape().to_vec(), expected.shape, "{name}");
    let ours: Vec<f32> = ours.iter::<f32>().collect();
    for (place, theirs) in expected.features.iter().enumerate() {
        let ours = f64::from(ours[place * 7919 % ours.len()]);
        assert!((ours - theirs).abs() <= 1e-4, "{name}, place {place}: {ours} is not {theirs}");
    }
}

#[test]
fn vgg16_and_resnet50_have_their_features() {
    agrees("vgg16_flat", "vgg16-torchvision");
    agrees("vgg16_large", "vgg16-timm");
    agrees("resnet50", "resnet50-keras");
    agrees("resnet50_v15", "resnet50-torchvision");
    agrees("resnet50_v15", "resnet50-timm");
}

#[test]
fn densenet121_has_their_features() {
    agrees("densenet121_flat", "densenet121-torchvision");
    agrees("densenet121_flat", "densenet121-timm");
}

#[test]
fn the_networks_of_inverted_residuals_have_their_features() {
    agrees("efficientnet_b2", "efficientnet_b2-torchvision");
    agrees("efficientnet_b2", "efficientnet_b2-timm");
    agrees("efficientnet_lite0", "efficientnet_lite0-timm");
    agrees("mobilenet_v2", "mobilenet_v2-torchvision");
    agrees("mobilenet_v2", "mobilenet_v2-timm");
}

#[test]
fn a_gray_recipe_gets_the_sum_over_the_colours() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("weights.safetensors");
    save(&file, &expected("mobilenet_v2-timm").tensors);
    let [gray, rgb] = [1, 3].map(|channels| {
        let network = network("mobilenet_v2", channels);
        let network =
            pretrained::load(network, &[Backbone::MobileNetV2], std::slice::from_ref(&file)).unwrap();
        let one: Vec<f32> = uniform("picture", SIDE * SIDE).map(|value| value as f32).collect();
        let picture = TensorData::new(one.repeat(channels), [1, channels, SIDE, SIDE]);
        features(&network, Backbone::MobileNetV2, picture)
    });
    gray.assert_approx_eq::<f32>(&rgb, burn::tensor::Tolerance::absolute(1e-4));
}

#[test]
fn all_that_does_not_fit_is_named_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("weights.safetensors");
    let mut tensors = expected("mobilenet_v2-torchvision").tensors;
    tensors.retain(|(key, _)| key != "features.0.0.weight" && key != "features.18.1.running_var");
    tensors.push(("stem.weight".to_owned(), vec![3]));
    tensors.iter_mut().find(|(key, _)| key == "features.3.conv.2.weight").unwrap().1 = vec![24, 144];
    save(&file, &tensors);
    let refusal =
        pretrained::load(network("mobilenet_v2", 3), &[Backbone::MobileNetV2], std::slice::from_ref(&file))
            .unwrap_err();
    let PretrainedError::Mismatch { errors, .. } = &refusal else { panic!("{refusal}") };
    assert_eq!(
        errors,
        "missing: features.0.0.weight, features.18.1.running_var; not of this network: stem.weight; of another \
         shape: features.3.conv.2.weight is [24, 144], not [24, 144, 1, 1]"
    );
}

#[test]
fn freezing_counts_convolutions() {
    for (arch, there) in [
        ("vgg16_large", 13),
        ("resnet50", 53),
        ("resnet50_v15", 53),
        ("densenet121_flat", 120),
        ("mobilenet_v2", 52),
        ("efficientnet_b2", 115),
    ] {
        let (network, backbones) = (network(arch, 3), [Backbone::of(arch).unwrap()]);
        let part = |freeze| FrozenPart::of(&network, &backbones, freeze);
        assert_eq!(part(Freeze::Convolutions(there)).unwrap(), part(Freeze::All).unwrap(), "{arch}");
        let refusal = part(Freeze::Convolutions(there + 1)).unwrap_err().to_string();
        assert!(refusal.contains(&format!("has {there} convolutions")), "{refusal}");
    }
    let network = network("mobilenet_v2", 3);
    let part = |count| {
        let part = FrozenPart::of(&network, &[Backbone::MobileNetV2], Freeze::Convolutions(count)).unwrap();
        (part.blocks, part.convolutions)
    };
    // The first convolution has its normalisation and activation beside it; the next block has two convolutions.
    assert_eq!([0, 1, 2, 3].map(part), [(0, 0), (3, 0), (3, 1), (4, 0)]);
}

/// A bench with MobileNetV2's weights in `weights.safetensors`, and the arguments to use them.
fn transfer(more: &[&str]) -> (Bench, Vec<String>) {
    let bench = Bench::new();
    let file = bench.path("weights.safetensors");
    save(&file, &expected("mobilenet_v2-torchvision").tensors);
    let settings = [
        "network.arch=mobilenet_v2",
        "network.color=rgb",
        "schedule={}",
        "optimizer.learning_rate=0.02",
        "fit.epochs=2",
        &format!("network.pretrained.file={}", file.display()),
    ]
    .map(str::to_owned);
    let settings = settings.into_iter().chain(more.iter().map(|&setting| setting.to_owned()));
    (bench, settings.flat_map(|setting| ["--set".to_owned(), setting]).collect())
}

fn run(bench: &Bench, out: &str, settings: &[String]) -> String {
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let output = bench.run(out, &settings);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn losses(bench: &Bench, out: &str) -> Vec<[f64; 3]> {
    let epochs = RunReport::load(&bench.path(out)).unwrap().epochs;
    epochs.iter().map(|epoch| [epoch.learning_rate, epoch.train_loss, epoch.validation_loss]).collect()
}

/// The largest file of features in a run's folder: the training rows'.
fn features_in(bench: &Bench, out: &str) -> Option<PathBuf> {
    let files = fs::read_dir(bench.path(out)).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("features-"))
        .max_by_key(|path| path.metadata().unwrap().len())
}

/// Asserts that a run with `freeze` and without augmentation keeps features, and that this does not change the result.
fn features_are_kept(freeze: &str) -> (Bench, Vec<String>) {
    let (bench, settings) = transfer(&[&format!("network.pretrained.freeze={freeze}")]);
    let with = |setting: &str| [&settings[..], &["--set".to_owned(), setting.to_owned()]].concat();
    let still = with("augment={}");
    let said = run(&bench, "still", &still);
    assert!(said.contains("computed once"), "{said}");

    // Augmentation that does not change the pictures.
    let said = run(&bench, "moving", &with("augment={zoom=[1.0,1.0]}"));
    assert!(said.contains("computed in every epoch"), "{said}");
    assert!(features_in(&bench, "moving").is_none());
    for (once, anew) in losses(&bench, "still").iter().zip(losses(&bench, "moving")) {
        assert!(iter::zip(once, anew).all(|(once, anew)| (once - anew).abs() < 1e-4), "{once:?} {anew:?}");
    }
    (bench, still)
}

#[test]
fn features_of_frozen_blocks_below_trained_ones_are_kept_as_maps() {
    features_are_kept("4");
}

#[test]
fn features_of_a_frozen_body_are_computed_once_and_change_nothing() {
    let (bench, still) = features_are_kept("all");
    let cache = features_in(&bench, "still").unwrap();
    let features = fs::read(&cache).unwrap();
    let beside = |out: &str| bench.path(out).join(cache.file_name().unwrap());

    // A run computes its features again if the file has those of other pictures, or is damaged; it reads its own without
    // comparing them with the pictures.
    fs::create_dir(bench.path("foreign")).unwrap();
    let mut foreign = features.clone();
    foreign[8] ^= 1;
    let mut damaged = features.clone();
    damaged[100..].fill(0);
    for bytes in [foreign, damaged] {
        fs::write(beside("foreign"), bytes).unwrap();
        run(&bench, "foreign", &still);
        assert_eq!(losses(&bench, "foreign"), losses(&bench, "still"));
        fs::remove_file(bench.path("foreign").join("last.ckpt")).unwrap();
    }
    fs::create_dir(bench.path("own")).unwrap();
    let mut spoilt = features;
    spoilt[56..].fill(0);
    let hash = xxhash_rust::xxh3::xxh3_64(&spoilt[56..]).to_le_bytes();
    spoilt[48..56].copy_from_slice(&hash);
    fs::write(beside("own"), spoilt).unwrap();
    run(&bench, "own", &still);
    assert_ne!(losses(&bench, "own"), losses(&bench, "still"), "the features in the folder were not read");
}

#[test]
fn the_trials_of_a_search_share_the_features() {
    let search = "search.space={\"network.dropout\"=[0.1,0.2],\"fit.batch\"=[8,16]}";
    let more = ["augment={}", "fit.epochs=1", "network.pretrained.freeze=all", "search.method=grid", search];
    let (bench, settings) = transfer(&more);
    let recipe = bench.path("recipe.toml");
    fs::write(&recipe, fs::read_to_string(&recipe).unwrap() + "[search.space]\n\"fit.batch\" = [8]\n")
        .unwrap();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let output = bench.command("search", "out", &settings).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = |folder: &str| {
        let names = fs::read_dir(bench.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("features-")).count()
    };
    assert_eq!([files("out"), files("out/trial-000"), files("out/trial-003")], [2, 0, 0]);
}

#[test]
fn what_is_frozen_stays_until_it_thaws() {
    let more =
        ["augment={}", "fit.ema_decay=0.5", "network.pretrained.freeze=4", "network.pretrained.thaw_after=1"];
    let (bench, settings) = transfer(&more);
    let slower =
        [&settings[..], &["--set".to_owned(), "network.pretrained.thaw_factor=0.1".to_owned()]].concat();
    run(&bench, "run", &slower);
    let rates: Vec<f64> = losses(&bench, "run").iter().map(|[rate, ..]| *rate).collect();
    assert!((rates[0] - 0.02).abs() < 1e-9 && (rates[1] - 0.002).abs() < 1e-9, "{rates:?}");

    // The first convolution of checkpoints after one epoch and after two.
    let first = |out: &str| {
        let spec = NetworkSpec { dropout: 0.2, ..NetworkSpec::published("mobilenet_v2", 3, 48, 7) };
        let path = bench.path(out).join("last.ckpt");
        let checkpoint = emotiond_train::checkpoint::Checkpoint::load(&path, &spec).unwrap();
        let network = arch::build(&spec, Initializer::Zeros, &Device::flex()).unwrap();
        let network = checkpoint.restore_network(network, &path).unwrap();
        let blocks::Block::Conv(conv) = &network.body[0] else { panic!("a convolution comes first") };
        let blocks::Block::Norm(norm) = &network.body[1] else { panic!("a normalisation comes second") };
        let values = conv.weight.val().into_data().iter::<f32>().collect::<Vec<_>>();
        (values, norm.norm.running_mean.value().into_data().iter::<f32>().collect::<Vec<_>>())
    };
    let frozen = [&settings[..], &["--set".to_owned(), "fit.epochs=1".to_owned()]].concat();
    run(&bench, "frozen", &frozen);
    let loaded =
        (weights("features.0.0.weight", &[32, 3, 3, 3]), weights("features.0.1.running_mean", &[32]));
    assert_eq!(first("frozen"), loaded);
    let thawed = first("run");
    assert!(iter::zip(&thawed.0, &loaded.0).any(|(a, b)| a != b), "weights move after the thaw");
    assert!(iter::zip(&thawed.1, &loaded.1).any(|(a, b)| a != b), "and so do running statistics");
}

#[test]
fn bad_checkpoints_get_one_line_and_their_code() {
    let (bench, settings) = transfer(&[]);
    let refusal = |file: &Path, code, word| {
        let file = format!("network.pretrained.file={}", file.display());
        let mut settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        settings.extend(["--set", &file]);
        refused(&bench.run("run", &settings), code, word);
    };
    refusal(&bench.path("none.pth"), 66, "none.pth");
    refusal(&bench.path("none.pth"), 66, "scripts/fetch-models --pretrained");
    refusal(&data("call.pth"), 65, "asks to run");
    refusal(&data("call.pickle"), 65, "asks to run");
    refusal(&data("nested.pth"), 65, "not of this network: a.count");
    refusal(&bench.path("data.csv"), 65, "not a whole checkpoint");
    for (file, word) in absurd_files(&bench.path(""), "pth") {
        refusal(&file, 65, word);
    }
    let whole = fs::read(bench.path("weights.safetensors")).unwrap();
    fs::write(bench.path("half.safetensors"), &whole[..whole.len() / 2]).unwrap();
    refusal(&bench.path("half.safetensors"), 65, "not a whole checkpoint");
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let other = [&settings[..], &["--set", "network.arch=mini_xception"]].concat();
    refused(&bench.run("run", &other), 78, "mobilenet_v2");
}
