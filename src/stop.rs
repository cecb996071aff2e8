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
    whole: Option<Arc<AtomicBool>>,
}

impl Stop {
    /// A flag for a part: it is set when this one is, and can be set separately.
    pub fn part(&self) -> Self {
        Self { own: Arc::default(), whole: Some(Arc::clone(&self.own)) }
    }

    /// Sets the flag.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
    }

    /// Whether the flag, or the flag of the whole, is set.
    pub fn is_set(&self) -> bool {
        let is_set = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        is_set(&self.own) || self.whole.as_deref().is_some_and(is_set)
    }

    /// The flag itself, for signal handlers.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.own)
    }
}
