//! Classifies crops: runs the emotion network in batches and returns probabilities.
mod config;
pub mod description;

pub use config::ModelConfig;

use crate::{
    exit::{Exit, ExitsWith},
    paths,
    runtime::{Provider, Runtime, RuntimeError, one_line, read_model, with_progress},
};
use description::{Description, DescriptionError};
use ndarray::ArrayView4;
use ort::{
    session::Session,
    value::{TensorRef, ValueType},
};
use std::{
    borrow::Cow,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Names of installed models, best first.
const INSTALLED: [&str; 2] = ["emotion.onnx", "mini_xception.onnx"];
/// The same for CPUs, on which 8-bit models are more than twice as fast; accelerators are made for floats.
const INSTALLED_FOR_CPU: [&str; 3] = ["emotion_int8.onnx", "emotion.onnx", "mini_xception.onnx"];

/// The model of a program without installed models, such as one that `cargo install` has built.
const BUILT_IN: &[u8] = include_bytes!("../../../../models/emotion_int8.onnx");
const BUILT_IN_NAME: &str = "emotion_int8.onnx (built in)";

/// Probabilities, with the rounding errors of half precision.
const POSSIBLE: RangeInclusive<f32> = -0.001..=1.001;

/// Why a model cannot be used.
#[derive(Debug, Error)]
pub enum ClassifyError {
    /// The runtime cannot load the file.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The description is incomplete or wrong.
    #[error("{path}: {error}")]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: DescriptionError,
    },
    /// The network does not match its description.
    #[error(
        "{path} does not match its description: its {what} is {found}, but {expected} is described; correct the file's metadata or [model] in the config"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// Input or output.
        what: &'static str,
        /// The network's shape.
        found: String,
        /// The description's shape.
        expected: String,
    },
    /// The network cannot be run.
    #[error("the emotion model failed: {}", one_line(.0))]
    Run(#[from] ort::Error),
    /// The output does not consist of probabilities.
    #[error(
        "the output of {path} is not a probability distribution: its sum is {sum:.3} instead of 1; export the model with a softmax"
    )]
    NotProbabilities {
        /// The file.
        path: PathBuf,
        /// The sum of the output.
        sum: f32,
    },
    /// The output for a face is no probability.
    #[error("{path} answers with {value}, which is no probability; choose another model or export it again")]
    Impossible {
        /// The file.
        path: PathBuf,
        /// The value.
        value: f32,
    },
}

impl ExitsWith for ClassifyError {
    fn exit(&self) -> Exit {
        Exit::Unavailable
    }
}

/// A loaded emotion model.
pub struct Classifier {
    session: Session,
    path: PathBuf,
    description: Description,
    batch_sizes: &'static [usize],
    padded: Vec<f32>,
}

fn installed(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Cpu => &INSTALLED_FOR_CPU,
        _ => &INSTALLED,
    }
}

impl Classifier {
    /// Loads the model given by `config`, or the best installed one, and runs it once.
    ///
    /// # Errors
    /// When there is no model, or it cannot be loaded, or its description does not match its shapes.
    pub fn load(runtime: &Runtime, config: &ModelConfig) -> Result<Self, ClassifyError> {
        let file = config.file.clone().or_else(|| paths::find_model(installed(runtime.provider())));
        let (path, bytes) = match file {
            Some(path) => {
                let bytes = read_model(&path);
                let bytes = bytes.map_err(|error| RuntimeError::ModelFile { path: path.clone(), error })?;
                (path, Cow::Owned(bytes))
            }
            None => (BUILT_IN_NAME.into(), Cow::Borrowed(BUILT_IN)),
        };
        let session = runtime.session(&bytes, &path)?;
        let description = describe(&session, config)
            .map_err(|error| ClassifyError::Description { path: path.clone(), error })?;
        let batch_sizes = runtime.provider().batch_sizes();
        let mut classifier = Self { session, path, description, batch_sizes, padded: Vec::new() };
        classifier.check_shapes()?;
        let what = format!("preparing the emotion model for {}", runtime.provider());
        with_progress(&what, || classifier.warm_up(runtime.provider()))?;
        Ok(classifier)
    }

    /// The model's description.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The model's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Classifies `inputs`, crops of `crop_len` values each, in batches, and appends a row of probabilities per crop to
    /// `rows`.
    ///
    /// # Errors
    /// When the network cannot be run.
    pub fn classify(&mut self, inputs: &[f32], rows: &mut Vec<f32>) -> Result<(), ClassifyError> {
        let crop_len = self.description.input.crop_len();
        let largest = *self.batch_sizes.last().expect("there is a batch size");
        for batch in inputs.chunks(largest * crop_len) {
            let count = batch.len() / crop_len;
            let size = *self.batch_sizes.iter().find(|size| **size >= count).unwrap_or(&largest);
            if size == count {
                run(&mut self.session, &self.path, &self.description, batch, count, rows)?;
            } else {
                self.padded.clear();
                self.padded.extend_from_slice(batch);
                self.padded.resize(size * crop_len, 0.0);
                run(&mut self.session, &self.path, &self.description, &self.padded, count, rows)?;
            }
        }
        Ok(())
    }

