//! Figures of the outputs, for metrics and the page.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64},
};

/// The figures of all outputs. A clone is another handle to the same figures.
#[derive(Clone, Debug, Default)]
pub struct Gauges(Arc<Mutex<Vec<Arc<OutputGauge>>>>);

/// The figures of an output.
#[derive(Debug, Default)]
pub struct OutputGauge {
    /// Its name, without secrets.
    pub name: String,
    /// Lines that wait.
    pub queued: AtomicU64,
    /// Lines that have been sent.
    pub sent: AtomicU64,
    /// Lines that were dropped.
    pub dropped: AtomicU64,
    /// Whether it is connected.
    pub connected: AtomicBool,
    /// Why it is not.
    pub error: Mutex<Option<String>>,
}

/// An output can never be used, and why.
#[derive(Debug)]
pub struct Unusable(pub String);

impl Gauges {
    /// The figures of the output `name`.
    pub fn output(&self, name: &str) -> Arc<OutputGauge> {
        let mut outputs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(output) = outputs.iter().find(|output| output.name == name) {
            return Arc::clone(output);
        }
        let output = Arc::new(OutputGauge { name: name.to_owned(), ..OutputGauge::default() });
        outputs.push(Arc::clone(&output));
        output
    }

    /// All outputs, in the order in which they were first named.
    pub fn all(&self) -> Vec<Arc<OutputGauge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
