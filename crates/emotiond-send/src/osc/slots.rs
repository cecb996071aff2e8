//! Eight numbered places for the faces of a source. A face keeps its place for its life.

/// Places of a source.
pub const PLACES: usize = 8;

/// Which track has which place.
#[derive(Default)]
pub struct Slots([Option<u64>; PLACES]);

impl Slots {
    /// The place of a track, from 1. A new track gets the first free one; none if all are taken.
    pub fn place(&mut self, track: u64) -> Option<usize> {
        let known = self.0.iter().position(|taken| *taken == Some(track));
        let place = known.or_else(|| self.0.iter().position(Option::is_none))?;
        self.0[place] = Some(track);
        Some(place + 1)
    }

    /// Frees the places of the tracks that are not in view, and returns these places.
    pub fn free(&mut self, is_in_view: impl Fn(u64) -> bool) -> Vec<usize> {
        let mut freed = Vec::new();
        for (place, taken) in (1..).zip(&mut self.0) {
            if taken.is_some_and(|track| !is_in_view(track)) {
                *taken = None;
                freed.push(place);
            }
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_keeps_its_place_and_a_free_one_is_used_again() {
        let mut slots = Slots::default();
        assert_eq!([10, 11, 12, 10].map(|track| slots.place(track)), [Some(1), Some(2), Some(3), Some(1)]);
        assert_eq!(slots.free(|track| track != 11), [2]);
        assert_eq!([12, 13].map(|track| slots.place(track)), [Some(3), Some(2)]);
        assert_eq!((14..20).filter_map(|track| slots.place(track)).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    }
}
