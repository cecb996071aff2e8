//! The trials of a search.

use super::{SearchArgs, trial_folder, write};
use crate::{
    cli::{fit, progress},
    examples::Prepared,
    fit::{FitError, Job, Outcome, Start, Watch},
    history::{EpochRecord, RunReport},
    recipe::{DataSection, Recipe},
    search::{End, Running, Search},
    trainer::{Totals, Trainer},
};
use burn::tensor::Device;
use emotiond_core::{classify::description::InputSpec, exit::Failure, stderr::say};
use std::{
    fs,
    panic::resume_unwind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Runs the trials of a search.
pub struct Trials<'a> {
    args: &'a SearchArgs,
    search: &'a Search,
    device: &'a Device,
    /// What the last trial read, and how: most searches vary nothing that changes it.
    data: Mutex<Option<(HowRead, Arc<Prepared>)>>,
}

/// The parts of a recipe that decide what is read from the data, with the seed.
type HowRead = (DataSection, InputSpec, u64);

impl<'a> Trials<'a> {
    /// Trials of `search` on `device`.
    pub fn new(args: &'a SearchArgs, search: &'a Search, device: &'a Device) -> Self {
        Self { args, search, device, data: Mutex::new(None) }
    }

    /// Runs a trial, or several in parallel.
    ///
    /// # Errors
    /// If the data or the output folder cannot be used; the failure carries the exit code.
    pub fn run_all(&self, round: Vec<Running>) -> Result<Vec<(Running, End)>, Failure> {
        if round.len() == 1 {
            return round.into_iter().map(|running| self.run(running, true)).collect();
        }
        thread::scope(|scope| {
            let run = |running| scope.spawn(move || self.run(running, false));
            let threads: Vec<_> = round.into_iter().map(run).collect();
            threads
                .into_iter()
                .map(|trial| trial.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    fn run(&self, running: Running, alone: bool) -> Result<(Running, End), Failure> {
        let Self { args, search, device, .. } = *self;
        let set: Vec<String> =
            search.keys().zip(&running.values).map(|(key, value)| format!("{key}={value}")).collect();
        say(format_args!("trial {}/{}: {}", running.number + 1, search.trials(), set.join(", ")));
        let (mut recipe, left_out) = Recipe::load_trial(&args.recipe, &[&args.overrides[..], &set].concat())?;
        recipe.search = None;
        if !left_out.is_empty() {
            say(format_args!("trial {}: without {}", running.number + 1, left_out.join(", ")));
        }
        let out = trial_folder(args, running.number);
        // Resumes an interrupted trial if it had the same recipe.
        let resume =
            fs::read_to_string(out.join("recipe.toml")).is_ok_and(|before| before == recipe.to_toml());
        if !resume {
            let _ = fs::remove_dir_all(&out);
            write(&out, "recipe.toml", &recipe.to_toml())?;
        }
        if let Some((twin, report)) = twin(args, &recipe, running.number) {
            say(format_args!("trial {}: the same recipe as trial {}", running.number + 1, twin + 1));
            return Ok(repeat(running, &report));
        }
        let data = self.data(&recipe, &out)?;
        let teacher = fit::load_teacher(&recipe)?;
        let job = Job {
            recipe: &recipe,
            data: &data,
            out: &out,
            features: &args.out,
            start: if resume { Start::Resume } else { Start::New },
            from: None,
            teacher: teacher.as_ref(),
            device,
        };
        let shown = if alone {
            progress::for_this_terminal(recipe.fit.epochs)
        } else {
            progress::lines(format!("trial {}: ", running.number + 1), recipe.fit.epochs)
        };
        let mut watch = TrialWatch { shown, running, seen: Vec::new(), pruned: false };
        let end = match crate::fit::fit(&job, &mut watch) {
            Ok(outcome) => {
                watch.catch_up(&outcome);
                fit::course(recipe.network.arch.clone(), &recipe, &data, &outcome).save(&out)?;
                if watch.pruned { End::Pruned } else { End::Complete }
            }
            Err(FitError::Diverged(diverged)) => {
                say(format_args!("trial {}: {diverged}", watch.running.number + 1));
                End::Diverged
            }
            Err(error) => return Err(error.into()),
        };
        Ok((watch.running, end))
    }

    /// The data as `recipe` wants it, read by this trial in `folder` or by the last one.
    fn data(&self, recipe: &Recipe, folder: &Path) -> Result<Arc<Prepared>, Failure> {
        let how = (recipe.data.clone(), recipe.input_spec(), recipe.fit.seed);
        let mut last = self.data.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, data)) = &*last
            && *before == how
        {
            return Ok(Arc::clone(data));
        }
        // The old data's memory is freed before the new data is read.
        *last = None;
        let data = Arc::new(fit::load(recipe, &self.args.data, folder)?);
        *last = Some((how, Arc::clone(&data)));
        Ok(data)
    }
}

/// The first trial before `number` with the same recipe that ran all its epochs. Trials get the same recipe when the keys
/// in which they differ are left out.
fn twin(args: &SearchArgs, recipe: &Recipe, number: u64) -> Option<(u64, RunReport)> {
    (0..number).find_map(|earlier| {
        let report = RunReport::load(&trial_folder(args, earlier)).ok()?;
        let is_whole = report.epochs.len() == recipe.fit.epochs;
        (report.recipe == *recipe && is_whole).then_some((earlier, report))
    })
}

/// Records the epochs of another trial as those of this one.
fn repeat(mut running: Running, report: &RunReport) -> (Running, End) {
    for record in &report.epochs {
        running.report(record.epoch, record.validation_accuracy);
    }
    (running, End::Complete)
}

/// Shows the progress of a trial and ends the trial when the median rule prunes it.
struct TrialWatch {
    shown: Box<dyn Watch>,
    running: Running,
    /// Epochs that were reported to the search.
    seen: Vec<usize>,
    pruned: bool,
}

impl TrialWatch {
    /// Reports to the search the epochs that ran before the trial was interrupted.
    fn catch_up(&mut self, outcome: &Outcome) {
        for record in outcome.history.iter().filter(|record| !self.seen.contains(&record.epoch)) {
            self.running.report(record.epoch, record.validation_accuracy);
        }
    }
}

impl Watch for TrialWatch {
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals) {
        self.shown.step(epoch, done, steps, totals);
    }

    fn epoch(&mut self, record: &EpochRecord, trainer: &Trainer, best: bool) {
        self.shown.epoch(record, trainer, best);
        self.seen.push(record.epoch);
        self.pruned = self.running.report(record.epoch, record.validation_accuracy);
        if self.pruned {
            self.shown.note("below the median of the other trials: the trial ends early");
        }
    }

    fn note(&mut self, text: &str) {
        self.shown.note(text);
    }

    fn ends_run(&mut self) -> bool {
        self.pruned
    }
}
