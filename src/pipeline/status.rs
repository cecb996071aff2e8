//! What is told about a running pipeline.

use super::{
    control::Control,
    source_info::{Counters, Figures, SourceInfo},
};
use crate::message::StateChange;
use emotiond_send::wire::Latency;
use std::{fmt, sync::atomic::AtomicU64};

/// The status of a source.
pub struct SourceStatus {
    /// Name in the events.
    pub name: String,
    /// Its state and its cause.
    pub state: StateChange,
    /// Whether nobody has paused it.
    pub is_enabled: bool,
    /// Analysed pictures.
    pub analysed: u64,
    /// Pictures that were replaced by newer ones.
    pub skipped: u64,
    /// Pictures that could not be decoded or analysed.
    pub unreadable: u64,
    /// Width and height of the latest picture, as the boxes see it.
    pub size: Option<(u32, u32)>,
    /// Faces in the latest picture; `None` if that is unknown or may not be told.
    pub faces: Option<u32>,
    /// Figures of the audience's window; `None` likewise, or if there are no outputs.
    pub figures: Option<Figures>,
    /// Whether its recording works; `None` if there is none.
    pub recording: Option<bool>,
    /// A histogram of the latencies.
    pub latency: Latency,
    /// Time from a picture's capture to the writing of its lines, in milliseconds, over the last few seconds.
    pub latency_ms: f64,
}

/// The status of a pipeline.
pub struct Status {
    /// All sources.
    pub sources: Vec<SourceStatus>,
    /// Frames in the pipeline.
    pub in_flight: u64,
    /// Frames that have left the pipeline.
    pub left: u64,
}

impl Control {
    /// The current status.
    pub fn status(&self) -> Status {
        let sum = |counter: fn(&Counters) -> &AtomicU64| -> u64 {
            self.infos.iter().map(|info| Counters::get(counter(&info.counters))).sum()
        };
        // In this order, so that a frame that leaves in between is not counted as left but not entered.
        let left = sum(|counters| &counters.left);
        let entered = sum(|counters| &counters.entered);
        let source = |info: &SourceInfo| SourceStatus {
            name: info.name.clone(),
            state: info.state(),
            is_enabled: !info.is_paused(),
            analysed: Counters::get(&info.counters.analysed),
            skipped: Counters::get(&info.counters.skipped),
            unreadable: Counters::get(&info.counters.unreadable),
            size: info.latest.size(),
            faces: info.latest.faces(),
            figures: info.figures(),
            recording: info.recording.works(),
            latency: info.counters.latency(),
            latency_ms: info.counters.latency_ms(),
        };
        Status {
            sources: self.infos.iter().map(source).collect(),
            in_flight: entered.saturating_sub(left),
            left,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, source) in self.sources.iter().enumerate() {
            let comma = if number > 0 { "; " } else { "" };
            let SourceStatus { name, state, analysed, skipped, latency_ms, .. } = source;
            // What was asked for is told as such: "down" would look like a fault.
            let state = if state.is_planned { state.reason.as_str() } else { state.state.name() };
            write!(
                f,
                "{comma}{name} {state}, {analysed} frames analysed, {skipped} skipped, {latency_ms:.1} ms"
            )?;
        }
        Ok(())
    }
}
