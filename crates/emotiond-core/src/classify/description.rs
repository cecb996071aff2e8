//! The description of a model: the `emotiond.*` keys in an ONNX file's `metadata_props`.

use crate::{levels::Levels, picture::Color};
use thiserror::Error;

/// The input of a network: size, colour and normalisation `(pixel - mean) * scale` of pixels from 0 to 255, after the
/// level correction `levels`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Gray or RGB.
    pub color: Color,
    /// Side of the square input, in pixels.
    pub size: usize,
    /// One number per channel.
    pub mean: Vec<f32>,
    /// One number per channel.
    pub scale: Vec<f32>,
    /// The correction of brightness and contrast before the normalisation.
    pub levels: Levels,
    /// Whether the network has seen only gray pictures, with the luma in each channel: the colour of a crop is removed.
    pub colorless: bool,
}

impl InputSpec {
    /// The input of FER2013 networks: 48x48, gray, -1 to 1.
    pub fn fer2013() -> Self {
        Self {
            color: Color::Gray,
            size: 48,
            mean: vec![127.5],
            scale: vec![1.0 / 127.5],
            levels: Levels::Raw,
            colorless: false,
        }
    }

    /// Bytes of one crop: `size * size * channels`.
    pub fn crop_len(&self) -> usize {
        self.size * self.size * self.color.channels()
    }
}

/// A model's own description.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Emotions in the order of the output.
    pub labels: Vec<String>,
    /// The input of the network.
    pub input: InputSpec,
    /// Licence of the weights, if possible as an SPDX expression.
    pub license: Option<String>,
    /// The training data.
    pub trained_on: Option<String>,
    /// The accuracy, as text.
    pub accuracy: Option<String>,
}

/// Why a description cannot be used.
#[derive(Debug, Error, PartialEq)]
pub enum DescriptionError {
    /// A required key is neither in the file nor in the configuration.
    #[error(
        "the model's metadata has no `emotiond.{0}`: set `{0}` under [model] in the config, or add the key to the file's metadata"
    )]
    Missing(&'static str),
    /// The value of a key is invalid.
    #[error("the model's `emotiond.{key}` is {value:?}, which is not {expected}")]
    Invalid {
        /// The key, without its prefix.
        key: &'static str,
        /// Its value.
        value: String,
        /// The expected kind of value.
        expected: &'static str,
    },
}

impl Description {
    /// Reads the keys `emotiond.*` through `get`, which maps a full key to its value.
    ///
    /// # Errors
    /// When a required key is missing or a value is invalid.
    pub fn from_metadata(get: impl Fn(&str) -> Option<String>) -> Result<Self, DescriptionError> {
        let needed =
            |key: &'static str| get(&format!("emotiond.{key}")).ok_or(DescriptionError::Missing(key));
        let labels: Vec<String> = needed("labels")?.split_whitespace().map(str::to_owned).collect();
        if let Some(twice) = labels.iter().enumerate().find(|(index, label)| labels[..*index].contains(label))
        {
            return Err(invalid("labels", twice.1, "names that differ from each other"));
        }
        if labels.is_empty() {
            return Err(invalid("labels", "", "a list of names separated by spaces"));
        }
        let color = match needed("color")?.as_str() {
            "gray" => Color::Gray,
            "rgb" => Color::Rgb,
            other => return Err(invalid("color", other, "`gray` or `rgb`")),
        };
        let size_text = needed("size")?;
        let size = parse_size(&size_text)
            .ok_or_else(|| invalid("size", &size_text, "a side of 1 to 1024 pixels"))?;
        let mean = numbers("mean", &needed("mean")?, color)?;
        let scale = numbers("scale", &needed("scale")?, color)?;
        let levels = match get("emotiond.levels").as_deref() {
            None | Some("raw") => Levels::Raw,
            Some("auto") => Levels::Auto,
            Some(other) => return Err(invalid("levels", other, "`raw` or `auto`")),
        };
        let colorless = match get("emotiond.colorless").as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(invalid("colorless", other, "`true` or `false`")),
        };
        Ok(Self {
            labels,
            input: InputSpec { color, size, mean, scale, levels, colorless },
            license: get("emotiond.license"),
            trained_on: get("emotiond.trained_on"),
            accuracy: get("emotiond.accuracy"),
        })
    }

    /// The keys and values that [`Description::from_metadata`] reads back.
    pub fn to_metadata(&self) -> Vec<(String, String)> {
        let join = |numbers: &[f32]| numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(" ");
        let color = match self.input.color {
            Color::Gray => "gray",
            Color::Rgb => "rgb",
        };
        let mut pairs = vec![
            ("labels", self.labels.join(" ")),
            ("color", color.to_owned()),
            ("size", self.input.size.to_string()),
            ("mean", join(&self.input.mean)),
            ("scale", join(&self.input.scale)),
        ];
        // Raw is expressed by the absence of the key, which older versions understand.
        if self.input.levels == Levels::Auto {
            pairs.push(("levels", "auto".to_owned()));
        }
        if self.input.colorless {
            pairs.push(("colorless", "true".to_owned()));
        }
        let optional =
            [("license", &self.license), ("trained_on", &self.trained_on), ("accuracy", &self.accuracy)];
        pairs.extend(optional.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))));
        pairs.into_iter().map(|(key, value)| (format!("emotiond.{key}"), value)).collect()
    }
}

