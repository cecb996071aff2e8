use super::*;
use crate::{
    dataset::{VOTE_COLUMNS, Votes},
    fixtures,
};
use emotiond_core::exit::{Exit, ExitsWith};
use proptest::prelude::*;

fn examples(overrides: &[&str]) -> Examples {
    prepare(&fixtures::dataset_with_votes(70), &fixtures::recipe(overrides)).unwrap().training
}

#[test]
fn seven_keeps_the_labels_of_the_data() {
    let examples = examples(&[]);
    for item in &examples.items {
        assert_eq!(item.class, examples.dataset.samples[item.sample].emotion);
        assert_eq!(item.target, one_hot(item.class, 7));
    }
}

#[test]
fn six_counts_disgust_as_angry() {
    let examples = examples(&["data.labels=six"]);
    assert_eq!(examples.class_counts(), [16, 8, 8, 8, 8, 8]);
}

#[test]
fn three_leaves_the_others_out() {
    let examples = examples(&["data.labels=three"]);
    assert_eq!(examples.class_counts(), [8, 8, 8]);
    assert!(
        examples.items.iter().all(|item| matches!(examples.dataset.samples[item.sample].emotion, 3 | 4 | 6))
    );
}

#[test]
fn votes_mix_with_the_label_by_their_weight() {
    // One vote for neutral, three for happy, one for contempt, which is not in `seven`; two for unknown.
    let examples = examples(&["data.ferplus.weight=0.6"]);
    let angry = &examples.items[0];
    assert_eq!(angry.class, 0, "the original label stays the class");
    let expected = [0.4, 0.0, 0.0, 0.45, 0.0, 0.0, 0.15];
    assert!(angry.target.iter().zip(expected).all(|(share, wanted)| (share - wanted).abs() < 1e-6));
}

