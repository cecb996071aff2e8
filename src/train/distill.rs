//! Distillation (Hinton, Vinyals and Dean 2015): a network that is ready teaches another. It sees the very pictures
//! that its pupil sees, augmented as they are (Beyer et al. 2022), and its probabilities become part of the targets.

use super::loader::Batch;
use super::recipe::DistillSection;
use crate::classify::description::{Description, InputSpec};
use crate::classify::{Classifier, ClassifyError};
use crate::config::{ModelConfig, RuntimeConfig};
use crate::exit::Exit;
use crate::runtime::{Runtime, RuntimeError};
use std::fmt;
use thiserror::Error;

/// Why a network cannot teach.
#[derive(Debug, Error)]
pub enum DistillError {
    /// ONNX Runtime cannot be used.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The teacher's file cannot be used.
    #[error(transparent)]
    Teacher(#[from] ClassifyError),
    /// Teacher and pupil do not look at the same, or do not speak of the same.
    #[error(
        "distill.teacher: {0} differs from the recipe's: take a teacher that was trained with the same {0}"
    )]
    Mismatch(&'static str),
}

impl DistillError {
    /// The program's exit code for this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Runtime(_) | Self::Teacher(_) => Exit::Unavailable,
            Self::Mismatch(_) => Exit::Config,
        }
    }
}

/// A network that is ready, as an ONNX file.
pub struct Teacher {
    runtime: Runtime,
    model: ModelConfig,
    weight: f32,
}

impl fmt::Debug for Teacher {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Teacher")
            .field("model", &self.model)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

impl Teacher {
    /// Loads the teacher of `section` for pupils that take `spec` and tell `labels` apart.
    ///
    /// # Errors
    /// When there is no ONNX Runtime, the file is no usable model, or it does not suit the pupil.
    pub fn load(section: &DistillSection, spec: &InputSpec, labels: &[&str]) -> Result<Self, DistillError> {
        let runtime = Runtime::load(&RuntimeConfig::default())?;
        let model = ModelConfig { file: Some(section.teacher.clone()), ..ModelConfig::default() };
        let teacher = Self { runtime, model, weight: section.weight as f32 };
        let Description { labels: known, input, .. } = teacher.open()?.description().clone();
        if input != *spec {
            return Err(DistillError::Mismatch("input"));
        }
        if known != labels {
            return Err(DistillError::Mismatch("labels"));
        }
        Ok(teacher)
    }

    /// The teacher for one thread.
    ///
    /// # Errors
    /// When the file is not what it was any more.
    pub fn open(&self) -> Result<Classifier, ClassifyError> {
        Classifier::load(&self.runtime, &self.model)
    }

    /// Blends what `classifier` says of the batch's pictures into its targets.
    ///
    /// # Errors
    /// When the network fails.
    pub fn teach(&self, classifier: &mut Classifier, batch: &mut Batch) -> Result<(), ClassifyError> {
        let mut answers = Vec::with_capacity(batch.targets.len());
        classifier.classify(&batch.inputs, &mut answers)?;
        for (target, answer) in batch.targets.iter_mut().zip(answers) {
            *target += self.weight * (answer - *target);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{examples::prepare, fixtures, loader::Loader};
    use std::{path::Path, sync::Arc};

    fn teacher(file: &str, weight: f64) -> Result<Teacher, DistillError> {
        let teacher = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
        let recipe = fixtures::recipe(&[]);
        let labels = recipe.data.labels.labels();
        Teacher::load(&DistillSection { teacher, weight }, &recipe.input_spec(), labels)
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
        whole.open().unwrap().classify(&alone.inputs, &mut said).unwrap();
        assert_ne!(alone.targets, said);
        let taught = first(Some(Arc::new(whole)));
        assert_eq!(taught.inputs, alone.inputs);
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(&taught.targets, &said));
        let between: Vec<f32> = alone.targets.iter().zip(&said).map(|(a, b)| (a + b) / 2.0).collect();
        assert!(near(&first(Some(Arc::new(half))).targets, &between));
    }

    #[test]
    fn a_teacher_that_does_not_suit_is_refused() {
        let refusal = |file| teacher(file, 0.5).unwrap_err().to_string();
        assert!(refusal("classes_6.onnx").contains("classes_6.onnx"));
        assert!(refusal("none.onnx").contains("No such file"));
        let mut spec = fixtures::recipe(&[]).input_spec();
        spec.mean = vec![0.0];
        let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny.onnx");
        let section = DistillSection { teacher: tiny, weight: 0.5 };
        let refused = Teacher::load(&section, &spec, fixtures::recipe(&[]).data.labels.labels()).unwrap_err();
        assert!(matches!(refused, DistillError::Mismatch("input")), "{refused}");
    }
}
