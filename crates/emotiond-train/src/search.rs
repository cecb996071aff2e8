//! Hyper-parameter search: chooses the values of each trial, and records the trials in a journal from which an
//! interrupted search is resumed.

use super::{
    parzen,
    recipe::{Choice, SearchMethod, SearchSection},
};
use emotiond_core::exit::{Exit, ExitsWith};
use optimizer::{
    AttrValue, Direction, Study, Trial, TrialState,
    parameter::{CategoricalParam, FloatParam, IntParam, Parameter},
    pruner::MedianPruner,
    sampler::{CompletedTrial, random::RandomSampler},
    storage::JournalStorage,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Number of trials of a search without a number of its own.
const TRIALS: usize = 20;
/// Number of trials before the median rule starts to prune.
const TRIALS_BEFORE_PRUNING: usize = 4;
/// Number of epochs before the median rule can prune a trial.
const EPOCHS_BEFORE_PRUNING: u64 = 2;
/// Number of uniformly random trials before the estimator starts.
const RANDOM_TRIALS: usize = 6;

/// Why a search cannot continue.
#[derive(Debug, Error)]
pub enum SearchError {
    /// The journal of trials cannot be used.
    #[error("the journal of trials {path} cannot be used: {reason}", path = path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library rejects a range.
    #[error("search.space: {0}")]
    Space(String),
}

impl ExitsWith for SearchError {
    fn exit(&self) -> Exit {
        match self {
            Self::Journal { .. } => Exit::Output,
            Self::Space(_) => Exit::Config,
        }
    }
}

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It ran all its epochs.
    Complete,
    /// It was ended early because its accuracy was below the median.
    Pruned,
    /// Its loss became infinite or NaN.
    Diverged,
}

impl End {
    /// The name in tables and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Pruned => "pruned",
            Self::Diverged => "diverged",
        }
    }
}

/// A finished trial.
#[derive(Clone, Debug)]
pub struct Record {
    /// Number of the trial, from 0.
    pub number: u64,
    /// The value of each key, in the order of the keys, as TOML.
    pub values: Vec<String>,
    /// The best validation accuracy, 0 to 1.
    pub accuracy: f64,
    /// How it ended, as given by [`End::name`].
    pub end: String,
}

/// A search over a recipe's keys.
pub struct Search {
    section: SearchSection,
    params: Vec<(String, Param)>,
    journal: PathBuf,
}

/// A running trial.
pub struct Running {
    trial: Trial,
    study: Arc<Study<f64>>,
    /// Number of the trial, from 0.
    pub number: u64,
    /// The value of each key, in the order of the keys, as TOML.
    pub values: Vec<String>,
}

/// A key of the search as a parameter of the library.
enum Param {
    List(CategoricalParam<String>),
    Whole(IntParam),
    Real(FloatParam),
}

impl Search {
    /// A search that records its trials in the file `journal`. Create only one per process, because the library
    /// identifies parameters by the order of their creation.
    pub fn new(section: &SearchSection, journal: &Path) -> Self {
        let params =
            section.space.iter().map(|(key, choice)| (key.clone(), Param::new(key, choice))).collect();
        Self { section: section.clone(), params, journal: journal.to_owned() }
    }

