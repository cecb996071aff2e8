//! Measures how much the smoothing reduces changes of the emotion, and the delay that it causes. Prints tables for
//! docs/tracking.md.
//!
//! `cargo bench --bench steadiness -- CONFIG PICTURES CLIP...`: a configuration, a folder with pictures of
//! faces, and videos.

#[path = "events/mod.rs"]
mod events;

use anyhow::{Context, Result};
use emotiond::{
    config::Config,
    decode::FrameDecoder,
    detect::DetectorPlan,
    frame::Frame,
    smooth::{Smoother, SmoothingConfig},
    source::{OpenSource, Read, SourceConfig, SourceUri},
    stop::Stop,
};
use emotiond_core::{
    classify::{Classifier, argmax},
    face::{Framing, InputCutter},
    geometry::BoundingBox,
    runtime::Runtime,
};
use std::{collections::HashMap, env, path::Path};

const RATES: [u32; 2] = [15, 30];
/// Seconds for which each face of a pair is seen.
const SECONDS: u32 = 2;
/// Random movement of a detector's box between frames, as a part of its side.
const WANDER: f32 = 0.04;
const NO_SMOOTHING: SmoothingConfig =
    SmoothingConfig { time_constant_s: 0.0, lead: 1.0, hold_s: 0.0, by_readability: false };

fn main() -> Result<()> {
    // Cargo adds `--bench`.
    let mut arguments = env::args().skip(1).filter(|argument| argument != "--bench");
    let usage = "steadiness CONFIG PICTURES CLIP...";
    let config = Config::read(Path::new(&arguments.next().context(usage)?))?;
    let pictures: SourceUri = arguments.next().context(usage)?.parse().map_err(anyhow::Error::msg)?;
    println!(
        "| clip | tracks | seconds | label changes, raw | smoothed | per minute and track, raw | smoothed |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for clip in arguments {
        let uri: SourceUri = clip.parse().map_err(anyhow::Error::msg)?;
        let raw = label_changes(&config, NO_SMOOTHING, &uri)?;
        let smoothed = label_changes(&config, config.smoothing, &uri)?;
        let name = Path::new(&clip).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let per_minute = |changes: u32| f64::from(changes) * 60.0 / raw.seconds;
        println!(
            "| {name} | {} | {:.1} | {} | {} | {:.0} | {:.0} |",
            raw.tracks,
            raw.seconds,
            raw.changes,
            smoothed.changes,
            per_minute(raw.changes),
            per_minute(smoothed.changes)
        );
    }
    delays(&config, pictures)
}

/// Statistics of the labels in the events of a clip.
struct Labels {
    tracks: usize,
    /// Sum over the tracks.
    seconds: f64,
    changes: u32,
}

/// Runs the pipeline over a clip and counts how often a track's emotion changes from one frame to the next.
fn label_changes(config: &Config, smoothing: SmoothingConfig, clip: &SourceUri) -> Result<Labels> {
    let config = Config { smoothing, ..config.clone() };
    let mut last: HashMap<u64, (f64, String)> = HashMap::new();
    let mut labels = Labels { tracks: 0, seconds: 0.0, changes: 0 };
    for event in events::faces(&config, clip.clone())? {
        let time_s = event["pts_ms"].as_f64().context("a clip's frames have times")? / 1000.0;
        let emotion = event["emotion"].as_str().unwrap_or_default().to_owned();
        match last.insert(event["track"].as_u64().unwrap_or_default(), (time_s, emotion.clone())) {
            Some((before_s, before)) => {
                labels.seconds += time_s - before_s;
                labels.changes += u32::from(before != emotion);
            }
            None => labels.tracks += 1,
        }
    }
    Ok(labels)
}

/// The network's output for one known face over several frames, with box movements as from a detector.
struct KnownFace {
    rows: Vec<Vec<f32>>,
    /// The most frequent label.
    label: usize,
}

