//! A flag that asks the program, or a part of it, to stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// A stop flag; once set, it stays set. Clones share one flag.
#[derive(Clone, Default)]
pub struct Stop {
    own: Arc<AtomicBool>,
    /// The flag of the whole that this is a part of.
    whole: Option<Arc<Stop>>,
}

impl Stop {
    /// A flag for a part: it is set when this one is, and can be set separately.
    pub fn part(&self) -> Self {
        Self { own: Arc::default(), whole: Some(Arc::new(self.clone())) }
    }

    /// The flag of the whole that this is a part of; this one, if it is no part.
    pub fn whole(&self) -> Self {
        self.whole.as_deref().unwrap_or(self).clone()
    }

    /// Sets the flag.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether the flag, or the flag of the whole, is set.
    pub fn is_set(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.whole.as_deref().is_some_and(Self::is_set)
    }

    /// The flag itself, for signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.own)
    }
}
