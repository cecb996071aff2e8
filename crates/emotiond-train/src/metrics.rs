//! Metrics of a classifier: accuracy, precision, recall, F1, confusion matrix, expected calibration error.

use emotiond_core::classify::argmax;
use serde::{Deserialize, Serialize};

/// Number of bins of the expected calibration error.
pub const ECE_BINS: usize = 15;

/// Metrics of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// The emotion.
    pub label: String,
    /// Number of rows of this class.
    pub support: usize,
    /// Part of the rows predicted as this class that belong to it; 0 if there are none.
    pub precision: f64,
    /// Part of this class's rows that were predicted as this class; 0 if there are none.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
}

/// A classifier's result on a set of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Number of rows.
    pub count: usize,
    /// Part of the rows that were classified correctly.
    pub accuracy: f64,
    /// Mean recall over the classes that have rows.
    pub mean_class_accuracy: f64,
    /// Mean F1 over the classes that have rows.
    pub macro_f1: f64,
    /// Expected calibration error in 15 bins of equal width (Guo et al. 2017).
    pub ece: f64,
    /// Metrics of each class, in the order of the labels.
    pub classes: Vec<ClassMetrics>,
    /// Confusion matrix `confusion[truth][prediction]`, in numbers of rows.
    pub confusion: Vec<Vec<usize>>,
}

/// Counts of true classes and predictions, `counts[truth][prediction]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// Adds a row of the class `truth` that was predicted as `prediction`, both below `classes`.
    pub fn add(&mut self, classes: usize, truth: usize, prediction: usize) {
        if self.counts.is_empty() {
            self.counts = vec![vec![0; classes]; classes];
        }
        self.counts[truth][prediction] += 1;
    }

    /// The class that was predicted for every row, if there is only one.
    pub fn only_prediction(&self) -> Option<usize> {
        let is_predicted = |class: &usize| self.counts.iter().any(|row| row[*class] > 0);
        let mut predicted = (0..self.counts.len()).filter(is_predicted);
        predicted.next().filter(|_| predicted.next().is_none())
    }

    /// Mean precision and mean recall over the classes that have rows, 0 to 1.
    pub fn precision_and_recall(&self) -> (f64, f64) {
        let classes = (0..self.counts.len()).map(|class| class_metrics("", class, &self.counts));
        let present: Vec<ClassMetrics> = classes.filter(|class| class.support > 0).collect();
        let mean =
            |figure: fn(&ClassMetrics) -> f64| ratio_f64(present.iter().map(figure).sum(), present.len());
        (mean(|class| class.precision), mean(|class| class.recall))
    }
}

/// Measures `probabilities` (`[rows, classes]`) against the true `classes`.
///
/// # Panics
/// When the lengths do not match, or a class is not among the labels.
pub fn measure(labels: &[impl AsRef<str>], probabilities: &[f32], classes: &[usize]) -> Metrics {
    let width = labels.len();
    assert_eq!(probabilities.len(), classes.len() * width, "one row of probabilities for each class");
    let mut confusion = vec![vec![0; width]; width];
    for (row, &class) in probabilities.chunks_exact(width).zip(classes) {
        confusion[class][argmax(row)] += 1;
    }
    let class_metrics: Vec<ClassMetrics> = labels
        .iter()
        .enumerate()
        .map(|(class, label)| class_metrics(label.as_ref(), class, &confusion))
        .collect();
    let right: usize = (0..width).map(|class| confusion[class][class]).sum();
    let present: Vec<&ClassMetrics> = class_metrics.iter().filter(|class| class.support > 0).collect();
    let mean = |figure: fn(&ClassMetrics) -> f64| {
        ratio_f64(present.iter().map(|class| figure(class)).sum(), present.len())
    };
    Metrics {
        count: classes.len(),
        accuracy: ratio(right, classes.len()),
        mean_class_accuracy: mean(|class| class.recall),
        macro_f1: mean(|class| class.f1),
        ece: expected_calibration_error(probabilities, classes, width),
        classes: class_metrics,
        confusion,
    }
}

fn class_metrics(label: &str, class: usize, confusion: &[Vec<usize>]) -> ClassMetrics {
    let right = confusion[class][class];
    let support: usize = confusion[class].iter().sum();
    let taken: usize = confusion.iter().map(|row| row[class]).sum();
    ClassMetrics {
        label: label.to_owned(),
        support,
        precision: ratio(right, taken),
        recall: ratio(right, support),
        f1: ratio(2 * right, support + taken),
    }
}

