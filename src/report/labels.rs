//! The emotion labels, in the model's order.

use emotiond_core::palette;
use std::borrow::Cow;

/// Maximum number of labels.
pub const MAX_LABELS: usize = 32;

/// The label for all emotions beyond the maximum.
const REST: &str = "other emotions";

/// Labels by index.
#[derive(Clone, Default)]
pub struct Labels(Vec<String>);

impl Labels {
    /// The index of `emotion`. New labels are added in the order of `all`, the labels of the model.
    pub fn place(&mut self, emotion: &str, all: &[Cow<str>]) -> usize {
        self.find(emotion).unwrap_or_else(|| {
            for label in all.iter().map(AsRef::as_ref).chain([emotion]) {
                if self.0.len() < MAX_LABELS - 1 && self.find(label).is_none() {
                    self.0.push(label.to_owned());
                }
            }
            self.find(emotion).unwrap_or_else(|| self.place_of_rest())
        })
    }

    /// All labels.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// A label's colour in the notation of CSS.
    pub fn color(&self, place: usize) -> String {
        let [r, g, b] = palette::color(&self.0[place], place);
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Black or white, whichever is more legible on the label's colour.
    pub fn ink(&self, place: usize) -> &'static str {
        if palette::ink_on(palette::color(&self.0[place], place)) == [0, 0, 0] { "#000" } else { "#fff" }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|label| label == name)
    }

    fn place_of_rest(&mut self) -> usize {
        if self.0.len() < MAX_LABELS {
            self.0.push(REST.to_owned());
        }
        MAX_LABELS - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_the_models_order_and_are_bounded() {
        let mut labels = Labels::default();
        let model = ["angry", "happy", "neutral"].map(Cow::Borrowed);
        assert_eq!(labels.place("happy", &model), 1);
        assert_eq!(labels.place("angry", &[]), 0);
        assert_eq!(labels.place("bored", &model), 3);
        for number in 0..100 {
            labels.place(&format!("mood {number}"), &[]);
        }
        assert_eq!(labels.names().len(), MAX_LABELS);
        assert_eq!(labels.place("yet another", &[]), MAX_LABELS - 1);
        assert_eq!(labels.names()[MAX_LABELS - 1], REST);
    }
}
