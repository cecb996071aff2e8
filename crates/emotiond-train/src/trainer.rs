//! Training a network: steps, epochs and validation.

use super::arch::{self, ArchError, Network, NetworkSpec};
use super::average::MovingAverage;
use super::distributions::{self, Named};
use super::frozen::{self, Frozen, Rows};
use super::loss::Loss;
use super::metrics::Confusion;
use super::optimizer;
use super::recipe::{Initializer, Recipe};
use super::schedule::Schedule;
use super::{batch::Batch, loader::Loader};
use burn::module::Module;
use burn::nn;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData};
use emotiond_core::classify::argmax;
use thiserror::Error;

/// The loss became NaN or infinite, in training or in validation.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("the loss is {loss} at step {step} (epoch {epoch}), learning rate {learning_rate:.2e}: {advice}")]
pub struct Diverged {
    /// The value of the loss.
    pub loss: f64,
    /// The step, counted from 1 over the whole run.
    pub step: usize,
    /// The epoch, from 1.
    pub epoch: usize,
    /// The learning rate of that step.
    pub learning_rate: f64,
    /// Why, if it is known, and what to do.
    pub advice: &'static str,
}

/// Sums over a pass through examples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Sum of the pictures' losses.
    loss: f64,
    /// Number of pictures whose most probable class is correct.
    correct: usize,
    /// Number of pictures.
    pictures: usize,
    /// The classes and the predictions.
    confusion: Confusion,
}

impl Totals {
    /// Mean loss.
    pub fn loss(&self) -> f64 {
        self.loss / self.pictures.max(1) as f64
    }

    /// Part of the pictures that were classified correctly.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.pictures.max(1) as f64
    }

    /// Number of pictures.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// The class that was predicted for every picture, if there is only one.
    pub fn only_prediction(&self) -> Option<usize> {
        self.confusion.only_prediction()
    }

    /// Mean precision and mean recall over the classes.
    pub fn precision_and_recall(&self) -> (f64, f64) {
        self.confusion.precision_and_recall()
    }

    /// Adds a batch, its mean loss and its logits.
    fn add(&mut self, mean_loss: f64, logits: Tensor<2>, batch: &Batch) {
        let [_, classes] = logits.dims();
        let logits = logits.into_data();
        let logits = logits.as_slice::<f32>().expect("logits of f32");
        for (row, &class) in logits.chunks_exact(classes).zip(&batch.classes) {
            let prediction = argmax(row);
            self.confusion.add(classes, class, prediction);
            self.correct += usize::from(prediction == class);
        }
        self.loss += mean_loss * batch.n as f64;
        self.pictures += batch.n;
    }
}

/// When the frozen blocks are thawed.
#[derive(Clone, Copy, Debug)]
struct Thaw {
    /// Number of epochs before the thaw.
    after: usize,
    /// Factor of the learning rate from then on.
    factor: f64,
}

/// A network, its optimizer, its schedule and its moving average.
pub struct Trainer {
    /// The network that is trained.
    pub network: Network,
    /// The optimizer of its weights.
    pub optimizer: ModuleOptimizer,
    /// The moving average of its weights, if the recipe enables it.
    pub average: Option<MovingAverage>,
    /// The learning rate schedule.
    pub schedule: Schedule,
    /// The blocks that are frozen at present.
    pub frozen: Option<Frozen>,
    thaw: Option<Thaw>,
    spec: NetworkSpec,
    loss: Loss,
    clip_norm: Option<f64>,
    seed: u64,
    steps_per_epoch: usize,
    last_gradients: Named,
    device: Device,
}

impl Trainer {
    /// A trainer with a new network as described by `recipe`. `class_weights` as for [`Loss::new`].
    ///
    /// # Errors
    /// When the recipe names an unknown architecture or a size that the architecture does not support.
    pub fn new(
        recipe: &Recipe,
        spec: &NetworkSpec,
        class_weights: Option<Vec<f32>>,
        steps_per_epoch: usize,
        device: &Device,
    ) -> Result<Self, ArchError> {
        device.seed(recipe.fit.seed);
        let network = arch::build(spec, initializer(recipe.network.init), device)?;
        Ok(Self {
            average: recipe.fit.ema_decay.map(|decay| MovingAverage::new(&network, decay)),
            network,
            optimizer: optimizer::build(&recipe.optimizer),
            schedule: Schedule::new(
                &recipe.schedule,
                recipe.optimizer.learning_rate,
                steps_per_epoch,
                recipe.fit.epochs,
            ),
            frozen: None,
            thaw: recipe.network.pretrained.as_ref().and_then(|pretrained| {
                pretrained
                    .thaw_after
                    .map(|after| Thaw { after, factor: pretrained.thaw_factor.unwrap_or(1.0) })
            }),
            spec: spec.clone(),
            loss: Loss::new(recipe.loss.kind, class_weights),
            clip_norm: recipe.fit.clip_norm,
            seed: recipe.fit.seed,
            steps_per_epoch,
            last_gradients: Vec::new(),
            device: device.clone(),
        })
    }

    /// Replaces the random weights by those of another network.
    pub fn start_from(&mut self, network: Network, recipe: &Recipe) {
        self.average = recipe.fit.ema_decay.map(|decay| MovingAverage::new(&network, decay));
        self.network = network;
    }

