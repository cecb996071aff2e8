//! Settings of the emotion model.

use crate::config::values;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `[model]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    /// The ONNX file; absent: the installed model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Margin added to a detector's box, as a part of its longer side; absent: the margin measured as best for the
    /// detector.
    #[serde(deserialize_with = "values::margin_or_none", skip_serializing_if = "Option::is_none")]
    pub margin: Option<f32>,
    /// Emotions in the order of the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// `gray` or `rgb`.
    #[serde(deserialize_with = "values::color_or_none", skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Side of the input in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Subtracted from pixels of 0 to 255, one number per channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// Factor after the subtraction, one number per channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Vec<f32>>,
    /// `raw`, or `auto` for a model that expects normalised brightness and contrast.
    #[serde(deserialize_with = "values::levels_or_none", skip_serializing_if = "Option::is_none")]
    pub levels: Option<String>,
    /// `true` for a model with three channels that was trained on gray pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colorless: Option<bool>,
    /// How many times per second the emotion of each face is read; 0: in every frame.
    #[serde(deserialize_with = "values::reads_per_s")]
    pub reads_per_s: f32,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            file: None,
            margin: None,
            labels: None,
            color: None,
            size: None,
            mean: None,
            scale: None,
            levels: None,
            colorless: None,
            reads_per_s: 10.0,
        }
    }
}

impl ModelConfig {
    /// Resolves relative paths against the folder `base`.
    pub fn resolve_paths(&mut self, base: &Path) {
        self.file = self.file.take().map(|file| base.join(file));
    }
}
