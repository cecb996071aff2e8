//! A run: epoch after epoch, watched on the validation rows, kept in checkpoints, ended early or resumed.

use super::arch::{self, ArchError, Network, NetworkSpec};
use super::average::MovingAverage;
use super::checkpoint::{Checkpoint, CheckpointError, Progress};
use super::distill::Teacher;
use super::examples::Prepared;
use super::from_onnx::{self, FromOnnxError};
use super::frozen::Frozen;
use super::history::EpochRecord;
use super::loader::Loader;
use super::pretrained::{self, Backbone, PretrainedError};
use super::recipe::{AugmentSection, Recipe};
use super::trainer::{Diverged, Totals, Trainer};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor, TensorData};
use emotiond_core::exit::{Exit, ExitsWith};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// The checkpoint to go on from.
pub const LAST: &str = "last.ckpt";
/// The checkpoint of the epoch with the best validation accuracy.
pub const BEST: &str = "best.ckpt";
/// Pictures a validation batch has.
pub const VALIDATION_BATCH: usize = 128;

/// Why a run cannot start or go on.
#[derive(Debug, Error)]
pub enum FitError {
    /// The recipe's network cannot be built.
    #[error(transparent)]
    Arch(#[from] ArchError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A model's weights cannot be taken.
    #[error(transparent)]
    FromOnnx(#[from] FromOnnxError),
    /// The pretrained weights cannot be used.
    #[error(transparent)]
    Pretrained(#[from] PretrainedError),
    /// The loss became NaN or infinite.
    #[error(transparent)]
    Diverged(#[from] Diverged),
    /// The folder holds another run.
    #[error("{} holds a run already: go on with --resume, or give another --out", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder's run was started with another recipe.
    #[error(
        "the run in {} was started with another recipe ({difference}): resume with the same recipe, or give another --out",
        folder.display()
    )]
    OtherRecipe {
        /// The folder.
        folder: PathBuf,
        /// The first lines that differ.
        difference: String,
    },
}

impl ExitsWith for FitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Occupied { .. } => Exit::Usage,
            Self::Pretrained(error) => error.exit(),
            Self::Checkpoint(CheckpointError::Write { .. }) => Exit::Output,
            Self::Checkpoint(CheckpointError::Read { .. }) | Self::FromOnnx(FromOnnxError::Read { .. }) => {
                Exit::NoInput
            }
            Self::Checkpoint(CheckpointError::Damaged { .. })
            | Self::FromOnnx(FromOnnxError::NotOnnx { .. }) => Exit::Data,
            Self::Checkpoint(CheckpointError::OtherNetwork { .. })
            | Self::FromOnnx(FromOnnxError::OtherNetwork { .. })
            | Self::Arch(_)
            | Self::Diverged(_)
            | Self::OtherRecipe { .. } => Exit::Config,
        }
    }
}

/// Who hears how the run goes.
pub trait Watch {
    /// `done` of `steps` steps of `epoch` (from 1) are done.
    fn step(&mut self, epoch: usize, done: usize, steps: usize, totals: &Totals);
    /// An epoch is over; `best` when it is the best so far.
    fn epoch(&mut self, record: &EpochRecord, trainer: &Trainer, best: bool);
    /// Something the user should know.
    fn note(&mut self, text: &str);
    /// Asked after each epoch: whether the run shall end there.
    fn ends_run(&mut self) -> bool {
        false
    }
}

/// A run to be made.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// How.
    pub recipe: &'a Recipe,
    /// On what.
    pub data: &'a Prepared,
    /// Where its files go; the folder exists.
    pub out: &'a Path,
    /// Whether to go on with the run in that folder, where there is one.
    pub resume: bool,
    /// A checkpoint of another run, or a model (`.onnx`), to take the first weights from; absent: they are drawn.
    pub from: Option<&'a Path>,
    /// Whose answers are part of the targets.
    pub teacher: Option<&'a Arc<Teacher>>,
    /// Which device computes.
    pub device: &'a Device,
}

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The network with the best validation accuracy, ready for inference.
    pub network: Network,
    /// What it was built for.
    pub spec: NetworkSpec,
    /// The epoch that it comes from, from 1.
    pub epoch: usize,
    /// All epochs.
    pub history: Vec<EpochRecord>,
}