    /// Compares the network's shapes, where they are declared, with the description.
    fn check_shapes(&self) -> Result<(), ClassifyError> {
        let spec = &self.description.input;
        let sizes = [-1, spec.color.channels() as i64, spec.size as i64, spec.size as i64];
        self.check_shape("input", self.session.inputs(), &sizes)?;
        self.check_shape("output", self.session.outputs(), &[-1, self.description.labels.len() as i64])
    }

    fn check_shape(
        &self,
        what: &'static str,
        values: &[ort::value::Outlet],
        expected: &[i64],
    ) -> Result<(), ClassifyError> {
        let mismatch = |found: String| ClassifyError::Shape {
            path: self.path.clone(),
            what,
            found,
            expected: shape_text(expected),
        };
        let [value] = values else { return Err(mismatch(format!("{} tensors", values.len()))) };
        let ValueType::Tensor { ty, shape, .. } = value.dtype() else {
            return Err(mismatch(value.dtype().to_string()));
        };
        let fits = shape.len() == expected.len()
            && shape.iter().zip(expected).skip(1).all(|(found, expected)| *found < 0 || found == expected)
            && shape.first().is_some_and(|batch| *batch < 0)
            && *ty == ort::value::TensorElementType::Float32;
        if fits { Ok(()) } else { Err(mismatch(format!("{} of {ty}", shape_text(shape)))) }
    }

    /// Runs each batch size once, so that the first face is not delayed, and checks the output, because a file need not
    /// declare its number of classes.
    fn warm_up(&mut self, provider: Provider) -> Result<(), ClassifyError> {
        let crop_len = self.description.input.crop_len();
        // On a CPU, there is nothing to prepare per batch size.
        let sizes = if provider == Provider::Cpu { &self.batch_sizes[..1] } else { self.batch_sizes };
        let mut rows = Vec::new();
        for &size in sizes {
            // The input is a ramp from dark to light.
            let ramp: Vec<f32> =
                (0..size * crop_len).map(|i| (i % crop_len) as f32 / crop_len as f32 - 0.5).collect();
            rows.clear();
            self.classify(&ramp, &mut rows)?;
        }
        let sum: f32 = rows[..self.description.labels.len()].iter().sum();
        // Not a number is no probability either.
        let is_one = (sum - 1.0).abs() <= 0.01;
        if !is_one {
            return Err(ClassifyError::NotProbabilities { path: self.path.clone(), sum });
        }
        Ok(())
    }
}

/// Runs one batch, `[crops, channels, height, width]`, and appends the first `count` rows of the output.
fn run(
    session: &mut Session,
    path: &Path,
    description: &Description,
    batch: &[f32],
    count: usize,
    rows: &mut Vec<f32>,
) -> Result<(), ClassifyError> {
    let spec = &description.input;
    let classes = description.labels.len();
    let size = batch.len() / spec.crop_len();
    let batch = ArrayView4::from_shape((size, spec.color.channels(), spec.size, spec.size), batch)
        .expect("a batch consists of whole crops");
    let outputs = session.run(ort::inputs![TensorRef::from_array_view(batch)?])?;
    let (found, probabilities) = outputs[0].try_extract_tensor::<f32>()?;
    if **found != [size as i64, classes as i64] {
        return Err(ClassifyError::Shape {
            path: path.to_owned(),
            what: "output",
            found: shape_text(found),
            expected: shape_text(&[-1, classes as i64]),
        });
    }
    let probabilities = &probabilities[..count * classes];
    if let Some(&value) = probabilities.iter().find(|value| !POSSIBLE.contains(*value)) {
        return Err(ClassifyError::Impossible { path: path.to_owned(), value });
    }
    rows.extend_from_slice(probabilities);
    Ok(())
}

/// The index of the largest value, or of the first of equal values; 0 for an empty row.
///
/// ```
/// assert_eq!(emotiond_core::classify::argmax(&[0.2, 0.5, 0.3]), 1);
/// ```
pub fn argmax<T: PartialOrd>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, index| if row[index] > row[best] { index } else { best })
}

/// The description from the file's metadata, in which keys of the configuration take precedence.
fn describe(session: &Session, config: &ModelConfig) -> Result<Description, DescriptionError> {
    let metadata = session.metadata().ok();
    let join = |numbers: &Vec<f32>| numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(" ");
    Description::from_metadata(|key| {
        let configured = match key.trim_start_matches("emotiond.") {
            "labels" => config.labels.as_ref().map(|labels| labels.join(" ")),
            "color" => config.color.clone(),
            "size" => config.size.map(|size| size.to_string()),
            "mean" => config.mean.as_ref().map(join),
            "scale" => config.scale.as_ref().map(join),
            "levels" => config.levels.clone(),
            "colorless" => config.colorless.map(|colorless| colorless.to_string()),
            _ => None,
        };
        configured.or_else(|| metadata.as_ref()?.custom(key))
    })
}

fn shape_text(sizes: &[i64]) -> String {
    let sizes: Vec<String> =
        sizes.iter().map(|&size| if size < 0 { "N".to_owned() } else { size.to_string() }).collect();
    format!("[{}]", sizes.join(", "))
}
