//! How the daemon, its sources and its outputs are: for `/health`, `/api/v1/status` and the page.

use crate::{
    gauges::{Gauges, OutputGauge},
    hub::Hub,
    wire::{SourceStatus, Status},
};
use serde::{Serialize, Serializer};
use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

/// Without a status for this long, the daemon hangs or is gone.
const SILENCE: Duration = Duration::from_secs(5);

/// How everything is.
#[derive(Serialize)]
pub struct Overview {
    /// The device's name.
    device: String,
    /// The run's UUID.
    run: String,
    /// What is wrong and what may become so.
    #[serde(flatten)]
    pub health: Health,
    /// Seconds since the daemon's latest status; null if there was none.
    status_age_s: Option<f64>,
    /// Whether pictures are served.
    pictures: bool,
    /// The outputs.
    outputs: Vec<Output>,
    /// The daemon's latest status.
    #[serde(flatten)]
    status: Flat,
}

/// What is wrong.
#[derive(Serialize)]
pub struct Health {
    /// Whether there are no `problems`.
    pub healthy: bool,
    /// Why events are missing.
    problems: Vec<String>,
    /// What does not keep events from being made: an output that cannot connect.
    warnings: Vec<String>,
}

/// The figures of an output.
#[derive(Serialize)]
struct Output {
    name: String,
    connected: bool,
    queued: u64,
    sent: u64,
    dropped: u64,
    error: Option<String>,
}

/// A shared status, serialised in place.
struct Flat(Arc<Status>);

impl Serialize for Flat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Overview {
    /// Everything now. `status_age`: how old the latest status is, and whether there was one.
    pub fn new(hub: &Hub, gauges: &Gauges, (age, told): (Duration, bool)) -> Self {
        let status = Arc::clone(&hub.status.borrow());
        let outputs: Vec<Output> = gauges.all().iter().map(|gauge| Output::new(gauge)).collect();
        Self {
            device: hub.device.to_string(),
            run: hub.run.to_string(),
            health: Health::new(&status, &outputs, age, told),
            status_age_s: told.then_some(age.as_secs_f64()),
            pictures: hub.pictures.is_some(),
            outputs,
            status: Flat(status),
        }
    }

    /// The sources.
    pub fn sources(&self) -> &[SourceStatus] {
        &self.status.0.sources
    }
}

impl Health {
    fn new(status: &Status, outputs: &[Output], age: Duration, told: bool) -> Self {
        let mut problems = Vec::new();
        if age >= SILENCE {
            problems.push(format!("no status from the daemon for {} s", age.as_secs()));
        } else if !told {
            problems.push("starting: no status from the daemon yet".to_owned());
        }
        let bad = status.sources.iter().filter(|source| matches!(&*source.state, "down" | "stalled"));
        // A source that somebody has paused is as it should be.
        problems.extend(bad.filter(|source| source.enabled).map(|source| {
            let reason =
                if source.reason.is_empty() { String::new() } else { format!(": {}", source.reason) };
            format!("source {} is {}{reason}", source.name, source.state)
        }));
        let away = outputs.iter().filter(|output| !output.connected);
        let warnings = away.map(|output| match &output.error {
            Some(error) => format!("output {}: {error}", output.name),
            None => format!("output {} is not connected", output.name),
        });
        Self { healthy: problems.is_empty(), problems, warnings: warnings.collect() }
    }
}

impl Output {
    fn new(gauge: &OutputGauge) -> Self {
        Self {
            name: gauge.name.clone(),
            connected: gauge.connected.load(Ordering::Relaxed),
            queued: gauge.queued.load(Ordering::Relaxed),
            sent: gauge.sent.load(Ordering::Relaxed),
            dropped: gauge.dropped.load(Ordering::Relaxed),
            error: gauge.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}
