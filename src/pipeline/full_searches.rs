//! What the full searches of a source have found, for the frames after them, which are searched around these faces.
//!
//! A frame is searched around the faces of the latest full search before it, and waits for its end if another thread is still
//! at it, so that a file gives the same results on every run and with any number of threads.

use super::glance::LAG;
use crate::{
    detect::Detection,
    sync::{Condvar, Mutex, MutexGuard},
};
use std::{array, sync::PoisonError};

/// The latest full searches of a source. There are at most `LAG` frames of it in the pipeline, so that the place of a search
/// is not used again while a frame may ask for it.
pub(super) struct FullSearches {
    places: [Place; LAG + 1],
}

#[derive(Default)]
struct Place {
    outcome: Mutex<Outcome>,
    ended: Condvar,
}

/// The outcome of a full search.
#[derive(Default)]
pub(super) struct Outcome {
    has_ended: bool,
    /// The size of the searched picture.
    pub size: (u32, u32),
    /// When it was captured.
    pub time_s: f64,
    /// None if the search has failed.
    pub faces: Vec<Detection>,
}

/// How a frame takes part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// It is searched at full size; the number of this search.
    Full(u64),
    /// It comes after the full search with this number.
    After(u64),
    /// There was no full search yet, or the frame is not searched.
    Neither,
}

impl Default for FullSearches {
    fn default() -> Self {
        Self { places: array::from_fn(|_| Place::default()) }
    }
}

impl FullSearches {
    /// Announces a full search. Must be called before a frame asks for it.
    pub fn begin(&self, number: u64) {
        self.place(number).lock().has_ended = false;
    }

    /// The full search with this number; it ends at the latest when this is dropped.
    pub fn pending(&self, number: u64) -> Pending<'_> {
        Pending { place: self.place(number), is_kept: false }
    }

    /// Waits for the outcome of a full search.
    pub fn wait(&self, number: u64) -> MutexGuard<'_, Outcome> {
        let place = self.place(number);
        let goes_on = |outcome: &mut Outcome| !outcome.has_ended;
        place.ended.wait_while(place.lock(), goes_on).unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, number: u64) -> &Place {
        &self.places[(number % self.places.len() as u64) as usize]
    }
}

impl Place {
    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A full search that has been announced.
pub(super) struct Pending<'a> {
    place: &'a Place,
    is_kept: bool,
}

impl Pending<'_> {
    /// Keeps what was found in a picture of this size, captured at `time_s`.
    pub fn keep(mut self, size: (u32, u32), time_s: f64, faces: &[Detection]) {
        let mut outcome = self.place.lock();
        (outcome.size, outcome.time_s) = (size, time_s);
        outcome.faces.clear();
        outcome.faces.extend_from_slice(faces);
        self.is_kept = true;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let mut outcome = self.place.lock();
        if !self.is_kept {
            outcome.faces.clear();
        }
        outcome.has_ended = true;
        drop(outcome);
        self.place.ended.notify_all();
    }
}
