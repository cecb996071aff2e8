//! Estimates the accuracy of a model in the field: disturbs the pictures of a split as cameras do, one kind of
//! disturbance at a time, and measures the accuracy against FER2013's labels and FER+'s taggers.

use super::augment::{self, disturbances};
use super::dataset::{Dataset, Sample};
use super::evaluate::EvaluateError;
use emotiond_core::{
    classify::{Classifier, argmax},
    face,
    labels::{EMOTIONS, FERPLUS_LABELS},
};
use serde::Serialize;

/// Number of pictures prepared at a time.
const BATCH: usize = 128;

/// Accuracies, 0 to 1, against three kinds of ground truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Accuracies {
    /// FER2013's own labels.
    pub original: f64,
    /// The emotion that most of FER+'s taggers chose.
    pub plurality: f64,
    /// The same on the rows where more than half of them agree.
    pub majority: f64,
}

/// One kind of disturbance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldRow {
    /// Its name.
    pub disturbance: &'static str,
    /// The accuracy of the model under it.
    pub accuracy: Accuracies,
}

/// Runs `classifier` over `rows` of `dataset`, whose votes have been joined, under each disturbance.
///
/// # Errors
/// When the model fails.
pub fn evaluate_field(
    classifier: &mut Classifier,
    dataset: &Dataset,
    rows: &[usize],
) -> Result<Vec<FieldRow>, EvaluateError> {
    let measure = |(name, augmentation)| {
        let accuracy = accuracies(classifier, dataset, rows, &augmentation)?;
        Ok(FieldRow { disturbance: name, accuracy })
    };
    disturbances().into_iter().map(measure).collect()
}

/// The mean over all rows except the first, which is undisturbed.
pub fn mean(rows: &[FieldRow]) -> Accuracies {
    let disturbed = &rows[1..];
    let of = |figure: fn(&Accuracies) -> f64| {
        disturbed.iter().map(|row| figure(&row.accuracy)).sum::<f64>() / disturbed.len() as f64
    };
    Accuracies {
        original: of(|accuracy| accuracy.original),
        plurality: of(|accuracy| accuracy.plurality),
        majority: of(|accuracy| accuracy.majority),
    }
}

fn accuracies(
    classifier: &mut Classifier,
    dataset: &Dataset,
    rows: &[usize],
    augmentation: &augment::Augmentation,
) -> Result<Accuracies, EvaluateError> {
    let labels = classifier.description().labels.clone();
    let spec = classifier.description().input.clone();
    let mut crop = vec![0; spec.crop_len()];
    let mut scores = [Score::default(), Score::default(), Score::default()];
    for batch in rows.chunks(BATCH) {
        let mut inputs = vec![0.0; batch.len() * spec.crop_len()];
        for (&row, input) in batch.iter().zip(inputs.chunks_exact_mut(spec.crop_len())) {
            let own = augmentation.clone().with_noise_seed(row as u64);
            augment::augment_sample(&dataset.samples[row], &own, &spec, &mut crop);
            face::normalize(&crop, &spec, input);
        }
        let mut probabilities = Vec::new();
        classifier.classify(&inputs, &mut probabilities)?;
        for (&row, probabilities) in batch.iter().zip(probabilities.chunks_exact(labels.len())) {
            let said = &labels[argmax(probabilities)];
            for (score, truth) in scores.iter_mut().zip(truths(&dataset.samples[row])) {
                score.count(truth.filter(|truth| labels.iter().any(|label| label == truth)), said);
            }
        }
    }
    let [original, plurality, majority] = scores.map(Score::accuracy);
    Ok(Accuracies { original, plurality, majority })
}

/// A sample's emotion by FER2013, by most taggers, and by more than half of the taggers.
fn truths(sample: &Sample) -> [Option<&'static str>; 3] {
    let voted = |emotion: Option<usize>| emotion.map(|emotion| FERPLUS_LABELS[emotion]);
    let votes = sample.votes.unwrap_or_default();
    [Some(EMOTIONS[sample.emotion]), voted(votes.majority()), voted(votes.clear_majority())]
}

/// Number of rows with a ground truth, and of those predicted correctly.
#[derive(Clone, Copy, Default)]
struct Score {
    rows: usize,
    right: usize,
}

impl Score {
    fn count(&mut self, truth: Option<&str>, said: &str) {
        if let Some(truth) = truth {
            self.rows += 1;
            self.right += usize::from(truth == said);
        }
    }

    fn accuracy(self) -> f64 {
        self.right as f64 / self.rows.max(1) as f64
    }
}
