//! Statistics of the faces in one zone of a source: those of an audience, and how long faces stayed.

use crate::audience::{Audience, AudienceConfig, Shows, Summary};
use std::collections::HashMap;

/// A face that leaves a zone for a shorter time, in seconds, counts as in the zone all the time: boxes move a little
/// from frame to frame.
const GRACE_S: f64 = 1.0;

/// The faces in a zone over the audience's sliding window.
pub struct ZoneAudience {
    audience: Audience,
    window_s: f64,
    stays: HashMap<u64, Stay>,
    time_s: f64,
}

/// A face's stay in the zone.
struct Stay {
    /// Seconds spent in the zone.
    dwell_s: f64,
    /// When it was last in the zone.
    last_s: f64,
}

/// The figures of a zone in an `audience` event.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneSummary {
    /// The same figures as for the whole source.
    pub figures: Summary,
    /// Mean and maximum time that the faces of the window have spent in the zone so far, in seconds; `None` without
    /// faces.
    pub dwell_s: Option<(f32, f32)>,
}

impl ZoneAudience {
    /// An empty zone; `labels` is the number of emotions.
    pub fn new(config: &AudienceConfig, labels: usize) -> Self {
        Self {
            audience: Audience::new(config, labels),
            window_s: f64::from(config.window_s),
            stays: HashMap::new(),
            time_s: 0.0,
        }
    }

    /// Applies settings. If they have changed, the statistics start again.
    pub fn configure(&mut self, config: &AudienceConfig) {
        self.audience.configure(config);
        self.window_s = f64::from(config.window_s);
    }

    /// Adds the faces in the zone in the frame at `time_s`. Returns a summary when one is due.
    pub fn see(&mut self, time_s: f64, faces: impl IntoIterator<Item = Shows>) -> Option<ZoneSummary> {
        self.time_s = time_s;
        let stays = &mut self.stays;
        let faces = faces.into_iter().inspect(|face| {
            let stay = stays.entry(face.track).or_insert(Stay { dwell_s: 0.0, last_s: time_s });
            let since_s = time_s - stay.last_s;
            stay.dwell_s += if since_s <= GRACE_S { since_s } else { 0.0 };
            stay.last_s = time_s;
        });
        let figures = self.audience.see(time_s, faces);
        figures.map(|figures| self.summarise(figures))
    }

    /// The source is unavailable: no time passes until its next frame.
    pub fn pause(&mut self) {
        self.audience.pause();
    }

    /// The source has ended. Returns a last summary if there was a frame since the previous one.
    pub fn finish(&mut self) -> Option<ZoneSummary> {
        let figures = self.audience.finish();
        figures.map(|figures| self.summarise(figures))
    }

    fn summarise(&mut self, figures: Summary) -> ZoneSummary {
        let from_s = self.time_s - self.window_s;
        self.stays.retain(|_, stay| stay.last_s > from_s);
        let sum_s: f64 = self.stays.values().map(|stay| stay.dwell_s).sum();
        let longest_s = self.stays.values().map(|stay| stay.dwell_s).fold(0.0, f64::max);
        let count = self.stays.len() as f64;
        let dwell_s = (count > 0.0).then_some(((sum_s / count) as f32, longest_s as f32));
        ZoneSummary { figures, dwell_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dwell_is_the_time_in_the_zone_and_short_gaps_count() {
        let config = AudienceConfig { window_s: 100.0, every_s: 10.0 };
        let mut zone = ZoneAudience::new(&config, 2);
        let face = |track| Shows { track, emotion: 0, facing: None };
        let mut summary = None;
        for tenth in 0..=100 {
            let time_s = f64::from(tenth) / 10.0;
            // The first stays from 2 to 8 with a gap of half a second, the second comes twice for one second.
            let first = (20..=80).contains(&tenth) && !(40..44).contains(&tenth);
            let second = (10..=20).contains(&tenth) || (60..=70).contains(&tenth);
            let faces = [(first, 1), (second, 2)].into_iter().filter(|(is_there, _)| *is_there);
            summary = zone.see(time_s, faces.map(|(_, track)| face(track))).or(summary);
        }
        let ZoneSummary { figures, dwell_s } = summary.unwrap();
        let (mean, longest) = dwell_s.unwrap();
        assert!((mean - 4.0).abs() < 1e-3 && (longest - 6.0).abs() < 1e-3, "{mean} {longest}");
        assert_eq!((figures.distinct, figures.max), (2, 2));
    }
}
