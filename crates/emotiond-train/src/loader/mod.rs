//! Makes batches: worker threads shuffle, augment and normalise the pictures a few batches ahead of the training.
//!
//! The contents of a batch depend only on the examples, the recipe, its seed and the epoch, never on the number of
//! threads. Therefore a run is reproducible, and a resumed run gets the same batches as an uninterrupted one.
//!
//! Label smoothing and mixup are applied here, to the targets of training batches; class weights are applied in the
//! loss.

use super::{
    augment::{Augmentation, augment_sample},
    batch::Batch,
    dataset::crop_whole,
    distill::Teacher,
    examples::{Example, Examples},
    random::Draw,
    recipe::{AugmentSection, Recipe},
};
use crossbeam_channel::{Receiver, bounded};
use emotiond_core::{classify::Classifier, face};
use rand::{Rng, seq::SliceRandom};
use rand_distr::{Beta, Distribution};
use std::{sync::Arc, thread};

/// Number of batches that a worker makes ahead.
const AHEAD: usize = 2;
/// More workers would only compete with the training: one thread augments tens of thousands of pictures per second.
const MAX_WORKERS: usize = 4;

/// Of data in a file, this many pictures that lie beside each other are read at a time, so that a disk seeks seldom.
const SHARD: usize = 32;
/// This many pictures are shuffled together: shards from all over the file.
const GROUP: usize = 64 * SHARD;

/// Makes batches of a set of examples.
#[derive(Clone, Debug)]
pub struct Loader {
    examples: Arc<Examples>,
    batch: usize,
    seed: u64,
    training: Option<Training>,
}

#[derive(Clone, Debug)]
struct Training {
    augment: AugmentSection,
    label_smoothing: f32,
    teacher: Option<Arc<Teacher>>,
}

impl Loader {
    /// Shuffled and augmented batches as the recipe says. Because batch normalisation needs full batches, an epoch
    /// omits the remaining pictures that do not fill a batch (different ones in each epoch), unless there is no full
    /// batch. The predictions of a `teacher` become part of the targets.
    pub fn training(examples: Arc<Examples>, recipe: &Recipe, teacher: Option<Arc<Teacher>>) -> Self {
        let training = Training {
            augment: recipe.augment.clone(),
            label_smoothing: recipe.loss.label_smoothing as f32,
            teacher,
        };
        Self { batch: recipe.fit.batch, seed: recipe.fit.seed, examples, training: Some(training) }
    }

    /// All examples in order, preprocessed as in the daemon.
    pub fn in_order(examples: Arc<Examples>, batch: usize) -> Self {
        Self { examples, batch, seed: 0, training: None }
    }

    /// Number of batches per epoch.
    pub fn batches(&self) -> usize {
        let examples = self.examples.items.len();
        match self.training {
            Some(_) => (examples / self.batch).max(1),
            None => examples.div_ceil(self.batch),
        }
    }

    /// Number of pictures per epoch.
    pub fn pictures(&self) -> usize {
        self.examples.items.len().min(self.batches() * self.batch)
    }

    /// The batches of `epoch`. Worker threads make them in the background and end when the iterator is dropped.
    pub fn epoch(&self, epoch: usize) -> Batches {
        let order = Arc::new(self.order(epoch));
        let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
        let receivers =
            (0..workers).map(|worker| self.spawn(epoch, worker, workers, order.clone())).collect();
        Batches { receivers, next: 0, count: self.batches() }
    }

    /// Starts the thread that makes the batches `worker`, `worker + workers`, ...
    fn spawn(&self, epoch: usize, worker: usize, workers: usize, order: Arc<Vec<usize>>) -> Receiver<Batch> {
        let (sender, receiver) = bounded(AHEAD);
        let loader = self.clone();
        thread::Builder::new()
            .name(format!("loader-{worker}"))
            .spawn(move || {
                let mut teachers = loader.open_teachers();
                for index in (worker..loader.batches()).step_by(workers) {
                    // The iterator was dropped.
                    if sender.send(loader.make(epoch, index, &order, &mut teachers)).is_err() {
                        return;
                    }
                }
            })
            .expect("a thread can be started");
        receiver
    }

