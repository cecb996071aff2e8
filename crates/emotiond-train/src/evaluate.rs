//! Evaluates an exported model as the daemon would run it: with the daemon's crop, its normalisation and ONNX Runtime.

use super::{
    dataset::{Dataset, DatasetError, repeats},
    examples::{Examples, split_rows},
    history::SplitReport,
    loader::Loader,
    metrics::{Metrics, measure},
    recipe::{HeldOut, LabelScheme},
};
use emotiond_core::{
    classify::{Classifier, ClassifyError, argmax},
    exit::{Exit, ExitsWith},
};
use std::sync::Arc;
use thiserror::Error;

/// Number of pictures prepared at a time.
const BATCH: usize = 256;

/// Why a model cannot be evaluated.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// The model cannot be run.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    /// The model's labels match none of the trainer's label schemes.
    #[error(
        "the model's labels are {0}, which match none of the label schemes seven, six, three and ferplus8: the data has no ground truth for them"
    )]
    Labels(String),
    /// The model's labels differ from the emotions that FER+'s taggers chose from.
    #[error(
        "the model's labels are {0}, but FER+'s taggers chose from eight emotions: use a model with FER2013's seven or FER+'s eight labels"
    )]
    NotVoted(String),
    /// No row of the split has one of the model's labels.
    #[error("no row of `{0}` has one of the model's labels")]
    Empty(String),
}

impl ExitsWith for EvaluateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Data(error) => error.exit(),
            Self::Classify(_) => Exit::Unavailable,
            Self::Labels(_) | Self::NotVoted(_) => Exit::Config,
            Self::Empty(_) => Exit::Data,
        }
    }
}

/// The result of a model on a split.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The figures.
    pub report: SplitReport,
    /// The rows.
    pub examples: Examples,
    /// `[rows, classes]`, in the order of the examples' labels.
    pub probabilities: Vec<f32>,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

/// A misclassified picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mistake {
    /// Index into the evaluation's examples.
    pub example: usize,
    /// The predicted class.
    pub prediction: usize,
    /// Probability of the predicted class, 0 to 1.
    pub confidence: f32,
}

/// The ground truth of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Truth {
    /// The data's own labels.
    #[default]
    Original,
    /// The emotion that most of FER+'s taggers chose.
    Ferplus,
}

/// The scheme whose emotions are `labels`, in any order.
pub fn scheme_of(labels: &[String]) -> Option<LabelScheme> {
    use LabelScheme::{FerPlus8, Seven, Six, Three};
    [Seven, Six, Three, FerPlus8].into_iter().find(|scheme| {
        let own = scheme.labels();
        own.len() == labels.len() && own.iter().all(|label| labels.iter().any(|other| other == label))
    })
}

/// Runs `classifier` over the split called `name`, a split's name or a fraction of the training split such as `0.1`
/// (drawn by `seed`, as `fit` draws its validation rows), against `truth`.
///
/// # Errors
/// When the model's labels match no scheme, the split does not exist or the model fails.
pub fn evaluate(
    classifier: &mut Classifier,
    dataset: &Arc<Dataset>,
    name: &str,
    seed: u64,
    truth: Truth,
) -> Result<Evaluation, EvaluateError> {
    let labels = &classifier.description().labels;
    let scheme = match (scheme_of(labels), truth) {
        (Some(LabelScheme::Seven), Truth::Ferplus) => LabelScheme::FerPlus7,
        (Some(scheme), Truth::Ferplus) if !scheme.is_voted() => {
            return Err(EvaluateError::NotVoted(labels.join(" ")));
        }
        (Some(scheme), _) => scheme,
        (None, _) => return Err(EvaluateError::Labels(labels.join(" "))),
    };
    let (rows, others, split) = choose_rows(dataset, name, seed)?;
    let spec = classifier.description().input.clone();
    let examples = Examples::new(dataset.clone(), &rows, scheme, None, spec);
    if examples.items.is_empty() {
        return Err(EvaluateError::Empty(name.to_owned()));
    }
    let repeated = repeats(dataset, &examples.rows(), &others);
    let mut evaluation = evaluate_examples(classifier, examples, &repeated, &split)?;
    if others.is_empty() {
        evaluation
            .notes
            .push(format!("models are trained on {split}: the figures are no measure of their quality"));
    }
    Ok(evaluation)
}

/// Runs `classifier` over `examples`, whose labels must be the classifier's in any order. `repeated` marks the rows
/// that repeat a training picture; if there are any, the report also contains the figures without them.
///
/// # Errors
/// When the model fails.
pub fn evaluate_examples(
    classifier: &mut Classifier,
    examples: Examples,
    repeated: &[bool],
    split: &str,
) -> Result<Evaluation, EvaluateError> {
    let probabilities = classify(classifier, &examples)?;
    let all = metrics_where(&examples, &probabilities, |_| true);
    let count = repeated.iter().filter(|repeated| **repeated).count();
    let without_repeats = (count > 0 && count < examples.items.len())
        .then(|| metrics_where(&examples, &probabilities, |index| !repeated[index]));
    let is_clear = |index: usize| {
        let votes = examples.dataset.samples[examples.items[index].sample].votes;
        votes.is_some_and(|votes| votes.clear_majority().is_some())
    };
    let clear_majority = examples.is_voted.then(|| metrics_where(&examples, &probabilities, is_clear));
    let mut notes = Vec::new();
    if count > 0 {
        notes.push(format!(
            "{count} of the {} rows repeat a training picture pixel for pixel: see the figures without them",
            examples.items.len()
        ));
    }
    let report =
        SplitReport { split: split.to_owned(), all, without_repeats, repeats: count, clear_majority };
    Ok(Evaluation { report, examples, probabilities, notes })
}

