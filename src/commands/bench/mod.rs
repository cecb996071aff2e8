//! `emotiond bench`.
mod kernels;
mod scene;

use super::{effective_config, print, start_logs};
use crate::{
    classify::Classifier,
    cli::{BenchArgs, RunArgs},
    config::{Config, SourceConfig},
    detect::DetectorPlan,
    exit::Failure,
    pipeline::Pipeline,
    runtime::Runtime,
    source::{Clip, SourceUri, Stop},
};
use kernels::{Kernels, frames_per_second, median_times};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

const FACES: [u32; 4] = [1, 4, 16, 64];
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Bare loops and pipeline are measured in turn so often: on a noisy machine a ratio of neighbours still holds.
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
        "detector {}, model {}, execution provider {}, frames {WIDTH}x{HEIGHT} as JPEG\n\n",
        plan.name(),
        model.path().display(),
        runtime.provider()
    ))?;
    drop(model);
    stages(&runtime, &plan, &config, length)?;
    efficiency(&runtime, &plan, &config, length)
}

/// Each stage's time on one core.
fn stages(runtime: &Runtime, plan: &DetectorPlan, config: &Config, length: Duration) -> Result<(), Failure> {
    print(
        "| faces | found | decode, ms | detect, ms | crop, ms | classify, ms | frame, ms |\n|---:|---:|---:|---:|---:|---:|---:|\n",
    )?;
    let mut kernels = Kernels::new(runtime, plan, &config.model)?;
    for faces in FACES {
        let jpeg = scene::jpeg_with_faces(WIDTH, HEIGHT, faces)?;
        let times = median_times(&mut kernels, &jpeg, length)?;
        let sum = times.decode_ms + times.detect_ms + times.crop_ms + times.classify_ms;
        print(&format!(
            "| {faces} | {} | {:.2} | {:.2} | {:.3} | {:.2} | {sum:.2} |\n",
            times.faces, times.decode_ms, times.detect_ms, times.crop_ms, times.classify_ms
        ))?;
    }
    print("\n")
}

/// The pipeline against bare loops, one on each core: with every search at full size, as the loops search, and as it
/// is configured.
fn efficiency(
    runtime: &Runtime,
    plan: &DetectorPlan,
    config: &Config,
    length: Duration,
) -> Result<(), Failure> {
    print(
        "| faces | bare loops, fps | pipeline, the same searches, fps | efficiency | pipeline as configured, fps |\n|---:|---:|---:|---:|---:|\n",
    )?;
    let mut full = config.clone();
    full.detector.full_every = 1;
    for faces in FACES {
        let jpeg = scene::jpeg_with_faces(WIDTH, HEIGHT, faces)?;
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let bare = frames_per_second(runtime, plan, &config.model, &jpeg, length)?;
            let through = pipeline_fps(&full, &jpeg, length)?;
            pairs.push((through / bare, bare, through, pipeline_fps(config, &jpeg, length)?));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, bare, through, configured) = pairs[PAIRS / 2];
        print(&format!("| {faces} | {bare:.1} | {through:.1} | {ratio:.2} | {configured:.1} |\n"))?;
    }
    Ok(())
}

/// Frames per second of the daemon's own pipeline, fed from memory; its events go nowhere.
fn pipeline_fps(config: &Config, jpeg: &[u8], length: Duration) -> Result<f64, Failure> {
    let clip = Clip { jpegs: vec![jpeg.to_vec()], length };
    let config =
        Config { sources: vec![SourceConfig::new(SourceUri::Clip(Arc::new(clip)))], ..config.clone() };
    let pipeline = Pipeline::load(config)?;
    let start = Instant::now();
    let outcomes = pipeline.run(io::sink(), &Stop::default())?;
    let frames: u64 = outcomes.iter().map(|outcome| outcome.analysed).sum();
    Ok(frames as f64 / start.elapsed().as_secs_f64())
}