    /// The examples' positions in the order of `epoch`.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.examples.items.len()).collect();
        if self.training.is_some() {
            let mut random = Draw::Order.random(self.seed, epoch as u64, 0);
            if self.examples.dataset.streamed {
                return in_shards(order.len(), &mut random);
            }
            order.shuffle(&mut random);
        }
        order
    }

    /// Has the pictures of the next group of shards read if the batch at `start` is the first of its group.
    fn prefetch(&self, start: usize, order: &[usize]) {
        let group = start / GROUP;
        let is_first = start.checked_sub(self.batch).is_none_or(|before| before / GROUP < group);
        if !self.examples.dataset.streamed || !is_first {
            return;
        }
        let mut next: Vec<usize> = order.iter().copied().skip((group + 1) * GROUP).take(GROUP).collect();
        next.sort_unstable();
        let items = &self.examples.items;
        self.examples.dataset.prefetch(next.into_iter().map(|position| items[position].sample));
    }

    fn open_teachers(&self) -> Vec<Classifier> {
        let teacher = self.training.as_ref().and_then(|training| training.teacher.as_ref());
        teacher.map_or_else(Vec::new, |teacher| teacher.open().expect("the teacher was loaded before"))
    }

    fn make(&self, epoch: usize, index: usize, order: &[usize], teachers: &mut [Classifier]) -> Batch {
        let start = index * self.batch;
        self.prefetch(start, order);
        let positions = &order[start..(start + self.batch).min(order.len())];
        let (length, classes) = (self.examples.spec.crop_len(), self.examples.labels.len());
        let mut batch = Batch {
            inputs: vec![0.0; positions.len() * length],
            targets: Vec::with_capacity(positions.len() * classes),
            classes: Vec::with_capacity(positions.len()),
            rows: positions.to_vec(),
            n: positions.len(),
        };
        let mut crop = vec![0; length];
        for (&position, input) in positions.iter().zip(batch.inputs.chunks_exact_mut(length)) {
            let example = &self.examples.items[position];
            self.picture(epoch, position, example, &mut crop);
            face::normalize(&crop, &self.examples.spec, input);
            batch.targets.extend_from_slice(&example.target);
            batch.classes.push(example.class);
        }
        if let Some(training) = &self.training {
            smooth(&mut batch.targets, classes, training.label_smoothing);
            if training.augment.mixup_alpha > 0.0 {
                let mut random = Draw::Mixup.random(self.seed, epoch as u64, index as u64);
                mix(&mut batch, training.augment.mixup_alpha, &mut random);
            }
            if let Some(teacher) = &training.teacher {
                teacher.teach(teachers, &mut batch).expect("the teacher has run before");
            }
        }
        batch
    }

    /// Writes the picture for the network: augmented in training, else only resized.
    fn picture(&self, epoch: usize, position: usize, example: &Example, crop: &mut [u8]) {
        let sample = &self.examples.dataset.samples[example.sample];
        let spec = &self.examples.spec;
        let Some(training) = &self.training else {
            return sample.with_picture(|picture| crop_whole(picture, spec, crop));
        };
        let mut random = Draw::Augment.random(self.seed, epoch as u64, position as u64);
        let augmentation = Augmentation::draw(&training.augment, &mut random);
        augment_sample(sample, &augmentation, spec, crop);
    }
}

/// The batches of one epoch, in order.
#[derive(Debug)]
pub struct Batches {
    receivers: Vec<Receiver<Batch>>,
    next: usize,
    count: usize,
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.next == self.count {
            return None;
        }
        let receiver = &self.receivers[self.next % self.receivers.len()];
        self.next += 1;
        Some(receiver.recv().expect("a loader thread ended early"))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count - self.next, Some(self.count - self.next))
    }
}

impl ExactSizeIterator for Batches {}

/// The numbers below `count`: the shards in random order, and the pictures of each group of shards in random order.
fn in_shards(count: usize, random: &mut impl Rng) -> Vec<usize> {
    let mut shards: Vec<usize> = (0..count.div_ceil(SHARD)).collect();
    shards.shuffle(random);
    let mut order: Vec<usize> =
        shards.into_iter().flat_map(|shard| shard * SHARD..count.min((shard + 1) * SHARD)).collect();
    order.chunks_mut(GROUP).for_each(|group| group.shuffle(random));
    order
}

/// Label smoothing: distributes `part` of each target evenly over all classes (Szegedy et al. 2015).
fn smooth(targets: &mut [f32], classes: usize, part: f32) {
    if part > 0.0 {
        targets.iter_mut().for_each(|target| *target = *target * (1.0 - part) + part / classes as f32);
    }
}

/// Mixup (Zhang et al. 2017): mixes each picture and its target with those of another one of the batch, with a weight
/// drawn for each pair from Beta(alpha, alpha).
fn mix(batch: &mut Batch, alpha: f64, random: &mut rand_chacha::ChaCha8Rng) {
    let beta = Beta::new(alpha, alpha).expect("the recipe's alpha was checked");
    let mut partners: Vec<usize> = (0..batch.n).collect();
    partners.shuffle(random);
    let (inputs, targets, classes) = (batch.inputs.clone(), batch.targets.clone(), batch.classes.clone());
    for (index, &partner) in partners.iter().enumerate() {
        let own = beta.sample(random) as f32;
        blend(&mut batch.inputs, &inputs, batch.n, index, partner, own);
        blend(&mut batch.targets, &targets, batch.n, index, partner, own);
        if own < 0.5 {
            batch.classes[index] = classes[partner];
        }
    }
}

/// Row `index` of `values` becomes the sum of itself times `own` and the `partner`'s row of `before` times `1 - own`.
fn blend(values: &mut [f32], before: &[f32], rows: usize, index: usize, partner: usize, own: f32) {
    let length = before.len() / rows;
    let other = &before[partner * length..][..length];
    for (value, other) in values[index * length..][..length].iter_mut().zip(other) {
        *value = own * *value + (1.0 - own) * other;
    }
}

#[cfg(test)]
mod tests;
