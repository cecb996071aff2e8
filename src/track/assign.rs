//! Assigns detections to tracks so that the sum of overlaps is maximal (Kuhn, "The Hungarian method for the assignment
//! problem", 1955).

use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

/// Overlaps are converted to integers with this resolution.
const UNITS: f32 = 1e6;

/// A possible pair: track, face and their overlap.
type Candidate = (usize, usize, f32);

/// Assigns faces to tracks; keeps its memory to avoid allocations.
#[derive(Default)]
pub(super) struct Assignment {
    candidates: Vec<Candidate>,
    taken: Vec<bool>,
    pairs: Vec<(usize, usize)>,
}

impl Assignment {
    /// Assigns `faces` to `tracks`, both by index, so that the sum of `overlap(track, face)` is maximal. Pairs with an
    /// overlap below `least` or of 0 are excluded.
    pub fn solve(
        &mut self,
        tracks: usize,
        faces: usize,
        least: f32,
        overlap: impl Fn(usize, usize) -> f32,
    ) -> &[(usize, usize)] {
        self.candidates.clear();
        for track in 0..tracks {
            let overlaps = (0..faces).map(|face| (track, face, overlap(track, face)));
            self.candidates.extend(overlaps.filter(|(.., value)| *value > 0.0 && *value >= least));
        }
        self.pairs.clear();
        if self.is_undisputed(faces) {
            self.pairs.extend(self.candidates.iter().map(|&(track, face, _)| (track, face)));
        } else {
            self.solve_dispute(tracks, faces);
        }
        &self.pairs
    }

    /// Whether each track and each face has at most one candidate, as in most frames.
    fn is_undisputed(&mut self, faces: usize) -> bool {
        if self.candidates.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return false;
        }
        self.taken.clear();
        self.taken.resize(faces, false);
        self.candidates.iter().all(|&(_, face, _)| !std::mem::replace(&mut self.taken[face], true))
    }

    fn solve_dispute(&mut self, tracks: usize, faces: usize) {
        // The algorithm requires at least as many columns as rows.
        let swapped = tracks > faces;
        let mut weights = Matrix::new(tracks.min(faces), tracks.max(faces), 0);
        for &(track, face, value) in &self.candidates {
            let place = if swapped { (face, track) } else { (track, face) };
            weights[place] = (value * UNITS) as i64;
        }
        let (_, chosen) = kuhn_munkres(&weights);
        let pairs = chosen.into_iter().enumerate().filter(|&place| weights[place] > 0);
        self.pairs.extend(pairs.map(|(row, column)| if swapped { (column, row) } else { (row, column) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The maximal sum over all assignments, by brute force.
    fn best_sum(overlaps: &[Vec<f32>], least: f32, free: &mut Vec<bool>) -> f32 {
        let Some((row, rest)) = overlaps.split_first() else { return 0.0 };
        let mut best = best_sum(rest, least, free);
        for face in 0..row.len() {
            if free[face] && row[face] >= least {
                free[face] = false;
                best = best.max(row[face] + best_sum(rest, least, free));
                free[face] = true;
            }
        }
        best
    }

    fn assign(
        tracks: usize,
        faces: usize,
        least: f32,
        overlap: impl Fn(usize, usize) -> f32,
    ) -> Vec<(usize, usize)> {
        Assignment::default().solve(tracks, faces, least, overlap).to_vec()
    }

    #[test]
    fn the_sum_counts_and_not_the_best_pair() {
        let overlaps = [[0.9, 0.8], [0.85, 0.0]];
        let mut pairs = assign(2, 2, 0.3, |t, f| overlaps[t][f]);
        pairs.sort_unstable();
        assert_eq!(pairs, [(0, 1), (1, 0)]);
        assert!(assign(3, 0, 0.3, |_, _| 1.0).is_empty() && assign(0, 3, 0.3, |_, _| 1.0).is_empty());
    }

    proptest! {
        #[test]
        fn no_pairing_is_better(
            overlaps in (1usize..5, 1usize..5)
                .prop_flat_map(|(t, f)| prop::collection::vec(prop::collection::vec(0f32..1.0, f), t)),
            least in 0.01f32..0.6,
        ) {
            let pairs = assign(overlaps.len(), overlaps[0].len(), least, |t, f| overlaps[t][f]);
            let sum: f32 = pairs.iter().map(|&(t, f)| overlaps[t][f]).sum();
            let best = best_sum(&overlaps, least, &mut vec![true; overlaps[0].len()]);
            prop_assert!((sum - best).abs() < 1e-4, "{sum} where {best} can be had");
            for (i, &(t, f)) in pairs.iter().enumerate() {
                prop_assert!(overlaps[t][f] >= least);
                prop_assert!(pairs[..i].iter().all(|&(other_t, other_f)| other_t != t && other_f != f));
            }
        }
    }
}
