//! Turns lines into samples: one for each picture of a source that has told something.

use crate::{
    lines::{Audience, Face},
    visible::Visible,
};
use jiff::Timestamp;

/// The channels after the emotions.
pub const MORE_CHANNELS: [(&str, &str); 2] = [("faces", "count"), ("facing", "share")];

/// The channels of a source in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When the picture was captured.
    pub time: Timestamp,
    /// The mean probability of each emotion over the faces in view, their number, and the share of them that look towards
    /// the camera. Not a number if there is nothing to tell.
    pub values: Vec<f32>,
}

/// The samples of a source.
pub struct Samples {
    labels: Vec<String>,
    visible: Visible,
    /// The picture whose lines are still being read.
    open: Option<(u64, Timestamp)>,
}

impl Samples {
    /// No samples yet, of these emotions.
    pub fn new(labels: Vec<String>) -> Self {
        Self { labels, visible: Visible::default(), open: None }
    }

    /// The channels.
    pub fn channels(&self) -> Vec<(String, &'static str)> {
        let emotions = self.labels.iter().map(|label| (label.clone(), "probability"));
        emotions.chain(MORE_CHANNELS.map(|(label, unit)| (label.to_owned(), unit))).collect()
    }

    /// Takes a line; returns the sample of the picture before, if this line begins another one.
    pub fn see(&mut self, face: Face) -> Option<Sample> {
        let (frame, time) = (face.frame, face.time);
        let finished = if self.open.is_some_and(|(open, _)| open != frame) { self.finish() } else { None };
        self.visible.see(face);
        self.open = Some((frame, time));
        finished
    }

    /// The sample of the picture whose lines have been read; none if it was told already.
    pub fn finish(&mut self) -> Option<Sample> {
        let (_, time) = self.open.take()?;
        let faces = || self.visible.faces();
        let emotion = |label: &String| {
            let share = |face: &Face| {
                face.probabilities.0.iter().find(|(name, _)| name == label).map(|(_, share)| *share)
            };
            mean(faces().filter_map(share))
        };
        let facing = faces().filter_map(|face| face.facing).map(|facing| f32::from(u8::from(facing)));
        let mut values: Vec<f32> = self.labels.iter().map(emotion).collect();
        values.extend([faces().len() as f32, mean(facing)]);
        Some(Sample { time, values })
    }

    /// The sample of an `audience` line, for sources whose faces are not told.
    pub fn of_audience(&self, audience: &Audience) -> Sample {
        let shares = audience.emotions.as_ref().map(|shares| &shares.0[..]).unwrap_or_default();
        let emotion = |label: &String| {
            shares.iter().find(|(name, _)| name == label).map_or(f32::NAN, |(_, share)| *share)
        };
        let mut values: Vec<f32> = self.labels.iter().map(emotion).collect();
        let now = audience.faces.as_ref().and_then(|faces| faces.now).map_or(f32::NAN, |now| now as f32);
        values.extend([now, audience.facing.unwrap_or(f32::NAN)]);
        Sample { time: audience.time, values }
    }
}

/// The mean; not a number if there is none.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (count, sum) = values.fold((0u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    sum / count as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visible::tests::face;

    fn line(frame: u64, phase: &str, track: u64, happy: f32, more: &str) -> Face {
        serde_json::from_str(&face(frame, phase, track, happy, more)).unwrap()
    }

    #[test]
    fn a_picture_gives_one_sample_with_the_mean_of_its_faces() {
        let mut samples = Samples::new(vec!["happy".into(), "sad".into()]);
        let labels: Vec<_> = samples.channels().into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["happy", "sad", "faces", "facing"]);
        assert_eq!(samples.see(line(1, "new", 1, 1.0, r#","facing":true"#)), None);
        assert_eq!(samples.see(line(1, "new", 2, 0.5, r#","facing":false"#)), None);
        let first = samples.see(line(2, "update", 2, 0.0, r#","facing":false"#)).unwrap();
        assert_eq!(first.values, [0.75, 0.25, 2.0, 0.5]);
        assert_eq!(first.time.to_string(), "2026-11-26T10:00:00.001Z");
        // The other face has no line in the second picture, and is still in view.
        assert_eq!(samples.finish().unwrap().values, [0.5, 0.5, 2.0, 0.5]);
        assert_eq!(samples.finish(), None);
    }

    #[test]
    fn without_a_face_the_emotions_are_not_numbers() {
        let mut samples = Samples::new(vec!["happy".into()]);
        samples.see(line(1, "new", 1, 1.0, ""));
        assert!(samples.see(line(2, "end", 1, 1.0, "")).is_some());
        let last = samples.finish().unwrap();
        assert!(last.values[0].is_nan() && last.values[1] == 0.0 && last.values[2].is_nan());
    }

    #[test]
    fn an_audience_gives_its_shares() {
        let samples = Samples::new(vec!["happy".into(), "sad".into()]);
        let line = |figures: &str| -> Audience {
            serde_json::from_str(&format!(r#"{{"time":"2026-11-26T10:00:00Z",{figures}}}"#)).unwrap()
        };
        let told = line(r#""faces":{"now":3},"emotions":{"happy":0.25,"sad":0.75},"facing":0.5"#);
        assert_eq!(samples.of_audience(&told).values, [0.25, 0.75, 3.0, 0.5]);
        let private = samples.of_audience(&line(r#""faces":null,"emotions":null"#));
        assert!(private.values.iter().all(|value| value.is_nan()));
    }
}
