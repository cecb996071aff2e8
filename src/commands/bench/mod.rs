//! `emotiond bench`.
mod clip;
mod growth;
mod kernels;
mod own;
mod play;
mod scene;

use super::{effective_config, start_logs};
use crate::{
    cli::{BenchArgs, RunArgs},
    config::Config,
    detect::DetectorPlan,
};
use clip::Clip;
use emotiond_core::{classify::Classifier, exit::Failure, runtime::Runtime, stdout::print};
use kernels::{Captured, Kernels, frames_per_second, median_times};
use play::play;
use std::time::Duration;

const FACES: [u32; 4] = [1, 4, 16, 64];
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// The frame rate of most webcams.
const LIVE_FPS: u32 = 30;
/// Number of alternating measurements of bare loops and pipeline. The ratio of two consecutive measurements is reliable
/// even on a noisy machine.
const PAIRS: usize = 3;

/// Measures this machine.
///
/// # Errors
/// When the runtime, the detector or the model is unusable.
pub fn run(arguments: &BenchArgs) -> Result<(), Failure> {
    let mut config = effective_config(&RunArgs {
        config: arguments.config.clone(),
        detector: arguments.detector,
        model: arguments.model.clone(),
        ep: arguments.ep,
        ..RunArgs::default()
    })?;
    config.log.level = "error".to_owned();
    start_logs(&config.log)?;
    let length = Duration::from_secs_f64(arguments.seconds.clamp(0.05, 3600.0));
    let runtime = Runtime::load(&config.runtime)?;
    let plan = DetectorPlan::new(&runtime, &config.detector)?;
    let model = Classifier::load(&runtime, &config.model)?;
    print(&format!(
        "detector {}, model {}, execution provider {}, frames {}\n\n",
        plan.name(),
        model.path().display(),
        runtime.provider(),
        arguments.source.as_ref().map_or(format!("{WIDTH}x{HEIGHT} JPEG"), |uri| format!("from {uri}"))
    ))?;
    drop(model);
    if let Some(uri) = &arguments.source {
        return own::run(&runtime, &plan, &config, uri, length);
    }
    if arguments.growth {
        return growth::run(&config, length);
    }
    stages(&runtime, &plan, &config, length)?;
    efficiency(&runtime, &plan, &config, length)?;
    live(&config, length)
}

/// Prints the time of each stage on one core.
fn stages(runtime: &Runtime, plan: &DetectorPlan, config: &Config, length: Duration) -> Result<(), Failure> {
    print(
        "| faces | found | decode, ms | detect, ms | crop, ms | classify, ms | frame, ms |\n|---:|---:|---:|---:|---:|---:|---:|\n",
    )?;
    let mut kernels = Kernels::new(runtime, plan, &config.model)?;
    for faces in FACES {
        let captured = Captured::jpeg(scene::jpeg_with_faces(WIDTH, HEIGHT, faces)?);
        let times = median_times(&mut kernels, &captured, length)?;
        let sum = times.decode_ms + times.detect_ms + times.crop_ms + times.classify_ms;
        print(&format!(
            "| {faces} | {} | {:.2} | {:.2} | {:.3} | {:.2} | {sum:.2} |\n",
            times.faces, times.decode_ms, times.detect_ms, times.crop_ms, times.classify_ms
        ))?;
    }
    print("\n")
}

/// Compares the pipeline with bare loops, one per core: first with all detector runs at full size, as in the loops,
/// then as configured.
fn efficiency(
    runtime: &Runtime,
    plan: &DetectorPlan,
    config: &Config,
    length: Duration,
) -> Result<(), Failure> {
    print(
        "| faces | bare loops, fps | pipeline, full-size detection, fps | efficiency | pipeline as configured, fps |\n|---:|---:|---:|---:|---:|\n",
    )?;
    let full = searching_fully(config);
    for faces in FACES {
        let jpeg = scene::jpeg_with_faces(WIDTH, HEIGHT, faces)?;
        let captured = [Captured::jpeg(jpeg.clone())];
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let bare = frames_per_second(runtime, plan, &config.model, &captured, length)?;
            let through = pipeline_fps(&full, &jpeg, length)?;
            pairs.push((through / bare, bare, through, pipeline_fps(config, &jpeg, length)?));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, bare, through, configured) = pairs[PAIRS / 2];
        print(&format!("| {faces} | {bare:.1} | {through:.1} | {ratio:.2} | {configured:.1} |\n"))?;
    }
    print("\n")
}

/// `config` without glances, so that detection is the same as in the bare loops.
fn searching_fully(config: &Config) -> Config {
    let mut full = config.clone();
    full.detector.full_every = 1;
    full
}

/// Frames per second of the pipeline when frames arrive as fast as it takes them.
fn pipeline_fps(config: &Config, jpeg: &[u8], length: Duration) -> Result<f64, Failure> {
    let clip = Clip { jpegs: [jpeg.to_vec()].into(), length, fps: None };
    Ok(play(config, vec![clip])?.frames_per_second())
}

/// Prints latency and processor load for a source with a camera's frame rate.
fn live(config: &Config, length: Duration) -> Result<(), Failure> {
    print(&format!(
        "at {LIVE_FPS} fps:\n\n| faces | latency, median, ms | latency, 99th percentile, ms | CPU, % of one core |\n|---:|---:|---:|---:|\n"
    ))?;
    for faces in FACES {
        let jpegs = [scene::jpeg_with_faces(WIDTH, HEIGHT, faces)?].into();
        let played = play(config, vec![Clip { jpegs, length, fps: Some(LIVE_FPS) }])?;
        print(&format!(
            "| {faces} | {:.1} | {:.1} | {:.0} |\n",
            played.latency_ms(50.0),
            played.latency_ms(99.0),
            played.of_one_core()
        ))?;
    }
    Ok(())
}