impl Evaluation {
    /// The wrong predictions in descending order of confidence.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let rows = self.probabilities.chunks_exact(self.examples.labels.len());
        let mut mistakes: Vec<Mistake> = rows
            .enumerate()
            .map(|(example, row)| (example, argmax(row), row))
            .filter(|(example, prediction, _)| *prediction != self.examples.items[*example].class)
            .map(|(example, prediction, row)| Mistake { example, prediction, confidence: row[prediction] })
            .collect();
        mistakes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        mistakes
    }
}

/// The rows to evaluate, the rows on which a model may have been trained (none if they are the same), and a name for
/// the selection.
pub fn choose_rows(
    dataset: &Dataset,
    name: &str,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>, String), DatasetError> {
    if let Ok(part) = name.parse::<f64>() {
        if !(part > 0.0 && part < 1.0) {
            let known = format!(
                "{}, or a fraction of the training split above 0 and below 1",
                dataset.splits.join(", ")
            );
            return Err(DatasetError::NoSplit { name: name.to_owned(), known });
        }
        let rows = split_rows(dataset, &HeldOut::Fraction(part), None, seed)?;
        return Ok((
            rows.validation,
            rows.training,
            format!("{part} of the training split, drawn with seed {seed}"),
        ));
    }
    let split = dataset.split(name)?;
    let others = match dataset.training_split() {
        Ok(training) if training != split => dataset.rows(training),
        _ => Vec::new(),
    };
    Ok((dataset.rows(split), others, dataset.splits[split].clone()))
}

/// The probabilities of all examples, `[rows, classes]` in the order of the examples' labels.
fn classify(classifier: &mut Classifier, examples: &Examples) -> Result<Vec<f32>, EvaluateError> {
    let labels = &classifier.description().labels;
    let columns: Option<Vec<usize>> =
        examples.labels.iter().map(|own| labels.iter().position(|label| label == own)).collect();
    let columns = columns.ok_or_else(|| EvaluateError::Labels(labels.join(" ")))?;
    let mut rows = Vec::new();
    for batch in Loader::in_order(Arc::new(examples.clone()), BATCH).epoch(0) {
        classifier.classify(&batch.inputs, &mut rows)?;
    }
    Ok(rows.chunks_exact(columns.len()).flat_map(|row| columns.iter().map(|&column| row[column])).collect())
}

fn metrics_where(examples: &Examples, probabilities: &[f32], keep: impl Fn(usize) -> bool) -> Metrics {
    let width = examples.labels.len();
    let kept: Vec<usize> = (0..examples.items.len()).filter(|&index| keep(index)).collect();
    let probabilities: Vec<f32> =
        kept.iter().flat_map(|&index| &probabilities[index * width..][..width]).copied().collect();
    let classes: Vec<usize> = kept.iter().map(|&index| examples.items[index].class).collect();
    measure(examples.labels, &probabilities, &classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn schemes_are_known_by_their_labels_in_any_order() {
        let owned = |labels: &[&str]| labels.iter().map(|&label| label.to_owned()).collect::<Vec<_>>();
        assert_eq!(scheme_of(&owned(&["sad", "happy", "neutral"])), Some(LabelScheme::Three));
        let reversed: Vec<String> = owned(LabelScheme::FerPlus8.labels()).into_iter().rev().collect();
        assert_eq!(scheme_of(&reversed), Some(LabelScheme::FerPlus8));
        assert_eq!(scheme_of(&owned(&["sad", "happy", "hungry"])), None);
    }

    #[test]
    fn a_fraction_is_the_part_that_fit_holds_out() {
        let dataset = fixtures::dataset(350);
        let (rows, others, _) = choose_rows(&dataset, "0.25", 3).unwrap();
        let recipe = fixtures::recipe(&["data.validation=0.25", "fit.seed=3"]);
        let prepared = crate::examples::prepare(&dataset, &recipe).unwrap();
        assert_eq!(rows, prepared.validation.rows());
        assert_eq!(others, prepared.training.rows());
        for name in ["0", "1.5", "-0.1", "nan"] {
            assert_eq!(choose_rows(&dataset, name, 3).unwrap_err().exit(), Exit::Usage, "{name}");
        }
    }

    #[test]
    fn mistakes_come_with_the_surest_first() {
        let dataset = fixtures::dataset(10);
        let recipe = fixtures::recipe(&[]);
        let examples = Examples::new(dataset, &[0, 1, 2], LabelScheme::Seven, None, recipe.input_spec());
        let mut probabilities = vec![0.0; 21];
        probabilities[0] = 1.0;
        probabilities[7] = 0.6;
        probabilities[14] = 0.9;
        let all = metrics_where(&examples, &probabilities, |_| true);
        assert_eq!(metrics_where(&examples, &probabilities, |index| index > 0).accuracy, 0.0);
        let report = SplitReport {
            split: "x".to_owned(),
            all,
            without_repeats: None,
            repeats: 0,
            clear_majority: None,
        };
        let evaluation = Evaluation { report, examples, probabilities, notes: Vec::new() };
        let mistakes = evaluation.mistakes();
        assert_eq!(mistakes.iter().map(|mistake| mistake.example).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(mistakes[0], Mistake { example: 2, prediction: 0, confidence: 0.9 });
    }
}
