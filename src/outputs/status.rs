//! The status of the daemon for the sender.

use crate::pipeline::{Control, SourceStatus};
use cpu_time::ProcessTime;
use emotiond_core::process::resident_bytes;
use emotiond_send::{
    event::Counts,
    wire::{self, Status},
};
use std::time::Instant;

/// The status of a pipeline in a daemon that was started at `since`.
pub(super) fn of(control: &Control, since: Instant, dropped: Counts) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_s: since.elapsed().as_secs_f64(),
        cpu_s: ProcessTime::try_now().map_or(0.0, |time| time.as_duration().as_secs_f64()),
        rss_bytes: resident_bytes().unwrap_or_default(),
        dropped,
        labels: control.labels().to_vec(),
        sources: control.status().sources.into_iter().map(source).collect(),
    }
}

fn source(status: SourceStatus) -> wire::SourceStatus {
    let figures = status.figures.unwrap_or_default();
    wire::SourceStatus {
        name: status.name,
        state: status.state.state.name().to_owned(),
        reason: status.state.reason,
        enabled: status.is_enabled,
        analysed: status.analysed,
        skipped: status.skipped,
        unreadable: status.unreadable,
        size: status.size,
        faces: status.faces,
        emotions: (!figures.emotions.is_empty()).then_some(figures.emotions),
        dominant: figures.dominant,
        facing: figures.facing,
        recording: status.recording,
        latency: status.latency,
    }
}