/// Replaces one face by another, for all pairs with different labels, and prints the time until the displayed emotion
/// changes.
fn delays(config: &Config, pictures: SourceUri) -> Result<()> {
    println!(
        "\n| frames a second | pairs | delay, median, ms | 90 % within, ms | label changes, raw | smoothed |"
    );
    println!("|---:|---:|---:|---:|---:|---:|");
    let frames = RATES[1] * SECONDS;
    let faces = known_faces(config, pictures, frames as usize)?;
    for rate in RATES {
        let count = (rate * SECONDS) as usize;
        let mut delays_ms = Vec::new();
        let (mut raw, mut smoothed) = (0, 0);
        for before in &faces {
            for after in faces.iter().filter(|after| after.label != before.label) {
                let rows: Vec<&[f32]> =
                    before.rows[..count].iter().chain(&after.rows[..count]).map(Vec::as_slice).collect();
                let shown = shown_labels(&config.smoothing, &rows, rate);
                let changed = shown[count..].iter().position(|label| *label == after.label);
                delays_ms.push(changed.unwrap_or(count) as f64 * 1000.0 / f64::from(rate));
                smoothed += changes(&shown);
                raw += changes(&rows.iter().map(|row| argmax(row)).collect::<Vec<_>>());
            }
        }
        delays_ms.sort_by(f64::total_cmp);
        let at =
            |part: f64| delays_ms.get((delays_ms.len() as f64 * part) as usize).copied().unwrap_or_default();
        println!("| {rate} | {} | {:.0} | {:.0} | {raw} | {smoothed} |", delays_ms.len(), at(0.5), at(0.9));
    }
    Ok(())
}

fn shown_labels(config: &SmoothingConfig, rows: &[&[f32]], rate: u32) -> Vec<usize> {
    let mut smoother = Smoother::new(config, rows[0], 1.0, 0.0);
    let mut shown = vec![smoother.shown()];
    for (frame, row) in rows.iter().enumerate().skip(1) {
        smoother.update(row, 1.0, frame as f64 / f64::from(rate));
        shown.push(smoother.shown());
    }
    shown
}

fn changes(labels: &[usize]) -> usize {
    labels.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Classifies every face that the detector finds in the pictures `frames` times.
fn known_faces(config: &Config, pictures: SourceUri, frames: usize) -> Result<Vec<KnownFace>> {
    let runtime = Runtime::load(&config.runtime)?;
    let plan = DetectorPlan::new(&runtime, &config.detector)?;
    let mut classifier = Classifier::load(&runtime, &config.model)?;
    let mut detector = plan.build()?;
    let decoder = FrameDecoder::new(config.limits.max_megapixels);
    let mut source =
        SourceConfig::new(pictures).open(None, config.limits.max_megapixels, &Stop::default())?;
    let framing = plan.framing.with_margin(config.model.margin);
    let mut faces = Vec::new();
    let mut frame = Frame::default();
    while source.read(&mut frame)? == Read::Frame {
        if decoder.decode(&mut frame).is_ok() {
            detector.detect(&frame.picture.view(), &plan.settings, &mut frame.detections)?;
            for found in &frame.detections {
                faces.push(known_face(&mut classifier, &frame, &found.bounds, framing, frames)?);
            }
        }
        frame.clear();
    }
    Ok(faces)
}

fn known_face(
    classifier: &mut Classifier,
    frame: &Frame,
    bounds: &BoundingBox,
    framing: Framing,
    frames: usize,
) -> Result<KnownFace> {
    let labels = classifier.description().labels.len();
    let mut cutter = InputCutter::new(framing, classifier.description().input.clone());
    let mut inputs = Vec::new();
    for number in 0..frames {
        cutter.append(&frame.picture.view(), &wander(bounds, number), &mut inputs);
    }
    let mut rows = Vec::new();
    classifier.classify(&inputs, &mut rows)?;
    let rows: Vec<Vec<f32>> = rows.chunks_exact(labels).map(<[f32]>::to_vec).collect();
    let mut votes = vec![0.0; labels];
    rows.iter().for_each(|row| votes[argmax(row)] += 1.0);
    Ok(KnownFace { label: argmax(&votes), rows })
}

/// Moves and scales a box by up to `WANDER`, uniformly distributed and identical in every run.
fn wander(bounds: &BoundingBox, number: usize) -> BoundingBox {
    // Multiples of these numbers fill a cube evenly (Roberts, "The unreasonable effectiveness of quasirandom
    // sequences").
    let part = |step: f64| ((number as f64 * step).fract() * 2.0 - 1.0) as f32 * WANDER;
    let side = bounds.w.max(bounds.h);
    let moved = BoundingBox {
        x: bounds.x + part(0.819_172_5) * side,
        y: bounds.y + part(0.671_043_6) * side,
        ..*bounds
    };
    moved.enlarged(part(0.549_700_5))
}