#[test]
fn ferplus_takes_the_majority() {
    let examples = examples(&["data.labels=ferplus8"]);
    assert!(examples.items.iter().all(|item| item.class == 1), "happy");
    // One vote each for neutral and contempt: outliers. Two for unknown do not count.
    assert_eq!(examples.items[0].target, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(Votes([0, 0, 0, 0, 0, 0, 0, 0, 9, 1]).majority(), None, "unknown leads");
    assert_eq!(Votes([4, 4, 0, 0, 0, 0, 0, 0, 0, 2]).majority(), None, "a tie");
}

#[test]
fn the_validation_is_judged_by_the_classes_alone() {
    let recipe = fixtures::recipe(&["data.ferplus.weight=0.6"]);
    let validation = prepare(&fixtures::dataset_with_votes(70), &recipe).unwrap().validation;
    assert!(validation.items.iter().all(|item| item.target == one_hot(item.class, 7)));
}

#[test]
fn a_fraction_takes_the_same_part_of_each_emotion_and_no_row_twice() {
    let recipe = fixtures::recipe(&["data.validation=0.25"]);
    let prepared = prepare(&fixtures::dataset(350), &recipe).unwrap();
    assert_eq!(prepared.validation.class_counts(), [10; 7]);
    assert_eq!(prepared.training.class_counts(), [30; 7]);
    let mut rows = [prepared.training.rows(), prepared.validation.rows()].concat();
    rows.sort_unstable();
    assert_eq!(rows, (0..280).collect::<Vec<_>>());
    let other = prepare(&fixtures::dataset(350), &fixtures::recipe(&["data.validation=0.25", "fit.seed=2"]));
    assert_ne!(other.unwrap().validation.rows(), prepared.validation.rows());
}

#[test]
fn a_test_is_drawn_first_and_shares_no_row() {
    let recipe = fixtures::recipe(&["data.validation=0.25", "data.test=0.1"]);
    let prepared = prepare(&fixtures::dataset(350), &recipe).unwrap();
    let test = prepared.test.unwrap().examples;
    assert_eq!(test.class_counts(), [4; 7]);
    assert_eq!(prepared.validation.class_counts(), [9; 7]);
    let mut rows = [prepared.training.rows(), prepared.validation.rows(), test.rows()].concat();
    rows.sort_unstable();
    assert_eq!(rows, (0..280).collect::<Vec<_>>());
    let recipe = fixtures::recipe(&["data.validation=0.25", "data.test=PublicTest"]);
    let prepared = prepare(&fixtures::dataset(350), &recipe).unwrap();
    assert_eq!(prepared.test.unwrap().examples.rows(), (280..350).collect::<Vec<_>>());
    assert_eq!(prepared.training.class_counts(), [30; 7]);
}

#[test]
fn a_part_of_the_training_rows_keeps_each_emotions_share() {
    let part = prepare(&fixtures::dataset(350), &fixtures::recipe(&["data.part=0.1"])).unwrap();
    assert_eq!(part.training.class_counts(), [4; 7]);
    assert!(part.training.rows().is_sorted());
    assert_eq!(part.notes[0], "selected 28 of 280 training pictures");
    let whole = prepare(&fixtures::dataset(350), &fixtures::recipe(&[])).unwrap();
    assert_eq!(part.validation.rows(), whole.validation.rows());
}

#[test]
fn repeated_and_constant_pictures_are_noted_or_dropped() {
    let mut dataset = Dataset::clone(&fixtures::dataset(100));
    dataset.samples[99].hash = dataset.samples[5].hash;
    dataset.samples[7].hash = dataset.samples[6].hash;
    dataset.samples[8].constant = true;
    let dataset = Arc::new(dataset);
    let noted = prepare(&dataset, &fixtures::recipe(&[])).unwrap();
    assert_eq!(noted.validation_repeats.iter().filter(|repeated| **repeated).count(), 1);
    assert!(noted.notes[0].starts_with("1 of the 20 validation rows"), "{:?}", noted.notes);
    let recipe = fixtures::recipe(&["data.drop_duplicates=true", "data.drop_constant=true"]);
    let dropped = prepare(&dataset, &recipe).unwrap();
    let rows = dropped.training.rows();
    assert_eq!(rows.len(), 77);
    assert!(!rows.contains(&5) && rows.contains(&6) && !rows.contains(&7) && !rows.contains(&8));
    assert!(dropped.validation_repeats.iter().all(|repeated| !repeated));
}

#[test]
fn balanced_weights_give_each_class_the_same_sum() {
    let examples = examples(&["data.labels=six"]);
    let weights = examples.class_weights(&ClassWeights::Balanced).unwrap();
    let sums: Vec<f32> = weights.iter().zip(examples.class_counts()).map(|(w, n)| w * n as f32).collect();
    assert!(sums.iter().all(|sum| (sum - 56.0 / 6.0).abs() < 1e-4), "{sums:?}");
    assert_eq!(examples.class_weights(&ClassWeights::None), None);
}

#[test]
fn a_split_that_is_not_there_is_the_recipes_error() {
    let error = prepare(&fixtures::dataset(10), &fixtures::recipe(&["data.validation=Private"])).unwrap_err();
    assert!(error.exit() == Exit::Config && error.to_string().contains("Training, PublicTest"), "{error}");
    let error =
        prepare(&fixtures::dataset(10), &fixtures::recipe(&["data.validation=training"])).unwrap_err();
    assert_eq!(error.exit(), Exit::Config);
}

fn any_scheme() -> impl Strategy<Value = LabelScheme> {
    prop_oneof![
        Just(LabelScheme::Seven),
        Just(LabelScheme::Six),
        Just(LabelScheme::Three),
        Just(LabelScheme::FerPlus8)
    ]
}

proptest! {
    #[test]
    fn every_target_is_a_distribution(
        scheme in any_scheme(), weight in 0.0..=1.0_f64, votes: [u8; VOTE_COLUMNS.len()], emotion in 0_usize..8,
    ) {
        let mut sample = fixtures::dataset(1).samples[0].clone();
        sample.votes = Some(Votes(votes));
        sample.emotion = emotion;
        if let Some((class, target)) = class_and_target(&sample, scheme, weight as f32) {
            prop_assert!(class < scheme.labels().len());
            prop_assert_eq!(target.len(), scheme.labels().len());
            prop_assert!((target.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            prop_assert!(target.iter().all(|share| (0.0..=1.000_01).contains(share)));
        }
    }

    #[test]
    fn every_label_of_a_scheme_is_an_emotion_of_the_data(scheme in any_scheme()) {
        for (class, label) in scheme.labels().iter().enumerate() {
            prop_assert!(EMOTIONS.contains(label));
            prop_assert_eq!(scheme.class_of(label), Some(class));
        }
    }
}
