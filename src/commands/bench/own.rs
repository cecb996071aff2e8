//! `emotiond bench --source`: the same measurements with the user's own camera, video or pictures.

use super::{
    PAIRS,
    kernels::{Captured, frames_per_second},
    play::{Played, play_for},
    sparing_nothing,
};
use crate::{
    config::Config,
    detect::DetectorPlan,
    frame::Frame,
    source::{self, OpenSource as _, Read, SourceConfig, SourceUri},
    stop::Stop,
};
use emotiond_core::{
    exit::{Exit, ExitsWith, Failure},
    runtime::Runtime,
    stdout::print,
};
use std::time::Duration;

/// Number of frames that the bare loops process in a cycle.
const FRAMES: usize = 16;

/// One pair of measurements.
struct Pair {
    bare_fps: f64,
    full: Played,
    configured: Played,
}

impl Pair {
    fn efficiency(&self) -> f64 {
        self.full.frames_per_second() / self.bare_fps
    }
}

/// Prints the frame rate of bare loops over the source's first frames, and of the pipeline on the source itself.
///
/// # Errors
/// When the source, the runtime, the detector or the model is unusable.
pub(super) fn run(
    runtime: &Runtime,
    plan: &DetectorPlan,
    config: &Config,
    uri: &SourceUri,
    length: Duration,
) -> Result<(), Failure> {
    if *uri == SourceUri::Stdin {
        let error = anyhow::anyhow!("stdin cannot be read repeatedly: give a file or a camera");
        return Err(Failure::new(Exit::Usage, error));
    }
    let source = SourceConfig::new(uri.clone());
    let captured = first_frames(&source, config.limits.plan().max_megapixels)?;
    let full = sparing_nothing(config);
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        pairs.push(Pair {
            bare_fps: frames_per_second(runtime, plan, &config.model, &captured, length)?,
            full: play_for(&full, &source, length)?,
            configured: play_for(config, &source, length)?,
        });
    }
    pairs.sort_by(|a, b| a.efficiency().total_cmp(&b.efficiency()));
    let median = &pairs[PAIRS / 2];
    print(
        "| | fps | skipped | CPU, % of one core | latency, median, ms | latency, 99th percentile, ms |\n|---|---:|---:|---:|---:|---:|\n",
    )?;
    print(&format!("| bare loops | {:.1} | | | | |\n", median.bare_fps))?;
    print_row("pipeline, full-size detection", &median.full)?;
    print_row("pipeline as configured", &median.configured)?;
    print(&format!(
        "\nefficiency {:.2}; it is lower if the source limits the frame rate or is expensive to read\n",
        median.efficiency()
    ))
}

fn print_row(name: &str, played: &Played) -> Result<(), Failure> {
    print(&format!(
        "| {name} | {:.1} | {} | {:.0} | {:.1} | {:.1} |\n",
        played.frames_per_second(),
        played.skipped,
        played.of_one_core(),
        played.latency_ms(50.0),
        played.latency_ms(99.0)
    ))
}

/// Reads the source's first frames.
fn first_frames(config: &SourceConfig, max_megapixels: f64) -> Result<Vec<Captured>, Failure> {
    let unusable = |error: source::SourceError| Failure::new(error.exit(), error);
    let mut source = config.open(None, max_megapixels, &Stop::default()).map_err(unusable)?;
    let (mut frame, mut captured) = (Frame::default(), Vec::new());
    while captured.len() < FRAMES {
        frame.clear();
        match source.read(&mut frame).map_err(unusable)? {
            Read::Frame => captured.push(Captured::copy_of(&frame)),
            Read::Unreadable(_) | Read::Unchanged => {}
            Read::Ended => break,
        }
    }
    if captured.is_empty() {
        return Err(Failure::new(Exit::Data, anyhow::anyhow!("{} contains no frames", config.uri)));
    }
    Ok(captured)
}
