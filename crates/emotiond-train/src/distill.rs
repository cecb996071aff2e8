//! Distillation (Hinton, Vinyals and Dean 2015): trained networks, the teachers, train another one, the student. The
//! teachers get the same augmented pictures as the student (Beyer et al. 2022), and their mean probabilities become
//! part of the targets.

use super::batch::Batch;
use super::recipe::{DistillSection, LabelScheme};
use emotiond_core::{
    classify::{
        Classifier, ClassifyError, ModelConfig,
        description::{Description, InputSpec},
    },
    exit::{Exit, ExitsWith},
    runtime::{Runtime, RuntimeConfig, RuntimeError},
};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;

/// Why a network cannot be used as a teacher.
#[derive(Debug, Error)]
pub enum DistillError {
    /// ONNX Runtime cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The teacher's file cannot be used.
    #[error(transparent)]
    Teacher(#[from] ClassifyError),
    /// The inputs of teacher and student differ.
    #[error(
        "distill.teacher: different input than in the recipe: use a teacher with the same network.size, color and levels"
    )]
    OtherInput,
    /// The teacher does not know a class of the student.
    #[error(
        "distill.teacher: it does not know `{0}`: use a teacher that knows all emotions of data.labels, or more"
    )]
    UnknownClass(&'static str),
}

impl ExitsWith for DistillError {
    fn exit(&self) -> Exit {
        match self {
            Self::Runtime(_) | Self::Teacher(_) => Exit::Unavailable,
            Self::OtherInput | Self::UnknownClass(_) => Exit::Config,
        }
    }
}

/// Trained networks as ONNX files.
pub struct Teacher {
    runtime: Runtime,
    models: Vec<ModelConfig>,
    mirror: bool,
    weight: f32,
    /// The input of the student.
    input: InputSpec,
    /// The classes of the student.
    labels: LabelScheme,
}

impl fmt::Debug for Teacher {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Teacher")
            .field("models", &self.models)
            .field("mirror", &self.mirror)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

impl Teacher {
    /// Loads the networks of `section` for a student with the input `spec` and the classes `labels`. A teacher may know
    /// more emotions: the probabilities of emotions that are one class for the student are added, those of emotions that
    /// the student does not know are left out.
    ///
    /// # Errors
    /// When ONNX Runtime is missing, a file is not a usable model, or a model does not match the student.
    pub fn load(
        section: &DistillSection,
        spec: &InputSpec,
        labels: LabelScheme,
    ) -> Result<Self, DistillError> {
        let runtime = Runtime::load(&RuntimeConfig::default())?;
        let model = |file: &PathBuf| ModelConfig { file: Some(file.clone()), ..ModelConfig::default() };
        let teacher = Self {
            runtime,
            models: section.teacher.iter().map(model).collect(),
            mirror: section.mirror,
            weight: section.weight as f32,
            input: spec.clone(),
            labels,
        };
        for network in teacher.open()? {
            let Description { labels: known, input, .. } = network.description();
            // The normalisation is converted.
            let converted = InputSpec { mean: spec.mean.clone(), scale: spec.scale.clone(), ..input.clone() };
            if converted != *spec {
                return Err(DistillError::OtherInput);
            }
            let known = teacher.classes_of(known);
            if let Some(class) = (0..labels.labels().len()).find(|class| !known.contains(&Some(*class))) {
                return Err(DistillError::UnknownClass(labels.labels()[class]));
            }
        }
        Ok(teacher)
    }

    /// The student's class of each of a teacher's `emotions`.
    fn classes_of(&self, emotions: &[String]) -> Vec<Option<usize>> {
        emotions.iter().map(|emotion| self.labels.class_of(emotion)).collect()
    }

    /// Opens the networks for one thread.
    ///
    /// # Errors
    /// When a file has changed and cannot be used any more.
    pub fn open(&self) -> Result<Vec<Classifier>, ClassifyError> {
        self.models.iter().map(|model| Classifier::load(&self.runtime, model)).collect()
    }

