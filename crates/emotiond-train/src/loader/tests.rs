use super::*;
use crate::{examples::prepare, fixtures};

const AUGMENTED: [&str; 7] = [
    "augment.flip=0.5",
    "augment.shift_px=4.0",
    "augment.rotation_deg=10.0",
    "augment.zoom=[0.9,1.1]",
    "augment.erase=0.3",
    "augment.mixup_alpha=0.3",
    "fit.batch=16",
];

fn loader(overrides: &[&str]) -> Loader {
    let recipe = fixtures::recipe(overrides);
    let prepared = prepare(&fixtures::dataset(125), &recipe).unwrap();
    Loader::training(Arc::new(prepared.training), &recipe, None)
}

#[test]
fn an_epoch_repeats_and_epochs_differ() {
    let (first, second) = (loader(&AUGMENTED), loader(&AUGMENTED));
    let epoch = |loader: &Loader, epoch| loader.epoch(epoch).collect::<Vec<_>>();
    assert_eq!(epoch(&first, 3), epoch(&second, 3));
    assert_ne!(epoch(&first, 3), epoch(&first, 4));
    // The batches do not depend on the number of threads or their scheduling.
    let order = first.order(3);
    let alone: Vec<_> = (0..first.batches()).map(|index| first.make(3, index, &order, &mut [])).collect();
    assert_eq!(epoch(&first, 3), alone);
}

#[test]
fn another_seed_gives_another_epoch() {
    let other = loader(&[&AUGMENTED[..], &["fit.seed=2"]].concat());
    assert_ne!(loader(&AUGMENTED).epoch(0).next(), other.epoch(0).next());
}

#[test]
fn an_epoch_shows_each_picture_at_most_once_and_only_full_batches() {
    let loader = loader(&["fit.batch=16"]);
    let batches: Vec<Batch> = loader.epoch(0).collect();
    assert_eq!((batches.len(), loader.batches(), loader.pictures()), (6, 6, 96));
    let mut seen: Vec<Vec<u32>> = Vec::new();
    for batch in &batches {
        assert_eq!((batch.n, batch.inputs.len(), batch.targets.len()), (16, 16 * 2304, 16 * 7));
        seen.extend(batch.inputs.chunks(2304).map(|input| input.iter().map(|v| v.to_bits()).collect()));
    }
    seen.sort();
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
}

#[test]
fn a_set_smaller_than_a_batch_is_one_batch() {
    let loader = loader(&["fit.batch=1000"]);
    let batches: Vec<Batch> = loader.epoch(0).collect();
    assert_eq!((batches.len(), batches[0].n), (1, 100));
}

#[test]
fn validation_shows_all_rows_in_order_as_they_are() {
    let recipe = fixtures::recipe(&AUGMENTED);
    let validation = Arc::new(prepare(&fixtures::dataset(125), &recipe).unwrap().validation);
    let batches: Vec<Batch> = Loader::in_order(validation.clone(), 16).epoch(0).collect();
    assert_eq!(batches.iter().map(|batch| batch.n).collect::<Vec<_>>(), [16, 9]);
    let classes: Vec<usize> = batches.iter().flat_map(|batch| batch.classes.clone()).collect();
    assert_eq!(classes, validation.items.iter().map(|item| item.class).collect::<Vec<_>>());
    let sample = &validation.dataset.samples[validation.items[16].sample];
    let mut expected = vec![0.0; 2304];
    face::normalize(&sample.pixels.read(), &validation.spec, &mut expected);
    assert_eq!(&batches[1].inputs[..2304], expected);
}

#[test]
fn smoothed_and_mixed_targets_stay_distributions() {
    let loader = loader(&[&AUGMENTED[..], &["loss.label_smoothing=0.1"]].concat());
    for batch in loader.epoch(0) {
        for (target, class) in batch.targets.chunks(7).zip(&batch.classes) {
            assert!((target.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(target.iter().all(|share| *share >= 0.1 / 7.0 - 1e-6));
            assert!(target[*class] >= 0.45, "the class has the larger part");
        }
    }
}

#[test]
fn a_gray_picture_fills_a_larger_rgb_input() {
    let loader = loader(&["network.size=64", "network.color=rgb", "fit.batch=4"]);
    let batch = loader.epoch(0).next().unwrap();
    assert_eq!(batch.inputs.len(), 4 * 3 * 64 * 64);
    let planes: Vec<&[f32]> = batch.inputs[..3 * 64 * 64].chunks(64 * 64).collect();
    assert!(planes[0] == planes[1] && planes[1] == planes[2]);
}

#[test]
fn a_dropped_epoch_ends_its_threads() {
    let loader = loader(&["fit.batch=1"]);
    let mut batches = loader.epoch(0);
    batches.next();
    let receivers: Vec<_> = batches.receivers.drain(..).collect();
    let examples = Arc::downgrade(&loader.examples);
    drop((receivers, batches, loader));
    let gone = (0..1000).any(|_| {
        thread::sleep(std::time::Duration::from_millis(5));
        examples.strong_count() == 0
    });
    assert!(gone, "a worker still holds the examples");
}

#[test]
fn streamed_data_is_shuffled_in_shards_and_otherwise_the_same() {
    let mut random = Draw::Order.random(1, 0, 0);
    let order = in_shards(4 * GROUP, &mut random);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..4 * GROUP));
    let shards =
        |group: &[usize]| group.iter().map(|at| at / SHARD).collect::<std::collections::HashSet<_>>();
    assert!(order.chunks(GROUP).all(|group| shards(group).len() == GROUP / SHARD));
    assert!(shards(&order[..SHARD]).len() > SHARD / 2, "the pictures of a group are mixed");
}