    /// The keys that are varied.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.params.iter().map(|(key, _)| key.as_str())
    }

    /// Total number of trials.
    pub fn trials(&self) -> usize {
        match self.section.method {
            SearchMethod::Grid => self.section.trials.unwrap_or(usize::MAX).min(self.grid_len()),
            _ => self.section.trials.unwrap_or(TRIALS),
        }
    }

    /// The finished trials, in order.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn records(&self) -> Result<Vec<Record>, SearchError> {
        Ok(self.records_of(&self.study()?))
    }

    fn records_of(&self, study: &Study<f64>) -> Vec<Record> {
        let mut records: Vec<Record> = study.trials().iter().map(|trial| self.record(trial)).collect();
        records.sort_by_key(|record| record.number);
        records
    }

    /// Starts the next round of parallel trials; empty if all are finished. The values depend only on the section and
    /// the journal.
    ///
    /// # Errors
    /// When the journal cannot be read or the library rejects a range.
    pub fn begin(&self) -> Result<Vec<Running>, SearchError> {
        let study = Arc::new(self.study()?);
        let finished = self.records_of(&study);
        let left = self.trials().saturating_sub(finished.len());
        (0..left.min(self.section.at_once)).map(|_| self.begin_trial(&study, &finished)).collect()
    }

    fn begin_trial(&self, study: &Arc<Study<f64>>, finished: &[Record]) -> Result<Running, SearchError> {
        let mut trial = study.create_trial();
        let number = trial.id();
        let values = match self.section.method {
            SearchMethod::Grid => self.grid_point(number as usize),
            SearchMethod::Tpe if finished.len() >= RANDOM_TRIALS => self.estimated_values(number, finished),
            _ => {
                let draw = |(_, param): &(String, Param)| param.draw(&mut trial);
                let drawn: Result<Vec<String>, optimizer::Error> = self.params.iter().map(draw).collect();
                drawn.map_err(|error| SearchError::Space(error.to_string()))?
            }
        };
        for (key, value) in self.keys().zip(&values) {
            trial.set_user_attr(key, value.as_str());
        }
        Ok(Running { trial, study: Arc::clone(study), number, values })
    }

    fn estimated_values(&self, number: u64, finished: &[Record]) -> Vec<String> {
        let mut told: Vec<(&[String], f64)> = Vec::new();
        for record in finished {
            // The worst value for a trial that diverged, so that similar ones are avoided.
            let accuracy = if record.end == End::Diverged.name() { 0.0 } else { record.accuracy };
            told.push((&record.values, accuracy));
        }
        parzen::suggest(self.section.space.values(), &told, self.section.seed, number)
    }

    /// Opens the study. This is repeated for each round, because the random sampler counts its calls and a resumed search
    /// must choose the same values as an uninterrupted one.
    fn study(&self) -> Result<Study<f64>, SearchError> {
        let journal_error = |reason: String| SearchError::Journal { path: self.journal.clone(), reason };
        let storage =
            JournalStorage::open(&self.journal).map_err(|error| journal_error(error.to_string()))?;
        let builder = Study::builder().maximize().storage(storage);
        let builder = builder.sampler(RandomSampler::with_seed(self.section.seed));
        if !self.section.prune {
            return Ok(builder.build());
        }
        let pruner = MedianPruner::new(Direction::Maximize)
            .n_warmup_steps(EPOCHS_BEFORE_PRUNING)
            .n_min_trials(TRIALS_BEFORE_PRUNING);
        Ok(builder.pruner(pruner).build())
    }

    fn record(&self, trial: &CompletedTrial<f64>) -> Record {
        let text = |key: &str| match trial.user_attrs.get(key) {
            Some(AttrValue::String(text)) => text.clone(),
            _ => String::new(),
        };
        let best = trial.intermediate_values.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let end = if trial.state == TrialState::Pruned { End::Pruned.name().to_owned() } else { text(END) };
        Record { number: trial.id, values: self.keys().map(text).collect(), accuracy: best, end }
    }

    fn grid_len(&self) -> usize {
        self.section.space.values().map(|choice| choice.grid(self.section.points).len()).product()
    }

    /// The `number`th combination of the grid; the last key changes fastest.
    fn grid_point(&self, mut number: usize) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for choice in self.section.space.values().rev() {
            let points = choice.grid(self.section.points);
            values.push(points[number % points.len()].to_string());
            number /= points.len();
        }
        values.reverse();
        values
    }
}

/// The journal's attribute for how a trial ended.
const END: &str = "end";

impl Running {
    /// Reports the validation accuracy after `epoch`; true if the trial shall be pruned.
    pub fn report(&mut self, epoch: usize, accuracy: f64) -> bool {
        self.trial.report(epoch as u64, accuracy);
        self.trial.should_prune()
    }