/// Expected calibration error (Naeini et al. 2015, Guo et al. 2017): the mean distance between confidence and
/// accuracy over [`ECE_BINS`] bins of the confidence, `(low, high]`, weighted by their rows.
fn expected_calibration_error(probabilities: &[f32], classes: &[usize], width: usize) -> f64 {
    let mut bins = [(0.0_f64, 0.0_f64); ECE_BINS];
    for (row, &class) in probabilities.chunks_exact(width).zip(classes) {
        let prediction = argmax(row);
        let confidence = f64::from(row[prediction]);
        let bin = ((confidence * ECE_BINS as f64).ceil() as usize).clamp(1, ECE_BINS) - 1;
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(prediction == class));
    }
    ratio_f64(bins.iter().map(|(confidence, right)| (confidence - right).abs()).sum(), classes.len())
}

fn ratio(part: usize, whole: usize) -> f64 {
    ratio_f64(part as f64, whole)
}

fn ratio_f64(part: f64, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    /// scikit-learn's own example of `classification_report`: truth 0 1 2 2 2, prediction 0 0 2 2 1.
    #[test]
    fn precision_and_recall_are_means_over_the_classes_with_rows() {
        let mut confusion = Confusion::default();
        assert_eq!(confusion.precision_and_recall(), (0.0, 0.0));
        for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2)] {
            confusion.add(3, truth, prediction);
        }
        // Class 0: 2 of 2 and 2 of 3. Class 1: 1 of 2 and 1 of 2. Class 2 has no rows.
        let (precision, recall) = confusion.precision_and_recall();
        assert!((precision - 0.75).abs() < 1e-12 && (recall - 7.0 / 12.0).abs() < 1e-12);
        assert_eq!(confusion.only_prediction(), None);
        let mut constant = Confusion::default();
        (0..3).for_each(|truth| constant.add(3, truth, 1));
        assert_eq!(constant.only_prediction(), Some(1));
    }

    #[test]
    fn agrees_with_scikit_learn() {
        let predictions = [0, 0, 2, 2, 1];
        let probabilities: Vec<f32> = predictions
            .iter()
            .flat_map(|&p| (0..3).map(move |class| if class == p { 0.8 } else { 0.1 }))
            .collect();
        let metrics = measure(&["a", "b", "c"], &probabilities, &[0, 1, 2, 2, 2]);
        let figures: Vec<_> =
            metrics.classes.iter().map(|c| (c.precision, c.recall, c.f1, c.support)).collect();
        assert_eq!(figures[0], (0.5, 1.0, 2.0 / 3.0, 1));
        assert_eq!(figures[1], (0.0, 0.0, 0.0, 1));
        assert_eq!(figures[2], (1.0, 2.0 / 3.0, 0.8, 3));
        assert!(close(metrics.accuracy, 0.6) && close(metrics.mean_class_accuracy, 5.0 / 9.0));
        assert!(close(metrics.macro_f1, (2.0 / 3.0 + 0.8) / 3.0));
        assert_eq!(metrics.confusion, [[1, 0, 0], [1, 0, 0], [0, 1, 2]]);
        assert!(close(metrics.ece, 0.2), "confidence 0.8, accuracy 0.6");
    }

    /// The worked example of torchmetrics' `BinaryCalibrationError` with two bins has 0.29 over (0, 0.5], (0.5, 1];
    /// here the same sums by hand for fifteen bins of two classes.
    #[test]
    fn the_calibration_error_weighs_bins_by_their_rows() {
        let probabilities = [0.75, 0.25, 0.75, 0.25, 0.95, 0.05, 0.45, 0.55];
        let metrics = measure(&["a", "b"], &probabilities, &[0, 1, 0, 0]);
        // Two rows at 0.75 of which one is right, one at 0.95 right, one at 0.55 wrong.
        assert!(close(metrics.ece, (2.0 * 0.25 + 0.05 + 0.55) / 4.0), "{}", metrics.ece);
    }

    #[test]
    fn a_class_without_rows_does_not_count() {
        let metrics = measure(&["a", "b"], &[0.9, 0.1, 0.8, 0.2], &[0, 0]);
        assert_eq!((metrics.mean_class_accuracy, metrics.macro_f1), (1.0, 1.0));
        assert_eq!(metrics.classes[1].recall, 0.0);
    }
}