fn parse_size(text: &str) -> Option<usize> {
    text.trim().parse().ok().filter(|size| (1..=1024).contains(size))
}

/// One finite number per channel of the colour; a single number is used for all channels.
fn numbers(key: &'static str, text: &str, color: Color) -> Result<Vec<f32>, DescriptionError> {
    let parsed: Option<Vec<f32>> = text
        .split(|c: char| c.is_whitespace() || c == ',')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok().filter(|number: &f32| number.is_finite()))
        .collect();
    match parsed {
        Some(one) if one.len() == 1 => Ok(vec![one[0]; color.channels()]),
        Some(all) if all.len() == color.channels() => Ok(all),
        _ => Err(invalid(key, text, "one number per channel")),
    }
}

fn invalid(key: &'static str, value: &str, expected: &'static str) -> DescriptionError {
    DescriptionError::Invalid { key, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::FER2013_LABELS;

    fn fer2013() -> Description {
        Description {
            labels: FER2013_LABELS.map(str::to_owned).to_vec(),
            input: InputSpec::fer2013(),
            license: Some("MIT".to_owned()),
            trained_on: None,
            accuracy: Some("PublicTest 66.5 %".to_owned()),
        }
    }

    fn read(pairs: &[(String, String)]) -> Result<Description, DescriptionError> {
        Description::from_metadata(|key| pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()))
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(read(&fer2013().to_metadata()), Ok(fer2013()));
        let mut colorless = fer2013();
        colorless.input = InputSpec {
            color: Color::Rgb,
            mean: vec![1.0; 3],
            scale: vec![2.0; 3],
            colorless: true,
            ..colorless.input
        };
        assert_eq!(read(&colorless.to_metadata()), Ok(colorless));
    }

    #[test]
    fn each_missing_key_is_named() {
        for key in ["labels", "color", "size", "mean", "scale"] {
            let mut pairs = fer2013().to_metadata();
            pairs.retain(|(k, _)| k != &format!("emotiond.{key}"));
            assert_eq!(read(&pairs), Err(DescriptionError::Missing(key)));
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_shown() {
        for (key, value) in [
            ("color", "sepia"),
            ("levels", "high"),
            ("colorless", "gray"),
            ("size", "0"),
            ("size", "4x8"),
            ("mean", "1 2"),
            ("scale", "NaN"),
        ] {
            let mut pairs = fer2013().to_metadata();
            pairs.retain(|(k, _)| k != &format!("emotiond.{key}"));
            pairs.push((format!("emotiond.{key}"), value.to_owned()));
            let message = read(&pairs).unwrap_err().to_string();
            assert!(message.contains(key) && message.contains(value), "{message}");
        }
    }
}
