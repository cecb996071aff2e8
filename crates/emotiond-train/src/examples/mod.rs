//! Selects the rows of a data set as the recipe says, and computes their classes and target distributions.

use super::{
    dataset::{Dataset, DatasetError, Sample, repeats},
    random::Draw,
    recipe::{ClassWeights, HeldOut, LabelScheme, Recipe},
    vote_model::VoteModel,
};
use emotiond_core::{
    classify::description::InputSpec,
    labels::{EMOTIONS, FERPLUS_LABELS},
};
use rand::{Rng, seq::SliceRandom};
use std::{collections::HashSet, sync::Arc};

/// Rows of a data set with the labels of a label scheme. Cheap to clone, because the pictures are shared.
#[derive(Clone, Debug)]
pub struct Examples {
    /// The data set with the pictures.
    pub dataset: Arc<Dataset>,
    /// The emotions, in the order of the network's output.
    pub labels: &'static [&'static str],
    /// The input of the network.
    pub spec: InputSpec,
    /// Whether the classes come from FER+'s taggers.
    pub is_voted: bool,
    /// The rows, in the order of the data.
    pub items: Vec<Example>,
}

/// One row: its picture, its class and its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// Index into [`Dataset::samples`].
    pub sample: usize,
    /// The correct class.
    pub class: usize,
    /// The target distribution, one number per class, with the sum 1; without label smoothing.
    pub target: Vec<f32>,
}

/// The training and validation examples of a run.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The training rows.
    pub training: Examples,
    /// The validation rows; their targets are one-hot.
    pub validation: Examples,
    /// For each validation row, whether its picture is also among the training rows.
    pub validation_repeats: Vec<bool>,
    /// The test rows, if the recipe has a test.
    pub test: Option<TestExamples>,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

/// The test examples of a run.
#[derive(Clone, Debug)]
pub struct TestExamples {
    /// The rows; their targets are one-hot.
    pub examples: Examples,
    /// For each row, whether its picture is also among the training rows.
    pub repeats: Vec<bool>,
}

impl Examples {
    /// The `rows` of `dataset` that have a class in `scheme`. `ferplus_weight` is the weight of the vote distribution
    /// in the targets; with `None`, the targets are the original labels (in FER+'s schemes, the votes).
    pub fn new(
        dataset: Arc<Dataset>,
        rows: &[usize],
        scheme: LabelScheme,
        ferplus_weight: Option<f64>,
        spec: InputSpec,
    ) -> Self {
        let weight = ferplus_weight.unwrap_or(if scheme.is_voted() { 1.0 } else { 0.0 });
        let items = rows
            .iter()
            .filter_map(|&row| {
                let (class, target) = class_and_target(&dataset.samples[row], scheme, weight as f32)?;
                Some(Example { sample: row, class, target })
            })
            .collect();
        Self { dataset, labels: scheme.labels(), spec, is_voted: scheme.is_voted(), items }
    }

    /// Number of rows per class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        self.items.iter().for_each(|item| counts[item.class] += 1);
        counts
    }

    /// The weight of each class in the loss; `None` if all are equal. With `balanced`, a class without rows gets 0.
    pub fn class_weights(&self, weights: &ClassWeights) -> Option<Vec<f32>> {
        match weights {
            ClassWeights::None => None,
            ClassWeights::List(list) => Some(list.iter().map(|weight| *weight as f32).collect()),
            ClassWeights::Balanced => {
                let counts = self.class_counts();
                let present = counts.iter().filter(|count| **count > 0).count();
                let share = self.items.len() as f32 / present as f32;
                Some(counts.iter().map(|&n| if n == 0 { 0.0 } else { share / n as f32 }).collect())
            }
        }
    }

    /// The indices of the samples.
    pub fn rows(&self) -> Vec<usize> {
        self.items.iter().map(|item| item.sample).collect()
    }

    /// The rows at the positions for which `keep` is true.
    pub fn filtered(&self, keep: impl Fn(usize) -> bool) -> Self {
        let items = self.items.iter().enumerate().filter(|(index, _)| keep(*index));
        Self { items: items.map(|(_, item)| item.clone()).collect(), ..self.clone() }
    }
}

