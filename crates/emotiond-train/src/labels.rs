//! The label schemes: the emotions that a network distinguishes, and their relation to FER2013's and FER+'s labels.

use super::recipe::LabelScheme;
use emotiond_core::labels::{FER2013_LABELS, FERPLUS_LABELS};

impl LabelScheme {
    /// The emotions, in the order of the network's output.
    pub fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Seven | Self::FerPlus7 => &FER2013_LABELS,
            Self::Six => &["angry", "fear", "happy", "sad", "surprise", "neutral"],
            Self::Three => &["neutral", "happy", "sad"],
            Self::FerPlus8 => &FERPLUS_LABELS,
        }
    }

    /// Whether the class comes from FER+'s taggers.
    pub fn is_voted(self) -> bool {
        matches!(self, Self::FerPlus7 | Self::FerPlus8)
    }

    /// The class of an emotion by its name; `None` if the scheme has no class for it.
    pub fn class_of(self, emotion: &str) -> Option<usize> {
        let name = match (self, emotion) {
            (Self::Six, "disgust") => "angry",
            (_, name) => name,
        };
        self.labels().iter().position(|label| *label == name)
    }
}
