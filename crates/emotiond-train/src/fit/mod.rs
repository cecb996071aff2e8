//! A training run: trains epoch by epoch, validates, writes checkpoints, stops early and resumes.

mod error;
mod start_weights;

use super::arch::{Network, NetworkSpec};
use super::average::MovingAverage;
use super::checkpoint::{Checkpoint, CheckpointError, Progress};
use super::distill::Teacher;
use super::examples::Prepared;
use super::frozen::{self, Frozen, FrozenPart};
use super::history::EpochRecord;
use super::loader::Loader;
use super::pretrained::{self, Backbone, PretrainedError};
use super::recipe::{AugmentSection, ClassWeights, Recipe};
use super::trainer::{Totals, Trainer};
use burn::tensor::Device;
pub use error::FitError;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The checkpoint of the last epoch, from which a run is resumed.
pub const LAST: &str = "last.ckpt";
/// The checkpoint of the epoch with the best validation accuracy.
pub const BEST: &str = "best.ckpt";
/// Number of pictures in a validation batch.
pub const VALIDATION_BATCH: usize = 128;

/// Receives the progress of a run.
pub trait Watch {
    /// `done` of the `steps` steps of `epoch` (from 1) are completed.
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals);
    /// An epoch is completed; `best` if it is the best so far.
    fn epoch(&mut self, record: &EpochRecord, trainer: &Trainer, best: bool);
    /// A note for the user.
    fn note(&mut self, text: &str);
    /// Called after each epoch: whether to end the run.
    fn ends_run(&mut self) -> bool {
        false
    }
}

/// The inputs of a run.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The data.
    pub data: &'a Prepared,
    /// The output folder, which must exist.
    pub out: &'a Path,
    /// The folder of the frozen blocks' features, which several runs may share.
    pub features: &'a Path,
    /// What becomes of a run in that folder.
    pub start: Start,
    /// A checkpoint of another run or a model (`.onnx`) with the initial weights; `None` for random weights.
    pub from: Option<&'a Path>,
    /// The teacher whose predictions become part of the targets.
    pub teacher: Option<&'a Arc<Teacher>>,
    /// The device to train on.
    pub device: &'a Device,
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first epoch, in a folder without a run.
    New,
    /// Where the run in the folder stopped, if there is one.
    Resume,
    /// Not at all: the run in the folder ends with its best epoch so far.
    Finish,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The network with the best validation accuracy, ready for inference.
    pub network: Network,
    /// The specification from which it was built.
    pub spec: NetworkSpec,
    /// The epoch of these weights, from 1.
    pub epoch: usize,
    /// All epochs.
    pub history: Vec<EpochRecord>,
}

/// Trains a network.
///
/// # Errors
/// When the recipe's network cannot be built, a checkpoint cannot be written or read, or the loss diverges.
pub fn fit(job: &Job, watch: &mut dyn Watch) -> Result<Outcome, FitError> {
    let training = Loader::training(Arc::new(job.data.training.clone()), job.recipe, job.teacher.cloned());
    let validation = Loader::in_order(Arc::new(job.data.validation.clone()), VALIDATION_BATCH);
    let mut run = Run::start(job, &training, watch)?;
    for note in &job.data.notes {
        watch.note(note);
    }
    if job.start == Start::Finish {
        return run.finish();
    }
    run.freeze(watch)?;
    while run.progress.epochs_done < job.recipe.fit.epochs {
        if let Some(stopping) = &job.recipe.fit.early_stopping
            && run.progress.stagnant.0 >= stopping.patience
        {
            watch.note(&format!("no improvement in {} epochs: the run ends early", stopping.patience));
            break;
        }
        run.epoch(&training, &validation, watch)?;
        if watch.ends_run() {
            break;
        }
    }
    run.finish()
}

struct Run<'a> {
    job: &'a Job<'a>,
    trainer: Trainer,
    progress: Progress,
}

