//! The stages in a loop without queues: the upper limit for a pipeline with the same stages.

use crate::{
    config::LimitsConfig,
    decode::FrameDecoder,
    detect::{DetectorPlan, FaceFinder},
    frame::{Encoding, Frame},
};
use emotiond_core::{
    classify::{Classifier, ModelConfig},
    exit::Failure,
    face::{InputCutter, TiltedFace},
    runtime::Runtime,
};
use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// The stages of one frame, one after the other.
pub(super) struct Kernels<'a> {
    plan: &'a DetectorPlan,
    decoder: FrameDecoder,
    finder: FaceFinder,
    cutter: InputCutter,
    classifier: Classifier,
    frame: Frame,
    inputs: Vec<f32>,
}

/// A captured frame.
pub(super) struct Captured {
    encoding: Encoding,
    width: u32,
    height: u32,
    bytes: Vec<u8>,
}

impl Captured {
    pub fn jpeg(bytes: Vec<u8>) -> Self {
        Self { encoding: Encoding::Jpeg, width: 0, height: 0, bytes }
    }

    pub fn copy_of(frame: &Frame) -> Self {
        let Frame { encoding, width, height, ref bytes, .. } = *frame;
        Self { encoding, width, height, bytes: bytes.clone() }
    }
}

/// Time of each stage for one frame, and the number of faces.
#[derive(Clone, Copy, Default)]
pub(super) struct StageTimes {
    pub decode_ms: f64,
    pub detect_ms: f64,
    pub crop_ms: f64,
    pub classify_ms: f64,
    pub faces: usize,
}

impl<'a> Kernels<'a> {
    pub fn new(runtime: &Runtime, plan: &'a DetectorPlan, model: &ModelConfig) -> Result<Self, Failure> {
        let classifier = Classifier::load(runtime, model)?;
        Ok(Self {
            plan,
            decoder: FrameDecoder::new(LimitsConfig::default().max_megapixels),
            finder: plan.build()?,
            cutter: InputCutter::new(
                plan.framing.with_margin(model.margin),
                classifier.description().input.clone(),
            ),
            classifier,
            frame: Frame::default(),
            inputs: Vec::new(),
        })
    }

    /// Runs all stages on one frame.
    pub fn run(&mut self, captured: &Captured) -> Result<StageTimes, Failure> {
        let frame = &mut self.frame;
        frame.clear();
        (frame.encoding, frame.width, frame.height) = (captured.encoding, captured.width, captured.height);
        frame.bytes.extend_from_slice(&captured.bytes);
        let start = Instant::now();
        self.decoder.decode(frame)?;
        let decoded = Instant::now();
        self.finder.detect(&frame.picture.view(), &self.plan.settings, &mut frame.detections)?;
        let detected = Instant::now();
        self.inputs.clear();
        for face in &frame.detections {
            let roll_deg = face.pose.map_or(0.0, |pose| pose.roll);
            let tilted = TiltedFace { bounds: face.bounds, roll_deg };
            self.cutter.append_upright(&frame.picture.view(), &tilted, &mut self.inputs);
        }
        let cropped = Instant::now();
        self.classifier.classify(&self.inputs, &mut frame.probabilities)?;
        let ms = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1000.0;
        Ok(StageTimes {
            decode_ms: ms(start, decoded),
            detect_ms: ms(decoded, detected),
            crop_ms: ms(detected, cropped),
            classify_ms: ms(cropped, Instant::now()),
            faces: frame.detections.len(),
        })
    }
}

/// Measures for `length` on one core; returns the median time of each stage.
pub(super) fn median_times(
    kernels: &mut Kernels,
    captured: &Captured,
    length: Duration,
) -> Result<StageTimes, Failure> {
    // Warm-up.
    for _ in 0..3 {
        kernels.run(captured)?;
    }
    let mut all = Vec::new();
    let start = Instant::now();
    while start.elapsed() < length || all.is_empty() {
        all.push(kernels.run(captured)?);
    }
    let median = |stage: fn(&StageTimes) -> f64| {
        let mut values: Vec<f64> = all.iter().map(stage).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok(StageTimes {
        decode_ms: median(|times| times.decode_ms),
        detect_ms: median(|times| times.detect_ms),
        crop_ms: median(|times| times.crop_ms),
        classify_ms: median(|times| times.classify_ms),
        faces: all[0].faces,
    })
}

/// Total frames per second of one loop per core over the frames of `captured`.
pub(super) fn frames_per_second(
    runtime: &Runtime,
    plan: &DetectorPlan,
    model: &ModelConfig,
    captured: &[Captured],
    length: Duration,
) -> Result<f64, Failure> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let barrier = Barrier::new(cores);
    let one_loop = || -> Result<f64, Failure> {
        let kernels = Kernels::new(runtime, plan, model)
            .and_then(|mut kernels| kernels.run(&captured[0]).map(|_| kernels));
        barrier.wait();
        let mut kernels = kernels?;
        let start = Instant::now();
        let mut frames = 0;
        while start.elapsed() < length {
            kernels.run(&captured[frames % captured.len()])?;
            frames += 1;
        }
        Ok(frames as f64 / start.elapsed().as_secs_f64())
    };
    thread::scope(|scope| {
        let loops: Vec<_> = (0..cores).map(|_| scope.spawn(one_loop)).collect();
        loops.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).sum()
    })
}
