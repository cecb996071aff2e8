//! The names of emotions in data sets and models.

/// FER2013's seven emotions in the order of its numbers, then the eighth of FER+.
pub const EMOTIONS: [&str; 8] =
    ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt"];

/// FER2013's seven emotions, in the order of its numbers.
pub const FER2013_LABELS: [&str; 7] = match EMOTIONS.first_chunk() {
    Some(first) => *first,
    None => panic!("there are eight emotions"),
};

/// The columns of FER+ that are emotions, in its order.
pub const FERPLUS_LABELS: [&str; 8] =
    ["neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"];

/// Names that other data sets and models use for the same emotions.
const SYNONYMS: [(&str, &str); 14] = [
    ("anger", "angry"),
    ("disgusted", "disgust"),
    ("fearful", "fear"),
    ("afraid", "fear"),
    ("scared", "fear"),
    ("happiness", "happy"),
    ("joy", "happy"),
    ("smile", "happy"),
    ("sadness", "sad"),
    ("surprised", "surprise"),
    ("suprise", "surprise"),
    ("normal", "neutral"),
    ("calm", "neutral"),
    ("contemptuous", "contempt"),
];

/// All names that [`emotion`] knows.
pub fn names() -> impl Iterator<Item = &'static str> {
    EMOTIONS.into_iter().chain(SYNONYMS.into_iter().map(|(name, _)| name))
}

/// The index in [`EMOTIONS`] of an emotion with this name, in any letter case; `None` for all other names.
///
/// ```
/// use emotiond_core::labels::{EMOTIONS, emotion};
/// assert_eq!(emotion("Happiness").map(|index| EMOTIONS[index]), Some("happy"));
/// assert_eq!(emotion("hungry"), None);
/// ```
pub fn emotion(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let name = SYNONYMS.iter().find(|(other, _)| *other == name).map_or(name.as_str(), |(_, own)| own);
    EMOTIONS.iter().position(|emotion| *emotion == name)
}