impl<'a> Run<'a> {
    /// Starts a new run, or resumes the one in the folder from its last checkpoint.
    fn start(job: &'a Job<'a>, training: &Loader, watch: &mut dyn Watch) -> Result<Self, FitError> {
        let spec = NetworkSpec::of(&job.recipe.network, job.data.training.labels.len());
        let weights = job.data.training.class_weights(&job.recipe.loss.class_weights);
        let mut trainer = Trainer::new(job.recipe, &spec, weights, training.batches(), job.device)?;
        let last = job.out.join(LAST);
        let progress = match (last.exists(), job.start) {
            (true, Start::New) => return Err(FitError::Occupied { folder: job.out.to_owned() }),
            (true, Start::Resume | Start::Finish) => {
                let checkpoint = Checkpoint::load(&last, &spec)?;
                same_recipe(job, &checkpoint.progress)?;
                restore(&mut trainer, &checkpoint, job.recipe, &last)?;
                checkpoint.progress
            }
            (false, Start::Finish) => return Err(FitError::NoEpoch { folder: job.out.to_owned() }),
            (false, Start::New | Start::Resume) => {
                if let Some(path) = job.from {
                    let (network, note) =
                        start_weights::load(path, &spec, trainer.network.clone(), job, training)?;
                    if let Some(note) = note {
                        watch.note(&note);
                    }
                    trainer.start_from(network, job.recipe);
                } else if let Some(pretrained) = &job.recipe.network.pretrained {
                    let network =
                        pretrained::load(trainer.network.clone(), &backbones(&spec)?, &pretrained.file)?;
                    trainer.start_from(network, job.recipe);
                }
                Progress::start(spec, job.recipe, &trainer.schedule)
            }
        };
        Ok(Self { job, trainer, progress })
    }

    /// Freezes the blocks that the recipe freezes, unless they have been thawed in an earlier epoch.
    fn freeze(&mut self, watch: &mut dyn Watch) -> Result<(), FitError> {
        let Some(section) = &self.job.recipe.network.pretrained else { return Ok(()) };
        let part =
            FrozenPart::of(&self.trainer.network, &backbones(&self.progress.network)?, section.freeze)?;
        if self.trainer.has_thawed(self.progress.epochs_done) {
            return Ok(());
        }
        self.trainer.network = frozen::hold(self.trainer.network.clone(), part);
        if part.blocks == 0 {
            return Ok(());
        }
        let network = &self.trainer.network;
        let mut frozen = Frozen::new(network, part.blocks);
        let examples = [&self.job.data.training, &self.job.data.validation];
        if self.job.recipe.augment != AugmentSection::default() {
            watch.note(
                "[augment] changes the pictures: the features of the frozen blocks are computed in every epoch",
            );
        } else if !frozen.can_keep_features(network, examples) {
            watch.note(
                "the features of the frozen blocks are too large to keep: they are computed in every epoch; freeze more blocks",
            );
        } else {
            watch.note("the features of the frozen blocks are computed once and kept in a file");
            frozen.keep_features(network, examples, self.job.features)?;
        }
        self.trainer.frozen = Some(frozen);
        Ok(())
    }

    fn epoch(
        &mut self,
        training: &Loader,
        validation: &Loader,
        watch: &mut dyn Watch,
    ) -> Result<(), FitError> {
        let start = Instant::now();
        let epoch = self.progress.epochs_done;
        let learning_rate = self.trainer.learning_rate(epoch);
        let (mut done, steps) = (0, training.batches());
        let trained = self.trainer.train_epoch(training, epoch, |totals| {
            done += 1;
            watch.step(epoch + 1, done, steps, totals);
        })?;
        let images_per_s = trained.pictures() as f64 / start.elapsed().as_secs_f64();
        let validated = self.trainer.validate(&self.trainer.chosen(), validation);
        if !validated.loss().is_finite() {
            return Err(self.trainer.diverged(validated.loss(), (epoch + 1) * steps - 1).into());
        }
        let (train_precision, train_recall) = trained.precision_and_recall();
        let (validation_precision, validation_recall) = validated.precision_and_recall();
        let record = EpochRecord {
            epoch: epoch + 1,
            learning_rate,
            train_loss: trained.loss(),
            train_accuracy: trained.accuracy(),
            train_precision,
            train_recall,
            validation_loss: validated.loss(),
            validation_accuracy: validated.accuracy(),
            validation_precision,
            validation_recall,
            images_per_s,
            seconds: start.elapsed().as_secs_f64(),
        };
        if let Some(warning) = suspicion(&record, validated.only_prediction(), self.job) {
            watch.note(&warning);
        }
        let best = self.take_in(&record);
        watch.epoch(&record, &self.trainer, best);
        self.save(best)
    }

    /// Adds an epoch to the progress; true if it is the best so far.
    fn take_in(&mut self, record: &EpochRecord) -> bool {
        let fit = &self.job.recipe.fit;
        let progress = &mut self.progress;
        self.trainer.schedule.observe(record.validation_loss);
        progress.epochs_done = record.epoch;
        progress.plateau = self.trainer.schedule.state();
        progress.average_steps = self.trainer.average.as_ref().map(MovingAverage::steps);
        progress.history.push(record.clone());
        let (monitor, min_delta) = fit
            .early_stopping
            .as_ref()
            .map_or((fit.best, 0.0), |stopping| (stopping.monitor, stopping.min_delta));
        let score = record.score(monitor);
        progress.stagnant = match progress.stagnant {
            (_, to_beat) if progress.history.len() == 1 || score > to_beat + min_delta => (0, score),
            (epochs, to_beat) => (epochs + 1, to_beat),
        };
        let score = record.score(fit.best);
        let best = progress.best.is_none_or(|(best, _)| score > best);
        if best {
            progress.best = Some((score, record.epoch));
        }
        best
    }