    /// Trains on the batches of `epoch`, counted from 0; `after_step` is called with the totals so far.
    ///
    /// # Errors
    /// When the loss becomes NaN or infinite.
    pub fn train_epoch(
        &mut self,
        loader: &Loader,
        epoch: usize,
        mut after_step: impl FnMut(&Totals),
    ) -> Result<Totals, Diverged> {
        // Dropout uses the device's generator. It is seeded for each epoch, so that a resumed run is reproducible.
        self.device.seed(self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(epoch as u64 + 1)));
        if self.has_thawed(epoch) {
            self.frozen = None;
            self.network = frozen::release(self.network.clone());
        }
        let mut totals = Totals::default();
        for (at, batch) in loader.epoch(epoch).enumerate() {
            let step = epoch * self.steps_per_epoch + at;
            self.train_step(&batch, step, &mut totals)?;
            after_step(&totals);
        }
        Ok(totals)
    }

    fn train_step(&mut self, batch: &Batch, step: usize, totals: &mut Totals) -> Result<(), Diverged> {
        let learning_rate = self.rate(step);
        let logits = self.logits(&self.network, batch, Rows::Training, &self.device);
        let loss = self.loss.forward(logits.clone(), targets(batch, &self.device));
        let value = f64::from(loss.clone().into_scalar::<f32>());
        if !value.is_finite() {
            return Err(self.diverged(value, step));
        }
        totals.add(value, logits.inner(), batch);
        let mut gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        if let Some(longest) = self.clip_norm {
            gradients = optimizer::clip_norm(&self.network, gradients, longest);
        }
        if (step + 1).is_multiple_of(self.steps_per_epoch) {
            self.last_gradients = distributions::gradients(&self.network, &gradients);
        }
        let network = self.network.clone();
        self.network = self.optimizer.step(learning_rate, network, gradients);
        if let Some(average) = &mut self.average {
            average.update(&self.network);
        }
        Ok(())
    }

    /// The network to validate and to export: the moving average if there is one.
    pub fn chosen(&self) -> Network {
        self.average.as_ref().map_or_else(|| self.network.valid(), |average| average.network().clone())
    }

    /// Loss and accuracy of `network` in inference mode over the batches of `loader`.
    pub fn validate(&self, network: &Network, loader: &Loader) -> Totals {
        let device = self.device.clone().without_autodiff();
        let mut totals = Totals::default();
        for batch in loader.epoch(0) {
            let logits = self.logits(network, &batch, Rows::Validation, &device);
            let loss = self.loss.forward(logits.clone(), targets(&batch, &device));
            totals.add(f64::from(loss.into_scalar::<f32>()), logits, &batch);
        }
        totals
    }

    /// The error for a loss that is not finite at `step`, counted from 0 over the whole run.
    pub fn diverged(&self, loss: f64, step: usize) -> Diverged {
        Diverged {
            loss,
            step: step + 1,
            epoch: step / self.steps_per_epoch + 1,
            learning_rate: self.rate(step),
            advice: self.loss.advice(),
        }
    }

    /// The gradients of the last epoch's last step.
    pub fn last_gradients(&self) -> &Named {
        &self.last_gradients
    }

    /// The learning rate of the first step of `epoch`.
    pub fn learning_rate(&self, epoch: usize) -> f64 {
        self.rate(epoch * self.steps_per_epoch)
    }

    /// Whether all frozen blocks have been thawed by `epoch`, counted from 0.
    pub fn has_thawed(&self, epoch: usize) -> bool {
        self.thaw.is_some_and(|thaw| epoch >= thaw.after)
    }

    /// The learning rate of `step`, counted from 0 over the whole run.
    fn rate(&self, step: usize) -> f64 {
        let thawed = self.thaw.filter(|_| self.has_thawed(step / self.steps_per_epoch));
        self.schedule.rate(step) * thawed.map_or(1.0, |thaw| thaw.factor)
    }

    fn logits(&self, network: &Network, batch: &Batch, rows: Rows, device: &Device) -> Tensor<2> {
        let inputs = || self.inputs(batch, device);
        match &self.frozen {
            Some(frozen) => frozen.logits(network, &batch.rows, rows, device, inputs),
            None => network.forward(inputs()),
        }
    }

    fn inputs(&self, batch: &Batch, device: &Device) -> Tensor<4> {
        let shape = [batch.n, self.spec.channels, self.spec.size, self.spec.size];
        Tensor::from_data(TensorData::new(batch.inputs.clone(), shape), device)
    }
}

/// The logits `[pictures, classes]` of `network` over the batches of `loader`, and the correct classes.
pub fn logits(network: &Network, loader: &Loader, spec: &NetworkSpec) -> (Vec<f32>, Vec<usize>) {
    let device = network.devices()[0].clone().without_autodiff();
    let (mut all, mut classes) = (Vec::new(), Vec::new());
    for batch in loader.epoch(0) {
        let shape = [batch.n, spec.channels, spec.size, spec.size];
        let inputs = Tensor::<4>::from_data(TensorData::new(batch.inputs, shape), &device);
        all.extend(network.forward(inputs).into_data().iter::<f32>());
        classes.extend(batch.classes);
    }
    (all, classes)
}

fn initializer(init: Initializer) -> nn::Initializer {
    match init {
        Initializer::He => nn::Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: false },
        Initializer::Glorot => nn::Initializer::XavierUniform { gain: 1.0 },
    }
}

fn targets(batch: &Batch, device: &Device) -> Tensor<2> {
    let classes = batch.targets.len() / batch.n;
    Tensor::from_data(TensorData::new(batch.targets.clone(), [batch.n, classes]), device)
}
