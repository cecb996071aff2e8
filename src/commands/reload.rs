//! Decides whether a running pipeline can adopt a new configuration or must be restarted.

use crate::{config::Config, detect::DetectorConfig, hours::ActiveHours, source::SourceConfig};
use emotiond_core::classify::ModelConfig;

/// How a new configuration is applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The running pipeline adopts it.
    Settings,
    /// The pipeline is loaded again and restarted.
    Pipeline,
}

/// Compares two configurations. Changes to `overlay` and `[log]` take effect at the next start of the program.
pub(super) fn change(old: &Config, new: &Config) -> Change {
    if fixed(old) == fixed(new) { Change::Settings } else { Change::Pipeline }
}

/// The settings that a running pipeline cannot change, as text.
fn fixed(config: &Config) -> String {
    let DetectorConfig { name, file, .. } = config.detector.clone();
    let unchangeable = |source: &SourceConfig| SourceConfig {
        max_fps: None,
        min_score: None,
        min_face_px: None,
        max_side_px: None,
        every: None,
        active: ActiveHours::default(),
        ..source.clone()
    };
    let fixed = Config {
        detector: DetectorConfig { name, file, ..DetectorConfig::default() },
        model: ModelConfig { reads_per_s: ModelConfig::default().reads_per_s, ..config.model.clone() },
        runtime: config.runtime.clone(),
        limits: config.limits.clone(),
        sources: config.sources.iter().map(unchangeable).collect(),
        ..Config::default()
    };
    toml::to_string(&fixed).expect("a configuration can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn settings_are_adopted_and_the_rest_starts_anew() {
        let old = parse("[[source]]\nuri = \"camera:0\"\n");
        for settings in [
            "emit = \"every-frame\"\n[[source]]\nuri = \"camera:0\"\n",
            "[smoothing]\ntime_constant_s = 1.0\n[tracker]\nmin_iou = 0.5\n[pose]\nhold_s = 1.0\n[[source]]\nuri = \"camera:0\"\n",
            "[detector]\nmin_score = 0.9\nevery = 3\nstill_every_s = 0.0\n[model]\nreads_per_s = 5.0\n[audience]\nevery_s = 1\n[[source]]\nuri = \"camera:0\"\n",
            "[[source]]\nuri = \"camera:0\"\nmin_face_px = 80\nmax_fps = 5\n",
            "[privacy]\nmode = \"aggregate\"\n[[source]]\nuri = \"camera:0\"\nactive = [\"sat 10:00-18:00\"]\n",
            "[http]\nlisten = \"127.0.0.1:8378\"\n[[source]]\nuri = \"camera:0\"\n",
        ] {
            assert_eq!(change(&old, &parse(settings)), Change::Settings, "{settings}");
        }
        for anew in [
            "[[source]]\nuri = \"camera:1\"\n",
            "[[source]]\nuri = \"camera:0\"\nname = \"lobby\"\n",
            "[[source]]\nuri = \"camera:0\"\nrotate = 180\n",
            "[[source]]\nuri = \"camera:0\"\n[[source]]\nuri = \"camera:1\"\n",
            "[detector]\nname = \"seetaface\"\n[[source]]\nuri = \"camera:0\"\n",
            "[model]\nmargin = 0.2\n[[source]]\nuri = \"camera:0\"\n",
        ] {
            assert_eq!(change(&old, &parse(anew)), Change::Pipeline, "{anew}");
        }
    }
}
