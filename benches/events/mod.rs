//! Runs the pipeline and keeps its events in memory.

use anyhow::Result;
use emotiond::{
    config::Config,
    emit::EmitPolicy,
    pipeline::Pipeline,
    sink::Destination,
    source::{SourceConfig, SourceUri},
    stop::Stop,
};
use serde_json::Value;
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// The faces of a source in each frame, as the events tell them.
pub fn faces(config: &Config, source: SourceUri) -> Result<Vec<Value>> {
    let config =
        Config { emit: EmitPolicy::EveryFrame, sources: vec![SourceConfig::new(source)], ..config.clone() };
    let lines = Lines::default();
    let pipeline = Pipeline::load(config).map_err(|failure| failure.error)?;
    pipeline.run(lines.clone(), &Stop::default()).map_err(|failure| failure.error)?;
    let text = String::from_utf8(lines.0.lock().expect("no thread has panicked").clone())?;
    let events: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(events.into_iter().filter(|event| event["type"] == "face" && event["phase"] != "end").collect())
}

/// Events, kept in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no thread has panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Destination for Lines {}
