//! Settings that can change while the pipeline runs, shared by all threads.

use super::stillness::StillRule;
use crate::{
    audience::AudienceConfig,
    config::Config,
    detect::{DetectSettings, DetectorPlan},
    emit::EmitPolicy,
    hours::ActiveHours,
    pose::PoseConfig,
    privacy::PrivacyConfig,
    smooth::SmoothingConfig,
    source::SourceConfig,
    track::TrackerConfig,
};
use arc_swap::{ArcSwap, cache::Cache};
use std::sync::Arc;

/// The current settings.
pub(super) struct Settings {
    pub emit: EmitPolicy,
    pub tracker: TrackerConfig,
    pub smoothing: SmoothingConfig,
    pub pose: PoseConfig,
    pub audience: AudienceConfig,
    pub privacy: PrivacyConfig,
    /// Readings of each face per second; 0: in every frame.
    pub reads_per_s: f64,
    pub sources: Vec<SourceSettings>,
}

/// The settings of a source.
#[derive(Clone)]
pub(super) struct SourceSettings {
    /// Detection settings.
    pub detect: DetectSettings,
    /// The detector runs on every n-th frame ...
    pub every: u32,
    /// ... but not within this many seconds of its last run.
    pub interval_s: f64,
    /// Every n-th detector run uses the full size.
    pub full_every: u32,
    /// Whether detector runs between those look only around known faces.
    pub regions: bool,
    /// When a picture that does not change is searched and read.
    pub still: StillRule,
    /// Minimum time between two frames; frames that arrive sooner are skipped.
    pub least_gap_s: f64,
    /// When the source is read.
    pub active: ActiveHours,
}

/// The settings shared by all threads.
pub(super) type Shared = Arc<ArcSwap<Settings>>;
/// A thread's cached access to the settings, which costs almost nothing while they do not change.
pub(super) type Look = Cache<Shared, Arc<Settings>>;

impl Settings {
    pub fn new(config: &Config, detector: &DetectorPlan) -> Self {
        Self {
            emit: config.emit,
            tracker: config.tracker,
            smoothing: config.smoothing,
            pose: config.pose,
            audience: config.audience,
            privacy: config.privacy,
            reads_per_s: f64::from(config.model.reads_per_s),
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
        let reads_per_s = f64::from(config.model.reads_per_s);
        let shared = detector.settings_for(&config.detector);
        Self {
            detect: DetectSettings {
                min_score: source.min_score.unwrap_or(shared.min_score),
                min_face_px: source.min_face_px.unwrap_or(shared.min_face_px),
                max_side_px: source.max_side_px.unwrap_or(shared.max_side_px),
                ..shared
            },
            every: source.every.unwrap_or(config.detector.every),
            interval_s: f64::from(config.detector.interval_s),
            full_every: config.detector.full_every,
            regions: config.detector.regions && detector.searches_regions(),
            still: StillRule {
                search_every_s: f64::from(config.detector.still_every_s),
                read_every_s: if reads_per_s > 0.0 { 1.0 / reads_per_s } else { 0.0 },
            },
            least_gap_s: source.max_fps.map_or(0.0, |rate| 1.0 / f64::from(rate)),
            active: source.active.clone(),
        }
    }
}
