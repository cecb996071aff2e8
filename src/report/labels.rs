//! The emotions' names, in the order of the model that gave them.

use crate::palette;
use std::borrow::Cow;

/// So many emotions are told apart.
pub const MAX_LABELS: usize = 32;

/// Stands for all emotions beyond those.
const REST: &str = "other emotions";

/// Names by their place.
#[derive(Default)]
pub struct Labels(Vec<String>);

impl Labels {
    /// The place of `emotion`; what is new gets one, in the order of `all`, the labels of its model.
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

    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// A name's colour, as CSS and SVG write it.
    pub fn color(&self, place: usize) -> String {
        let [r, g, b] = palette::color(&self.0[place], place);
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Black or white, whichever reads better on that.
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