    /// Records in the journal how the trial ended.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self, search: &Search, end: End) -> Result<(), SearchError> {
        self.trial.set_user_attr(END, end.name());
        let best = self.trial.intermediate_values().iter().map(|(_, value)| *value).fold(0.0, f64::max);
        match end {
            End::Pruned => self.study.prune_trial(self.trial),
            End::Complete => self.study.complete_trial(self.trial, best),
            End::Diverged => self.study.complete_trial(self.trial, 0.0),
        }
        // The library does not report a full disk.
        if search.study()?.trials().iter().any(|trial| trial.id == self.number) {
            return Ok(());
        }
        Err(SearchError::Journal {
            path: search.journal.clone(),
            reason: "it cannot be written; is the disk full?".to_owned(),
        })
    }
}

impl Param {
    fn new(key: &str, choice: &Choice) -> Self {
        match choice {
            Choice::List(values) => {
                Self::List(CategoricalParam::new(values.iter().map(ToString::to_string).collect()).name(key))
            }
            Choice::Whole(range) => {
                let mut param = IntParam::new(range.from, range.to).name(key);
                if range.log {
                    param = param.log_scale();
                }
                Self::Whole(if let Some(step) = range.step { param.step(step) } else { param })
            }
            Choice::Real(range) => {
                let mut param = FloatParam::new(range.from, range.to).name(key);
                if range.log {
                    param = param.log_scale();
                }
                Self::Real(if let Some(step) = range.step { param.step(step) } else { param })
            }
        }
    }

    /// Chooses a value, as TOML.
    fn draw(&self, trial: &mut Trial) -> Result<String, optimizer::Error> {
        Ok(match self {
            Self::List(param) => param.suggest(trial)?,
            Self::Whole(param) => param.suggest(trial)?.to_string(),
            Self::Real(param) => toml::Value::Float(param.suggest(trial)?).to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The accuracy of each trial of a search for the learning rate, which is best at 1e-3; the journal is read again
    /// before each trial, as after an interruption.
    fn run(method: SearchMethod, folder: &Path) -> Vec<f64> {
        let section: SearchSection = toml::from_str(
            "trials = 30\nprune = false\n[space]\n\"optimizer.learning_rate\" = { from = 1e-6, to = 1.0, log = true }",
        )
        .unwrap();
        let search = Search::new(&SearchSection { method, ..section }, &folder.join("trials.jsonl"));
        while let Some(mut running) = search.begin().unwrap().pop() {
            let rate: f64 = running.values[0].parse().unwrap();
            running.report(1, 0.9 - 0.1 * (rate / 1e-3).log10().abs());
            running.finish(&search, End::Complete).unwrap();
        }
        search.records().unwrap().iter().map(|record| record.accuracy).collect()
    }

    #[test]
    fn a_bayesian_search_goes_where_the_accuracy_is_high() {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let folder = tempfile::tempdir().unwrap();
        let found = run(SearchMethod::Tpe, folder.path());
        assert_eq!(found.len(), 30);
        assert!(mean(&found[15..]) > mean(&found[..RANDOM_TRIALS]) + 0.05, "{found:?}");
        let folder = tempfile::tempdir().unwrap();
        let random = run(SearchMethod::Random, folder.path());
        assert_eq!(random[..RANDOM_TRIALS], found[..RANDOM_TRIALS], "both begin with the same trials");
        assert!(mean(&found[15..]) > mean(&random[15..]) + 0.05, "{random:?}");
    }

    #[test]
    fn a_trial_behind_the_median_is_pruned_and_one_ahead_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let section = toml::from_str(
            "method = \"grid\"\n[space]\n\"network.dropout\" = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]",
        );
        let search = Search::new(&section.unwrap(), &folder.path().join("trials.jsonl"));
        // The accuracy of a trial in its first three epochs, and after which it is pruned.
        let run = |accuracy: f64| {
            let mut running = search.begin().unwrap().pop().unwrap();
            let pruned = (1..=3).find(|&epoch| running.report(epoch, accuracy));
            running.finish(&search, if pruned.is_some() { End::Pruned } else { End::Complete }).unwrap();
            pruned
        };
        for accuracy in [0.5, 0.6, 0.7, 0.8] {
            assert_eq!(run(accuracy), None);
        }
        assert_eq!((run(0.64), run(0.66)), (Some(2), None));
    }
}