    /// Blends the mean probabilities of `networks` for the batch's pictures into its targets.
    ///
    /// # Errors
    /// When a network fails.
    pub fn teach(&self, networks: &mut [Classifier], batch: &mut Batch) -> Result<(), ClassifyError> {
        let mut answers = Vec::with_capacity(batch.targets.len());
        let mut mean = vec![0.0; batch.targets.len()];
        let share = 1.0 / (networks.len() * (1 + usize::from(self.mirror))) as f32;
        for network in networks {
            let classes = self.classes_of(&network.description().labels);
            let straight = renormalised(&batch.inputs, &self.input, &network.description().input);
            let mirrored = self.mirror.then(|| mirrored(&straight, self.input.size));
            for view in [Some(&*straight), mirrored.as_deref()].into_iter().flatten() {
                answers.clear();
                network.classify(view, &mut answers)?;
                let answers = answers.chunks_exact(classes.len());
                for (mean, answer) in mean.chunks_exact_mut(self.labels.labels().len()).zip(answers) {
                    add_as_classes(mean, share, answer, &classes);
                }
            }
        }
        for (target, answer) in batch.targets.iter_mut().zip(mean) {
            *target += self.weight * (answer - *target);
        }
        Ok(())
    }
}

/// Adds `share` of the distribution `answer` to `mean`. `classes` is the class of each number of the answer; those without
/// one are left out, and the others scaled so that their sum is 1.
fn add_as_classes(mean: &mut [f32], share: f32, answer: &[f32], classes: &[Option<usize>]) {
    let known = || classes.iter().zip(answer).filter_map(|(class, answer)| Some(((*class)?, answer)));
    let sum: f32 = known().map(|(_, answer)| answer).sum();
    for (class, answer) in known() {
        mean[class] += share * answer / sum.max(f32::MIN_POSITIVE);
    }
}

/// Pictures with the normalisation of `from`, channel by channel, with that of `to`.
fn renormalised<'a>(pictures: &'a [f32], from: &InputSpec, to: &InputSpec) -> Cow<'a, [f32]> {
    if from == to {
        return Cow::Borrowed(pictures);
    }
    let channels = pictures.chunks_exact(from.size * from.size).enumerate();
    let convert = |(index, pixels): (usize, &'a [f32])| {
        let channel = index % from.color.channels();
        let gain = to.scale[channel] / from.scale[channel];
        let offset = (from.mean[channel] - to.mean[channel]) * to.scale[channel];
        pixels.iter().map(move |pixel| pixel * gain + offset)
    };
    channels.flat_map(convert).collect()
}

