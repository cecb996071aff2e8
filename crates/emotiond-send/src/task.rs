//! What each output needs, whatever its protocol.

use crate::{event::Event, gauges::OutputGauge, hub::Hub, settings::OutputConfig};
use std::sync::Arc;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

/// What an output is given.
pub struct Task {
    /// Its settings.
    pub config: OutputConfig,
    /// The device, the daemon's status, and requests.
    pub hub: Hub,
    /// All events.
    pub events: mpsc::Receiver<Arc<Event>>,
    /// Its figures.
    pub gauge: Arc<OutputGauge>,
    /// Until when it must end, once that is known.
    pub end: watch::Receiver<Option<Instant>>,
}
