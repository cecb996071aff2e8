//! A flag that asks the program, or a part of it, to stop.

use crossbeam_channel::{Receiver, Sender, bounded};
use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Nothing is received; it is disconnected when the flag is set.
pub type Bell = Receiver<Infallible>;

/// A stop flag; once set, it stays set. Clones share one flag.
#[derive(Clone)]
pub struct Stop {
    own: Arc<AtomicBool>,
    /// Dropped when the flag is set.
    rope: Arc<Mutex<Option<Sender<Infallible>>>>,
    bell: Bell,
    /// The flag of the whole that this is a part of.
    whole: Option<Arc<Stop>>,
}

impl Default for Stop {
    fn default() -> Self {
        let (rope, bell) = bounded(0);
        Self { own: Arc::default(), rope: Arc::new(Mutex::new(Some(rope))), bell, whole: None }
    }
}

impl Stop {
    /// A flag for a part: it is set when this one is, and can be set separately.
    pub fn part(&self) -> Self {
        Self { whole: Some(Arc::new(self.clone())), ..Self::default() }
    }

    /// The flag of the whole that this is a part of; this one, if it is no part.
    pub fn whole(&self) -> Self {
        self.whole.as_deref().unwrap_or(self).clone()
    }

    /// Sets the flag.
    pub fn set(&self) {
        self.own.store(true, Ordering::Relaxed);
        // A holder of the lock cannot panic.
        self.rope.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The bells of this flag and, if it is a part, of the whole.
    pub fn bells(&self) -> Vec<Bell> {
        let whole = self.whole.iter().flat_map(|whole| whole.bells());
        [self.bell.clone()].into_iter().chain(whole).collect()
    }

    /// Whether the flag, or the flag of the whole, is set.
    pub fn is_set(&self) -> bool {
        self.own.load(Ordering::Relaxed) || self.whole.as_deref().is_some_and(Self::is_set)
    }

    /// The flag itself, for signal handlers. They cannot ring the bell: [`Stop::set`] must follow.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::TryRecvError;

    #[test]
    fn a_part_is_set_with_the_whole_and_both_ring() {
        let whole = Stop::default();
        let (first, second) = (whole.part(), whole.part());
        let rings = |stop: &Stop| {
            stop.bells().iter().filter(|bell| bell.try_recv() == Err(TryRecvError::Disconnected)).count()
        };
        assert_eq!((rings(&whole), rings(&first), first.bells().len()), (0, 0, 2));
        first.set();
        assert_eq!((rings(&whole), rings(&first), rings(&second)), (0, 1, 0));
        assert!(first.is_set() && !second.is_set() && !whole.is_set());
        whole.set();
        whole.set();
        assert_eq!((rings(&whole), rings(&first), rings(&second)), (1, 2, 1));
        assert!(second.is_set());
    }
}
