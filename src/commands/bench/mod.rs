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
use std::{sync::Arc, time::Duration};

const FACES: [u32; 4] = [1, 4, 16, 64];
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Size of the frames of a room.
const ROOM: (u32, u32) = (1280, 720);
/// How much longer than the others a scene of a room is played, because nothing is spared at its beginning.
const LENGTHS: u32 = 4;
/// Heads in a crowd.
const CROWD: u32 = 100;
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
    live(&config, length)?;
    spared(&config, length)
}

/// Prints the time of each stage on one core.
fn stages(runtime: &Runtime, plan: &DetectorPlan, config: &Config, length: Duration) -> Result<(), Failure> {
    print(
        "| faces | found | decode, ms | detect, ms | crop, ms | classify, ms | frame, ms |\n|---:|---:|---:|---:|---:|---:|---:|\n",
    )?;
    let mut kernels = Kernels::new(runtime, plan, &config.model)?;
    for faces in FACES {
        let captured = Captured::jpeg(scene::swaying_faces(WIDTH, HEIGHT, faces)?.remove(0));
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
    let full = sparing_nothing(config);
    for faces in FACES {
        let jpegs: Arc<[Vec<u8>]> = scene::swaying_faces(WIDTH, HEIGHT, faces)?.into();
        let captured: Vec<Captured> = jpegs.iter().cloned().map(Captured::jpeg).collect();
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let bare = frames_per_second(runtime, plan, &config.model, &captured, length)?;
            let through = pipeline_fps(&full, &jpegs, length)?;
            pairs.push((through / bare, bare, through, pipeline_fps(config, &jpegs, length)?));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, bare, through, configured) = pairs[PAIRS / 2];
        print(&format!("| {faces} | {bare:.1} | {through:.1} | {ratio:.2} | {configured:.1} |\n"))?;
    }
    print("\n")
}

/// `config` with every frame searched at full size and every face read, as in the bare loops.
fn sparing_nothing(config: &Config) -> Config {
    let mut full = config.clone();
    full.detector.full_every = 1;
    full.detector.still_every_s = 0.0;
    full.model.reads_per_s = 0.0;
    full
}

/// Frames per second of the pipeline when frames arrive as fast as it takes them.
fn pipeline_fps(config: &Config, jpegs: &Arc<[Vec<u8>]>, length: Duration) -> Result<f64, Failure> {
    let clip = Clip { jpegs: Arc::clone(jpegs), length, fps: None };
    Ok(play(config, vec![clip])?.frames_per_second())
}

/// Prints latency and processor load for a source with a camera's frame rate.
fn live(config: &Config, length: Duration) -> Result<(), Failure> {
    print(&format!(
        "at {LIVE_FPS} fps:\n\n| faces | latency, median, ms | latency, 99th percentile, ms | CPU, % of one core |\n|---:|---:|---:|---:|\n"
    ))?;
    for faces in FACES {
        let jpegs = scene::swaying_faces(WIDTH, HEIGHT, faces)?.into();
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

/// Prints what is spared in rooms without and with many people, compared with every frame searched and every face read.
fn spared(config: &Config, length: Duration) -> Result<(), Failure> {
    let (width, height) = ROOM;
    print(&format!(
        "\n{width}x{height}, CPU ms per frame:\n\n| scene | found | every frame searched, every face read | as configured | ratio |\n|---|---:|---:|---:|---:|\n"
    ))?;
    let mut all = config.clone();
    all.detector.still_every_s = 0.0;
    all.model.reads_per_s = 0.0;
    let scenes = [
        ("empty room", scene::empty_room(width, height)?),
        ("crowd", scene::swaying_faces(width, height, CROWD)?),
    ];
    for (name, jpegs) in scenes {
        let clip = Clip { jpegs: jpegs.into(), length: length * LENGTHS, fps: None };
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let (before, now) = (play(&all, vec![clip.clone()])?, play(config, vec![clip.clone()])?);
            let ratio = now.cpu_ms_a_frame() / before.cpu_ms_a_frame();
            pairs.push((ratio, before.cpu_ms_a_frame(), now.cpu_ms_a_frame(), now.faces_a_frame()));
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (ratio, before, now, found) = pairs[PAIRS / 2];
        print(&format!("| {name} | {found:.1} | {before:.2} | {now:.2} | {ratio:.2} |\n"))?;
    }
    Ok(())
}