/// Splits the data as the recipe says, removes duplicates and constant pictures if it says so, and finds validation
/// rows that repeat training rows.
///
/// # Errors
/// When the recipe names a split that does not exist, or leaves no row for training or validation.
pub fn prepare(dataset: &Arc<Dataset>, recipe: &Recipe) -> Result<Prepared, DatasetError> {
    let as_recipe = |error: DatasetError| match error {
        DatasetError::NoSplit { .. } => DatasetError::Recipe(format!(
            "{error}, or in data.validation and data.test a part of the training split, 0.1 for instance"
        )),
        other => other,
    };
    let SplitRows { mut training, validation, test } =
        split_rows(dataset, &recipe.data.validation, recipe.data.test.as_ref(), recipe.fit.seed)
            .map_err(as_recipe)?;
    let mut notes = Vec::new();
    let held_out = [&validation[..], &test].concat();
    drop_rows(dataset, &mut training, &held_out, recipe, &mut notes);
    let scheme = recipe.data.labels;
    let weight = recipe.data.ferplus.as_ref().map(|ferplus| ferplus.weight);
    let spec = recipe.input_spec();
    let calibrated = recipe.data.ferplus.as_ref().is_some_and(|ferplus| ferplus.calibrated);
    let training = match weight {
        Some(weight) if calibrated => Examples::new(dataset.clone(), &training, scheme, None, spec.clone())
            .with_calibrated_votes(weight as f32),
        weight => Examples::new(dataset.clone(), &training, scheme, weight, spec.clone()),
    };
    let hard =
        |rows: &[usize]| Examples::new(dataset.clone(), rows, scheme, None, spec.clone()).with_hard_targets();
    let (validation, test) = (hard(&validation), (!test.is_empty()).then(|| hard(&test)));
    for (name, examples) in [("training", &training), ("validation", &validation)] {
        if examples.items.is_empty() {
            return Err(DatasetError::Recipe(format!("no {name} row is left: see [data]")));
        }
    }
    let validation_repeats = repeats(dataset, &validation.rows(), &training.rows());
    let count = validation_repeats.iter().filter(|repeated| **repeated).count();
    if count > 0 {
        notes.push(format!(
            "{count} of the {} validation rows repeat a training picture: the accuracy is given with and without \
             them; `data.drop_duplicates = true` removes them from the training rows",
            validation.items.len()
        ));
    }
    let test = test.map(|examples| {
        let repeats = repeats(dataset, &examples.rows(), &training.rows());
        TestExamples { examples, repeats }
    });
    Ok(Prepared { training, validation, validation_repeats, test, notes })
}

/// The rows of a run, by their use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplitRows {
    /// To train on.
    pub training: Vec<usize>,
    /// To choose the best epoch on.
    pub validation: Vec<usize>,
    /// To measure the chosen network on; empty without a test.
    pub test: Vec<usize>,
}

/// The rows by their use. A fraction of the training split contains the same part of every emotion, chosen at random
/// with `seed`; the test's is drawn first.
///
/// # Errors
/// When a split does not exist.
pub fn split_rows(
    dataset: &Dataset,
    validation: &HeldOut,
    test: Option<&HeldOut>,
    seed: u64,
) -> Result<SplitRows, DatasetError> {
    let training = dataset.rows(dataset.training_split()?);
    let (training, test) = match test {
        Some(test) => hold_out(dataset, training, test, Draw::Split.random(seed, 1, 0))?,
        None => (training, Vec::new()),
    };
    let (training, validation) = hold_out(dataset, training, validation, Draw::Split.random(seed, 0, 0))?;
    Ok(SplitRows { training, validation, test })
}

/// The rest of the training rows, and the rows that are held out.
fn hold_out(
    dataset: &Dataset,
    training: Vec<usize>,
    held_out: &HeldOut,
    mut random: impl Rng,
) -> Result<(Vec<usize>, Vec<usize>), DatasetError> {
    match held_out {
        HeldOut::Split(name) => {
            let split = dataset.split(name)?;
            if split == dataset.training_split()? {
                return Err(DatasetError::Recipe(format!(
                    "`{name}` is the training split: hold out another split, or a fraction of it"
                )));
            }
            Ok((training, dataset.rows(split)))
        }
        HeldOut::Fraction(part) => {
            let drawn: HashSet<usize> =
                draw_fraction(dataset, &training, *part, &mut random).into_iter().collect();
            Ok(training.into_iter().partition(|row| !drawn.contains(row)))
        }
    }
}