    /// Saves the best checkpoint first, so that the best checkpoint exists whenever the last one refers to it.
    fn save(&self, best: bool) -> Result<(), FitError> {
        let trainer = &self.trainer;
        let average = trainer.average.as_ref().map(MovingAverage::network);
        let checkpoint =
            Checkpoint::new(self.progress.clone(), &trainer.network, average, &trainer.optimizer);
        if best {
            checkpoint.save(&self.job.out.join(BEST))?;
        }
        Ok(checkpoint.save(&self.job.out.join(LAST))?)
    }

    fn finish(self) -> Result<Outcome, FitError> {
        let path = self.job.out.join(BEST);
        let checkpoint = Checkpoint::load(&path, &self.progress.network)?;
        let network = checkpoint.chosen(self.trainer.chosen(), &path)?;
        Ok(Outcome {
            network,
            spec: self.progress.network,
            epoch: checkpoint.progress.epochs_done,
            history: self.progress.history,
        })
    }
}

/// The backbones into which the pretrained weights are loaded.
fn backbones(spec: &NetworkSpec) -> Result<Vec<Backbone>, PretrainedError> {
    let backbones = Backbone::all_of(spec);
    if backbones.is_empty() { Err(PretrainedError::NoBackbone(spec.arch.clone())) } else { Ok(backbones) }
}

fn restore(
    trainer: &mut Trainer,
    checkpoint: &Checkpoint,
    recipe: &Recipe,
    path: &Path,
) -> Result<(), CheckpointError> {
    trainer.network = checkpoint.restore_network(trainer.network.clone(), path)?;
    trainer.optimizer = checkpoint.restore_optimizer(trainer.optimizer.clone(), path)?;
    trainer.schedule.restore(checkpoint.progress.plateau);
    if let (Some(decay), Some(steps)) = (recipe.fit.ema_decay, checkpoint.progress.average_steps) {
        let network = checkpoint.chosen(trainer.chosen(), path)?;
        trainer.average = Some(MovingAverage::restore(&network, decay, steps));
    }
    Ok(())
}

/// A run can only be resumed with its own recipe: with another one, its report would be wrong.
fn same_recipe(job: &Job, progress: &Progress) -> Result<(), FitError> {
    let before = progress.parsed_recipe().map_or_else(|| progress.recipe.clone(), |recipe| recipe.to_toml());
    let now = job.recipe.to_toml();
    let difference = before.lines().zip(now.lines()).find(|(before, now)| before != now);
    match difference {
        None if before.lines().count() == now.lines().count() => Ok(()),
        difference => Err(FitError::OtherRecipe {
            folder: job.out.to_owned(),
            difference: difference.map_or_else(
                || "keys were added or removed".to_owned(),
                |(before, now)| format!("`{before}` then, `{now}` now"),
            ),
        }),
    }
}

/// A note about the likely error if the network predicts the class `only` for all validation rows.
fn suspicion(record: &EpochRecord, only: Option<usize>, job: &Job) -> Option<String> {
    const FAR_ABOVE: f64 = 0.2;
    /// Before this epoch, a network that has learnt nothing yet is nothing unusual.
    const PATIENCE: usize = 3;
    let label = job.data.validation.labels[only?];
    let (epoch, trained) = (record.epoch, record.train_accuracy * 100.0);
    let found = format!(
        "epoch {epoch}: the network predicts `{label}` for every validation picture; accuracy {trained:.1} % in \
         training, {:.1} % in validation",
        record.validation_accuracy * 100.0
    );
    if record.train_accuracy - record.validation_accuracy > FAR_ABOVE {
        return Some(format!(
            "{found}: check the preprocessing (another normalisation than in training?) and batch normalisation \
             (running statistics not updated? network.norm_momentum too small for so few steps?)"
        ));
    }
    let weighted = match job.recipe.loss.class_weights {
        ClassWeights::None => "",
        _ => ", and leave out loss.class_weights, which reward a rare class, until it learns",
    };
    (epoch >= PATIENCE).then(|| {
        format!(
            "{found}: it has learnt nothing yet; try another optimizer.learning_rate, optimizer.name = \"adam\", more \
             epochs or a smaller network{weighted}"
        )
    })
}