/// Makes the run.
///
/// # Errors
/// When the recipe's network cannot be built, a checkpoint cannot be written or read, or the loss diverges.
pub fn fit(job: &Job, watch: &mut dyn Watch) -> Result<Outcome, FitError> {
    let training = Loader::training(Arc::new(job.data.training.clone()), job.recipe, job.teacher.cloned());
    let validation = Loader::in_order(Arc::new(job.data.validation.clone()), VALIDATION_BATCH);
    let mut run = Run::start(job, &training)?;
    for note in &job.data.notes {
        watch.note(note);
    }
    run.freeze(watch)?;
    while run.progress.epochs_done < job.recipe.fit.epochs {
        if let Some(stopping) = &job.recipe.fit.early_stopping
            && run.progress.stagnant.0 >= stopping.patience
        {
            watch.note(&format!("no gain in {} epochs: the run ends early", stopping.patience));
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
    /// A fresh run, or the one in the folder from its last checkpoint on.
    fn start(job: &'a Job<'a>, training: &Loader) -> Result<Self, FitError> {
        let spec = network_spec(job);
        let weights = job.data.training.class_weights(&job.recipe.loss.class_weights);
        let mut trainer = Trainer::new(job.recipe, &spec, weights, training.batches(), job.device)?;
        let last = job.out.join(LAST);
        let progress = match (last.exists(), job.resume) {
            (true, false) => return Err(FitError::Occupied { folder: job.out.to_owned() }),
            (true, true) => {
                let checkpoint = Checkpoint::load(&last, &spec)?;
                same_recipe(job, &checkpoint.progress.recipe)?;
                restore(&mut trainer, &checkpoint, job.recipe, &last)?;
                checkpoint.progress
            }
            (false, _) => {
                if let Some(path) = job.from {
                    let network = first_weights(path, &spec, trainer.network.clone(), job, training)?;
                    trainer.start_from(network, job.recipe);
                } else if let Some(pretrained) = &job.recipe.network.pretrained {
                    let network =
                        pretrained::load(trainer.network.clone(), backbone(job)?, &pretrained.file)?;
                    trainer.start_from(network, job.recipe);
                }
                Progress::start(spec, job.recipe, &trainer.schedule)
            }
        };
        Ok(Self { job, trainer, progress })
    }

    /// Freezes what the recipe says and the run has not thawed yet.
    fn freeze(&mut self, watch: &mut dyn Watch) -> Result<(), FitError> {
        let Some(section) = &self.job.recipe.network.pretrained else { return Ok(()) };
        let network = &self.trainer.network;
        let blocks = pretrained::frozen_blocks(network, backbone(self.job)?, section.freeze)?;
        if blocks == 0 || self.trainer.has_thawed(self.progress.epochs_done) {
            return Ok(());
        }
        let mut frozen = Frozen::new(network, blocks);
        let examples = [&self.job.data.training, &self.job.data.validation];
        if self.job.recipe.augment != AugmentSection::default() {
            watch.note(
                "[augment] changes the pictures: the features of what is frozen are computed in every epoch",
            );
        } else if !frozen.can_keep_features(network, examples) {
            watch.note(
                "the features of what is frozen are too many to be kept: they are computed in every epoch; freeze more blocks",
            );
        } else {
            watch.note("the features of what is frozen are computed once and kept in the run's folder");
            frozen.keep_features(network, examples, self.job.out)?;
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
            let step = (epoch + 1) * steps;
            return Err(Diverged { loss: validated.loss(), step, epoch: epoch + 1, learning_rate }.into());
        }
        let record = EpochRecord {
            epoch: epoch + 1,
            learning_rate,
            train_loss: trained.loss(),
            train_accuracy: trained.accuracy(),
            validation_loss: validated.loss(),
            validation_accuracy: validated.accuracy(),
            images_per_s,
            seconds: start.elapsed().as_secs_f64(),
        };
        if let Some(warning) = suspicion(&record, &self.job.data.validation.class_counts(), self.job) {
            watch.note(&warning);
        }
        let best = self.take_in(&record);
        watch.epoch(&record, &self.trainer, best);
        self.save(best)
    }

    /// Moves the progress on by an epoch; true when it is the best so far.
    fn take_in(&mut self, record: &EpochRecord) -> bool {
        let accuracy = record.validation_accuracy;
        let progress = &mut self.progress;
        self.trainer.schedule.observe(record.validation_loss);
        progress.epochs_done = record.epoch;
        progress.plateau = self.trainer.schedule.state();
        progress.average_steps = self.trainer.average.as_ref().map(MovingAverage::steps);
        progress.history.push(record.clone());
        let min_delta =
            self.job.recipe.fit.early_stopping.as_ref().map_or(0.0, |stopping| stopping.min_delta);
        progress.stagnant = match progress.stagnant {
            (_, to_beat) if progress.history.len() == 1 || accuracy > to_beat + min_delta => (0, accuracy),
            (epochs, to_beat) => (epochs + 1, to_beat),
        };
        let best = progress.best.is_none_or(|(best, _)| accuracy > best);
        if best {
            progress.best = Some((accuracy, record.epoch));
        }
        best
    }

    /// The best checkpoint first: whoever resumes from the last one finds the best that it speaks of.
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

/// `network` with the weights of a model, or of another run's checkpoint, which may hold a shallower network of its
/// kind.
fn first_weights(
    path: &Path,
    spec: &NetworkSpec,
    network: Network,
    job: &Job,
    training: &Loader,
) -> Result<Network, FitError> {
    if path.extension().is_some_and(|extension| extension == "onnx") {
        return Ok(from_onnx::load(path, network, some_pictures(training, spec, job))?);
    }
    let checkpoint = Checkpoint::read(path)?;
    match arch::shallower(spec) {
        Some(shallower) if checkpoint.progress.network == shallower => {
            let shallow = arch::build(&shallower, Initializer::Zeros, job.device)?;
            Ok(arch::deepen(checkpoint.chosen(shallow, path)?, network))
        }
        _ => Ok(checkpoint.must_hold(spec, path)?.chosen(network, path)?),
    }
}

/// Some hundred training pictures, `[n, channels, side, side]`, as the network takes them.
fn some_pictures(training: &Loader, spec: &NetworkSpec, job: &Job) -> Tensor<4> {
    let inputs: Vec<f32> =
        training.epoch(0).take(1 + 256 / job.recipe.fit.batch).flat_map(|batch| batch.inputs).collect();
    let n = inputs.len() / (spec.channels * spec.size * spec.size);
    Tensor::from_data(TensorData::new(inputs, [n, spec.channels, spec.size, spec.size]), job.device)
}

/// The backbone that pretrained weights are for.
fn backbone(job: &Job) -> Result<Backbone, PretrainedError> {
    let arch = &job.recipe.network.arch;
    Backbone::of(arch).ok_or_else(|| PretrainedError::NoBackbone(arch.clone()))
}

/// What the recipe and the data make of the network.
fn network_spec(job: &Job) -> NetworkSpec {
    let network = &job.recipe.network;
    NetworkSpec {
        arch: network.arch.clone(),
        channels: network.color.channels(),
        size: network.size,
        classes: job.data.training.labels.len(),
        dropout: network.dropout,
    }
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

/// A run goes on only as it began: another recipe would bend its curve without a trace.
fn same_recipe(job: &Job, before: &str) -> Result<(), FitError> {
    // Read and written again: a key that is newer than the checkpoint gets its default.
    let before = Recipe::parse(before, "the checkpoint's recipe", &[])
        .map_or_else(|_| before.to_owned(), |recipe| recipe.to_toml());
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

/// Names the likely error when the network learns the training rows and calls every validation row the same.
fn suspicion(record: &EpochRecord, counts: &[usize], job: &Job) -> Option<String> {
    const FAR_ABOVE: f64 = 0.2;
    const AT: f64 = 0.002;
    let pictures: usize = counts.iter().sum();
    let (trained, validated) = (record.train_accuracy, record.validation_accuracy);
    let class = counts.iter().position(|&count| (validated - count as f64 / pictures as f64).abs() < AT)?;
    (trained - validated > FAR_ABOVE).then(|| {
        format!(
            "epoch {}: {:.1} % right in training but {:.1} % in validation, which is the share of `{}`: the network \
             seems to call every validation picture the same; look for an error of preprocessing (another \
             normalisation than in training) or of batch normalisation (running statistics that do not follow)",
            record.epoch,
            trained * 100.0,
            validated * 100.0,
            job.data.validation.labels[class]
        )
    })
}
