//! Reads the configuration again, and decides whether a running pipeline can adopt it or another one takes its place.
//! Whatever cannot be used refuses the new configuration as a whole.

use super::{FIRST_CAMERA, overridden};
use crate::{
    cli::RunArgs,
    config::Config,
    detect::DetectorConfig,
    hours::ActiveHours,
    outputs,
    pipeline::{Control, Fate, Pipeline, Succession},
    source::{self, SourceConfig, SourceUri},
    stop::Stop,
};
use emotiond_core::{
    classify::ModelConfig,
    exit::{Exit, Failure},
};
use std::{
    fs::{self, Metadata},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// A file that was changed within this time may not be written whole yet.
const SETTLED: Duration = Duration::from_millis(200);
/// How long to wait until it is.
const SETTLING: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// What runs now.
pub(super) struct Known {
    /// Its configuration.
    pub config: Config,
    /// Its pipeline.
    pub control: Control,
    /// Whether a window is open.
    pub has_window: bool,
    /// Whether annotated copies are written.
    pub is_recorded: bool,
}

/// A new configuration, and a pipeline loaded with it if the running one cannot adopt it.
pub(super) struct Next {
    /// The settings.
    pub config: Config,
    /// The pipeline, and how its sources follow those of the running one.
    pub pipeline: Option<Box<(Pipeline, Succession)>>,
}

/// Reads the configuration and loads what it needs. `stop`: that of the program.
///
/// # Errors
/// When the configuration cannot be used, so that the old one stays in effect.
pub(super) fn prepare(arguments: &RunArgs, known: &Known, stop: &Stop) -> Result<Next, Failure> {
    let Some(path) = &arguments.config else {
        return Err(refused("there is no configuration file: emotiond was started without --config"));
    };
    let config = read_again(path)?;
    if config.sources.is_empty() && arguments.sources.is_empty() && !is_first_camera(&known.config.sources) {
        return Err(refused(
            "it names no source: if the file is whole, name one in it ([[source]]), or restart emotiond",
        ));
    }
    let config = overridden(config, arguments)?;
    outputs::check(&config)?;
    outputs::check_files(&config)?;
    if known.has_window && !config.privacy.tells_faces() {
        return Err(refused("a window shows single faces: restart emotiond to close it"));
    }
    if known.config.runtime.library != config.runtime.library {
        return Err(refused(
            "a program can load only one ONNX Runtime: restart emotiond to use another `library` under [runtime]",
        ));
    }
    // Private faces switch the overlay off by themselves.
    let same_privacy = known.config.privacy.tells_faces() == config.privacy.tells_faces();
    if same_privacy && is_for_the_next_start(&known.config) != is_for_the_next_start(&config) {
        tracing::warn!("`overlay` and [log] take effect when emotiond is started again");
    }
    if change(&known.config, &config) == Change::Settings {
        return Ok(Next { config, pipeline: None });
    }
    if known.is_recorded {
        return Err(refused(
            "the change needs a new pipeline, which would overwrite the files that --annotate has written",
        ));
    }
    let next = next_pipeline(&config, known, stop)?;
    Ok(Next { config, pipeline: Some(Box::new(next)) })
}

fn next_pipeline(config: &Config, known: &Known, stop: &Stop) -> Result<(Pipeline, Succession), Failure> {
    let mut pipeline = Pipeline::load(config.clone())?;
    let same_labels = pipeline.control().labels() == known.control.labels();
    let succession = Succession::new(&known.config.sources, &config.sources, same_labels);
    for (new, heir_of) in config.sources.iter().zip(&succession.heirs_of) {
        let fate = heir_of.map(|old| succession.fates[old]);
        if fate == Some(Fate::Reopened) && new.uri == SourceUri::Stdin {
            return Err(refused(
                "the change needs stdin to be opened again, and it cannot be read again from its start",
            ));
        }
        if !new.uri.is_live() && matches!(fate, None | Some(Fate::Reopened)) {
            source::check_presence(&new.uri)?;
        }
    }
    pipeline.continue_after(&known.control, &succession);
    pipeline.open_new(&succession, stop)?;
    Ok((pipeline, succession))
}

fn refused(reason: &str) -> Failure {
    Failure::new(Exit::Config, anyhow::anyhow!(reason.to_owned()))
}

fn is_first_camera(sources: &[SourceConfig]) -> bool {
    matches!(sources, [only] if only.uri == SourceUri::Camera(FIRST_CAMERA.into()))
}

/// What is only read when the program starts, as text.
fn is_for_the_next_start(config: &Config) -> String {
    let Config { overlay, ref log, .. } = *config;
    format!("{overlay:?} {log:?}")
}

/// Reads a file once it is written whole.
fn read_again(path: &Path) -> Result<Config, Failure> {
    let state = |found: &Metadata| (found.len(), found.modified().ok());
    let until = Instant::now() + SETTLING;
    loop {
        let found = fs::metadata(path).ok();
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            return Err(refused(&format!("{} is no regular file, and cannot be read again", path.display())));
        }
        if found.as_ref().is_some_and(is_being_written) {
            if Instant::now() > until {
                return Err(refused(&format!("{} is still being written", path.display())));
            }
            thread::sleep(POLL_INTERVAL);
            continue;
        }
        let config = Config::read(path);
        if fs::metadata(path).ok().as_ref().map(state) != found.as_ref().map(state) && Instant::now() < until
        {
            continue;
        }
        if fs::read(path).is_ok_and(|text| text.trim_ascii().is_empty()) {
            return Err(refused(&format!("{} is empty", path.display())));
        }
        return Ok(config?);
    }
}

fn is_being_written(file: &Metadata) -> bool {
    file.modified().is_ok_and(|then| then.elapsed().is_ok_and(|since| since < SETTLED))
}

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
