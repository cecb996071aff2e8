//! What may change while the pipeline runs, and how the threads get to know it.

use crate::{
    audience::AudienceConfig,
    config::Config,
    detect::{DetectSettings, DetectorPlan},
    emit::EmitPolicy,
    pose::PoseConfig,
    smooth::SmoothingConfig,
    source::SourceConfig,
    track::TrackerConfig,
};
use arc_swap::{ArcSwap, cache::Cache};
use std::sync::Arc;

/// The settings of one moment.
pub(super) struct Settings {
    pub emit: EmitPolicy,
    pub tracker: TrackerConfig,
    pub smoothing: SmoothingConfig,
    pub pose: PoseConfig,
    pub audience: AudienceConfig,
    pub sources: Vec<SourceSettings>,
}

/// What a source has of its own.
#[derive(Clone)]
pub(super) struct SourceSettings {
    /// What the tracker takes for a face.
    pub detect: DetectSettings,
    /// Every so many frames are searched ...
    pub every: u32,
    /// ... but not within so many seconds of the last search.
    pub interval_s: f64,
    /// Every so many searches are at full size, whatever is in sight.
    pub full_every: u32,
    /// Frames that come sooner after the one before are passed over.
    pub least_gap_s: f64,
}

/// The settings as all threads share them.
pub(super) type Shared = Arc<ArcSwap<Settings>>;
/// A thread's own look at them: as good as free while nothing changes.
pub(super) type Look = Cache<Shared, Arc<Settings>>;

impl Settings {
    pub fn new(config: &Config, detector: &DetectorPlan) -> Self {
        Self {
            emit: config.emit,
            tracker: config.tracker,
            smoothing: config.smoothing,
            pose: config.pose,
            audience: config.audience,
            sources: config
                .sources
                .iter()
                .map(|source| SourceSettings::new(config, source, detector))
                .collect(),
        }
    }
}

impl SourceSettings {
    fn new(config: &Config, source: &SourceConfig, detector: &DetectorPlan) -> Self {
        let shared = detector.settings_for(&config.detector);
        Self {
            detect: DetectSettings {
                min_score: source.min_score.unwrap_or(shared.min_score),
                min_face_px: source.min_face_px.unwrap_or(shared.min_face_px),
                max_side_px: source.max_side_px.unwrap_or(shared.max_side_px),
                nms_iou: shared.nms_iou,
            },
            every: source.every.unwrap_or(config.detector.every),
            interval_s: f64::from(config.detector.interval_s),
            full_every: config.detector.full_every,
            least_gap_s: source.max_fps.map_or(0.0, |rate| 1.0 / f64::from(rate)),
        }
    }
}
