//! Predicts the data's own labels from FER+'s votes. The two disagree systematically (taggers call many sad faces
//! neutral), so a network trained on the votes would learn other labels than those it is evaluated on. A multinomial
//! logistic regression from votes to labels, fitted on the training rows, turns the votes into calibrated soft labels.

use super::{calibration::softmax_in_place, dataset::Votes};
use std::collections::BTreeMap;

const COLUMNS: usize = 10;
/// Number of features: the shares of the votes, their square roots and a constant.
const FEATURES: usize = 2 * COLUMNS + 1;
const ITERATIONS: i32 = 1500;
const LEARNING_RATE: f64 = 0.05;
const RIDGE: f64 = 1e-5;

/// A regression from votes to a distribution over the classes.
#[derive(Clone, Debug)]
pub struct VoteModel {
    /// `[features, classes]`
    weights: Vec<f64>,
    classes: usize,
}

impl VoteModel {
    /// Fits the regression, which is convex, to pairs of votes and class with full-batch Adam (Kingma and Ba 2015).
    ///
    /// # Panics
    /// When a class is not below `classes`.
    pub fn fit(rows: impl IntoIterator<Item = (Votes, usize)>, classes: usize) -> Self {
        // Rows with the same votes are merged into one row with counts.
        let mut counts: BTreeMap<[u8; COLUMNS], Vec<f64>> = BTreeMap::new();
        for (votes, class) in rows {
            counts.entry(votes.0).or_insert_with(|| vec![0.0; classes])[class] += 1.0;
        }
        let rows: Vec<_> = counts.iter().map(|(votes, counts)| (features(votes), counts)).collect();
        let total: f64 = counts.values().flatten().sum();
        let mut model = Self { weights: vec![0.0; FEATURES * classes], classes };
        let (mut mean, mut square) = (model.weights.clone(), model.weights.clone());
        for iteration in 1..=ITERATIONS {
            let gradient = model.gradient(&rows, total);
            let (first, second) = (1.0 - 0.9f64.powi(iteration), 1.0 - 0.999f64.powi(iteration));
            for (at, gradient) in gradient.into_iter().enumerate() {
                mean[at] = 0.9 * mean[at] + 0.1 * gradient;
                square[at] = 0.999 * square[at] + 0.001 * gradient * gradient;
                model.weights[at] -=
                    LEARNING_RATE * (mean[at] / first) / ((square[at] / second).sqrt() + 1e-8);
            }
        }
        model
    }

    /// The distribution over the classes for these votes.
    pub fn predict(&self, votes: Votes) -> Vec<f32> {
        self.distribution(&features(&votes.0)).into_iter().map(|p| p as f32).collect()
    }

    fn gradient(&self, rows: &[([f64; FEATURES], &Vec<f64>)], total: f64) -> Vec<f64> {
        let mut gradient: Vec<f64> = self.weights.iter().map(|weight| RIDGE * weight).collect();
        for (features, counts) in rows {
            let pictures: f64 = counts.iter().sum();
            let errors: Vec<f64> = self
                .distribution(features)
                .iter()
                .zip(*counts)
                .map(|(probability, count)| (pictures * probability - count) / total)
                .collect();
            for (row, feature) in gradient.chunks_exact_mut(self.classes).zip(features) {
                row.iter_mut().zip(&errors).for_each(|(sum, error)| *sum += feature * error);
            }
        }
        gradient
    }

    fn distribution(&self, features: &[f64; FEATURES]) -> Vec<f64> {
        let mut logits = vec![0.0; self.classes];
        for (row, feature) in self.weights.chunks_exact(self.classes).zip(features) {
            logits.iter_mut().zip(row).for_each(|(logit, weight)| *logit += feature * weight);
        }
        softmax_in_place(&mut logits);
        logits
    }
}

fn features(votes: &[u8; COLUMNS]) -> [f64; FEATURES] {
    let sum: f64 = votes.iter().map(|&vote| f64::from(vote)).sum::<f64>().max(1.0);
    let mut features = [1.0; FEATURES];
    for (at, &vote) in votes.iter().enumerate() {
        features[at] = f64::from(vote) / sum;
        features[COLUMNS + at] = features[at].sqrt();
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(neutral: u8, sadness: u8) -> Votes {
        Votes([neutral, 0, 0, sadness, 0, 0, 0, 0, 0, 0])
    }

    #[test]
    fn predictions_are_the_shares_of_the_labels_under_those_votes() {
        let mut rows = Vec::new();
        for (votes, sad_in_ten) in [(votes(10, 0), 3), (votes(5, 5), 6), (votes(0, 10), 9)] {
            rows.extend((0..10).map(|row| (votes, usize::from(row < sad_in_ten))));
        }
        let model = VoteModel::fit(rows, 2);
        for (votes, sad) in [(votes(10, 0), 0.3), (votes(5, 5), 0.6), (votes(0, 10), 0.9)] {
            let predicted = model.predict(votes);
            assert!((predicted[1] - sad).abs() < 0.02, "{predicted:?} is not {sad}");
            assert!((predicted.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}
