//! A flag that asks the program, or a part of it, to end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Set once, when something is to stop: the program, or a part of it.
#[derive(Clone, Default)]
pub struct Stop {
    own: Arc<AtomicBool>,
    /// What this is a part of.
    whole: Option<Arc<AtomicBool>>,
}

impl Stop {
    /// A stop for a part: it is set when this one is, and can be set alone.
    pub fn part(&self) -> Self {
        Self { own: Arc::default(), whole: Some(Arc::clone(&self.own)) }
    }

    /// Asks everything to end.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked.
    pub fn is_set(&self) -> bool {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is_set(&self.own) || self.whole.as_deref().is_some_and(is_set)
    }

    /// The flag itself, for signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.own)
    }
}
