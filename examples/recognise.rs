//! Finds the faces in a picture and classifies their expressions, with the library instead of the daemon:
//!
//! ```sh
//! cargo run --release --example recognise -- tests/data/astronaut.jpg
//! ```

use anyhow::{Context, Result};
use emotiond::{
    decode::FrameDecoder,
    detect::{DetectorConfig, DetectorPlan},
    frame::{Encoding, Frame},
};
use emotiond_core::{
    classify::{Classifier, ModelConfig, argmax},
    face::{InputCutter, TiltedFace},
    runtime::{Runtime, RuntimeConfig},
};
use std::{env, fs};

fn main() -> Result<()> {
    let file = env::args().nth(1).context("name a picture")?;
    let runtime = Runtime::load(&RuntimeConfig::default())?;
    let detectors = DetectorPlan::new(&runtime, &DetectorConfig::default())?;
    let mut classifier = Classifier::load(&runtime, &ModelConfig::default())?;

    let bytes = fs::read(&file).with_context(|| format!("{file} cannot be read"))?;
    let mut frame = Frame { encoding: Encoding::PictureFile, bytes, ..Frame::default() };
    FrameDecoder::new(64.0).decode(&mut frame)?;

    let mut faces = Vec::new();
    detectors.build()?.detect(&frame.picture.view(), &detectors.settings, &mut faces)?;

    let description = classifier.description().clone();
    let mut cutter = InputCutter::new(detectors.framing, description.input);
    let (mut inputs, mut rows) = (Vec::new(), Vec::new());
    for face in &faces {
        let roll_deg = face.pose.map_or(0.0, |pose| pose.roll);
        let tilted = TiltedFace { bounds: face.bounds, roll_deg };
        cutter.append_upright(&frame.picture.view(), &tilted, &mut inputs);
    }
    classifier.classify(&inputs, &mut rows)?;

    for (face, row) in faces.iter().zip(rows.chunks(description.labels.len())) {
        let best = argmax(row);
        println!("{:?}: {} {:.0} %", face.bounds, description.labels[best], row[best] * 100.0);
    }
    Ok(())
}