/// Mirrors pictures with rows of `side` pixels horizontally.
fn mirrored(pictures: &[f32], side: usize) -> Vec<f32> {
    pictures.chunks_exact(side).flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{examples::prepare, fixtures, loader::Loader};
    use emotiond_core::picture::Color;
    use std::sync::Arc;

    fn teacher(file: &str, weight: f64) -> Result<Teacher, DistillError> {
        teacher_of(LabelScheme::Seven, file, weight)
    }

    fn teacher_of(labels: LabelScheme, file: &str, weight: f64) -> Result<Teacher, DistillError> {
        let section = DistillSection { teacher: vec![test_support::data(file)], mirror: false, weight };
        Teacher::load(&section, &fixtures::recipe(&[]).input_spec(), labels)
    }

    #[test]
    fn targets_become_what_the_teacher_says_as_far_as_it_weighs() {
        let recipe = fixtures::recipe(&["fit.batch=16"]);
        let examples = Arc::new(prepare(&fixtures::dataset(125), &recipe).unwrap().training);
        let first =
            |teacher| Loader::training(Arc::clone(&examples), &recipe, teacher).epoch(0).next().unwrap();
        let alone = first(None);
        let (half, whole) = (teacher("tiny.onnx", 0.5).unwrap(), teacher("tiny.onnx", 1.0).unwrap());
        let mut said = Vec::new();
        whole.open().unwrap()[0].classify(&alone.inputs, &mut said).unwrap();
        assert_ne!(alone.targets, said);
        let taught = first(Some(Arc::new(whole)));
        assert_eq!(taught.inputs, alone.inputs);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&taught.targets, &said));
        let between: Vec<f32> = alone.targets.iter().zip(&said).map(|(a, b)| (a + b) / 2.0).collect();
        assert!(near(&first(Some(Arc::new(half))).targets, &between));
    }

    #[test]
    fn several_teachers_and_views_give_their_mean() {
        let recipe = fixtures::recipe(&["fit.batch=16"]);
        let examples = Arc::new(prepare(&fixtures::dataset(125), &recipe).unwrap().training);
        let alone = Loader::training(Arc::clone(&examples), &recipe, None).epoch(0).next().unwrap();
        let one = teacher("tiny.onnx", 1.0).unwrap();
        let mut networks = one.open().unwrap();
        let (mut straight, mut mirror) = (Vec::new(), Vec::new());
        networks[0].classify(&alone.inputs, &mut straight).unwrap();
        networks[0].classify(&mirrored(&alone.inputs, 48), &mut mirror).unwrap();
        assert_ne!(straight, mirror);
        let both = Teacher { mirror: true, models: [one.models.clone(), one.models.clone()].concat(), ..one };
        let taught = Loader::training(examples, &recipe, Some(Arc::new(both))).epoch(0).next().unwrap();
        for ((target, a), b) in taught.targets.iter().zip(straight).zip(mirror) {
            assert!((target - (a + b) / 2.0).abs() < 1e-6);
        }
        assert_eq!(mirrored(&[1.0, 2.0, 3.0, 4.0], 2), [2.0, 1.0, 4.0, 3.0]);
    }

    #[test]
    fn a_teacher_with_another_normalisation_sees_the_same_picture() {
        let gray = InputSpec { size: 2, ..InputSpec::fer2013() };
        let to = InputSpec { mean: vec![100.0], scale: vec![0.5], ..gray.clone() };
        let normalised =
            |pixels: [f32; 8], spec: &InputSpec| pixels.map(|p| (p - spec.mean[0]) * spec.scale[0]);
        let pixels = [0.0, 1.0, 90.0, 255.0, 3.0, 127.5, 100.0, 200.0];
        let student = normalised(pixels, &gray);
        assert!(matches!(renormalised(&student, &gray, &gray), Cow::Borrowed(_)));
        for (seen, wanted) in renormalised(&student, &gray, &to).iter().zip(normalised(pixels, &to)) {
            assert!((seen - wanted).abs() < 1e-3, "{seen} and {wanted}");
        }
        let color = |mean: [f32; 3]| InputSpec {
            color: Color::Rgb,
            size: 1,
            mean: mean.to_vec(),
            scale: vec![1.0; 3],
            ..gray.clone()
        };
        let seen = renormalised(&[1.0, 1.0, 1.0], &color([10.0, 20.0, 30.0]), &color([0.0, 5.0, 1.0]));
        assert_eq!(*seen, [11.0, 16.0, 30.0]);
    }

    #[test]
    fn a_teacher_that_does_not_suit_is_refused() {
        let refusal = |file| teacher(file, 0.5).unwrap_err().to_string();
        assert!(refusal("classes_6.onnx").contains("classes_6.onnx"));
        assert!(refusal("none.onnx").contains("No such file"));
        let mut spec = fixtures::recipe(&[]).input_spec();
        spec.size = 64;
        let tiny = test_support::data("tiny.onnx");
        let section = DistillSection { teacher: vec![tiny], mirror: false, weight: 0.5 };
        let refused = Teacher::load(&section, &spec, LabelScheme::Seven).unwrap_err();
        assert!(matches!(refused, DistillError::OtherInput), "{refused}");
        let refused = teacher_of(LabelScheme::FerPlus8, "tiny.onnx", 0.5).unwrap_err();
        assert!(matches!(refused, DistillError::UnknownClass("contempt")), "{refused}");
    }

    #[test]
    fn a_teacher_with_more_emotions_answers_in_the_students_classes() {
        let answer = [0.1, 0.2, 0.0, 0.3, 0.1, 0.1, 0.2];
        for (labels, expected) in [
            (LabelScheme::Seven, &answer[..]),
            (LabelScheme::Six, &[0.3, 0.0, 0.3, 0.1, 0.1, 0.2]),
            (LabelScheme::Three, &[0.2 / 0.6, 0.3 / 0.6, 0.1 / 0.6]),
        ] {
            let teacher = teacher_of(labels, "tiny.onnx", 1.0).unwrap();
            let seven =
                LabelScheme::Seven.labels().iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
            let classes = teacher.classes_of(&seven);
            let mut mean = vec![0.0; expected.len()];
            add_as_classes(&mut mean, 1.0, &answer, &classes);
            assert!(mean.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{labels:?}: {mean:?}");
            let recipe =
                fixtures::recipe(&["fit.batch=16", &format!("data.labels={labels:?}").to_lowercase()]);
            let examples = Arc::new(prepare(&fixtures::dataset(125), &recipe).unwrap().training);
            for batch in Loader::training(examples, &recipe, Some(Arc::new(teacher))).epoch(0) {
                let sums =
                    batch.targets.chunks_exact(expected.len()).map(|target| target.iter().sum::<f32>());
                assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5), "{:?}", batch.targets);
            }
        }
    }
}
