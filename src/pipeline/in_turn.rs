//! A value that the frames of a source use one after another, although threads work on them at the same time.

use crate::sync::{Condvar, Mutex, MutexGuard};
use std::{
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

/// A value that each frame uses in its turn, in the order of the entry numbers, which have no gaps.
pub(super) struct InTurn<T> {
    state: Mutex<State<T>>,
    passed: Condvar,
}

struct State<T> {
    /// The frame, by its entry number, whose turn it is.
    next: u64,
    value: T,
}

impl<T> InTurn<T> {
    pub fn new(value: T) -> Self {
        Self { state: Mutex::new(State { next: 0, value }), passed: Condvar::new() }
    }

    /// Gives the next turn to the frame with this entry number; to be called while no frame is on its way.
    pub fn go_on_from(&self, entry: u64) {
        self.lock().next = entry;
    }

    /// The turn of the frame with this entry number. Every frame of the source must have one.
    pub fn turn(&self, entry: u64) -> Turn<'_, T> {
        Turn { queue: self, entry }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame's turn; dropping it lets the next frame have its own.
pub(super) struct Turn<'a, T> {
    queue: &'a InTurn<T>,
    entry: u64,
}

impl<T> Turn<'_, T> {
    /// Waits for the turn.
    pub fn wait(&self) -> Value<'_, T> {
        let is_early = |state: &mut State<T>| state.next < self.entry;
        let waited = self.queue.passed.wait_while(self.queue.lock(), is_early);
        Value(waited.unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.wait().0.next = self.entry + 1;
        self.queue.passed.notify_all();
    }
}

/// The value, locked.
pub(super) struct Value<'a, T>(MutexGuard<'a, State<T>>);

impl<T> Deref for Value<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> DerefMut for Value<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}