fn draw_fraction(dataset: &Dataset, rows: &[usize], part: f64, random: &mut impl Rng) -> Vec<usize> {
    let mut drawn = Vec::new();
    for emotion in 0..EMOTIONS.len() {
        let mut of_emotion: Vec<usize> =
            rows.iter().copied().filter(|&row| dataset.samples[row].emotion == emotion).collect();
        of_emotion.shuffle(random);
        let count = (of_emotion.len() as f64 * part).round() as usize;
        drawn.extend_from_slice(&of_emotion[..count]);
    }
    drawn
}

fn drop_rows(
    dataset: &Dataset,
    training: &mut Vec<usize>,
    held_out: &[usize],
    recipe: &Recipe,
    notes: &mut Vec<String>,
) {
    if recipe.data.drop_constant {
        let before = training.len();
        training.retain(|&row| !dataset.samples[row].constant);
        notes.push(format!("removed {} constant training pictures", before - training.len()));
    }
    if recipe.data.drop_duplicates {
        let before = training.len();
        let mut seen: HashSet<u128> = held_out.iter().map(|&row| dataset.samples[row].hash).collect();
        training.retain(|&row| seen.insert(dataset.samples[row].hash));
        notes.push(format!("removed {} training pictures that repeat another one", before - training.len()));
    }
    if recipe.data.part < 1.0 {
        let before = training.len();
        let mut kept = draw_fraction(
            dataset,
            training,
            recipe.data.part,
            &mut Draw::Split.random(recipe.fit.seed, 0, 0),
        );
        kept.sort_unstable();
        *training = kept;
        notes.push(format!("selected {} of {before} training pictures", training.len()));
    }
}

impl Examples {
    /// Blends the calibrated distribution of the votes into each target with the given `weight`.
    fn with_calibrated_votes(mut self, weight: f32) -> Self {
        let samples = &self.dataset.samples;
        let classes = self.labels.len();
        let voted = self.items.iter().filter_map(|item| Some((samples[item.sample].votes?, item.class)));
        let model = VoteModel::fit(voted, classes);
        for item in &mut self.items {
            let Some(votes) = samples[item.sample].votes else { continue };
            let hard = one_hot(item.class, classes);
            item.target = hard
                .iter()
                .zip(model.predict(votes))
                .map(|(hard, voted)| (1.0 - weight) * hard + weight * voted)
                .collect();
        }
        self
    }

    fn with_hard_targets(mut self) -> Self {
        for item in &mut self.items {
            item.target = one_hot(item.class, self.labels.len());
        }
        self
    }
}

/// A sample's class in `scheme` and its target; `None` if the scheme has no class for it. In FER+'s schemes, the class
/// is the emotion with the most votes; in the others, it is the original label.
fn class_and_target(sample: &Sample, scheme: LabelScheme, weight: f32) -> Option<(usize, Vec<f32>)> {
    let original = scheme.class_of(EMOTIONS[sample.emotion]);
    let class = match &sample.votes {
        Some(votes) if scheme.is_voted() => scheme.class_of(FERPLUS_LABELS[votes.majority()?])?,
        _ => original?,
    };
    let hard = one_hot(original.unwrap_or(class), scheme.labels().len());
    let Some(voted) = vote_distribution(sample, scheme).filter(|_| weight > 0.0) else {
        return Some((class, hard));
    };
    let target =
        hard.iter().zip(&voted).map(|(hard, voted)| (1.0 - weight) * hard + weight * voted).collect();
    Some((class, target))
}

/// The shares of the votes for the scheme's classes; `None` without votes, or without a vote for any class. In FER+'s
/// schemes, outliers are removed, as FER+'s authors do.
fn vote_distribution(sample: &Sample, scheme: LabelScheme) -> Option<Vec<f32>> {
    let votes = if scheme.is_voted() { sample.votes?.without_outliers() } else { sample.votes? };
    let mut shares = vec![0.0; scheme.labels().len()];
    for emotion in FERPLUS_LABELS {
        if let Some(class) = scheme.class_of(emotion) {
            shares[class] += f32::from(votes.of(emotion));
        }
    }
    let sum: f32 = shares.iter().sum();
    (sum > 0.0).then(|| shares.iter().map(|share| share / sum).collect())
}

fn one_hot(class: usize, classes: usize) -> Vec<f32> {
    (0..classes).map(|index| f32::from(u8::from(index == class))).collect()
}

#[cfg(test)]
mod tests;
