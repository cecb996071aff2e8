//! Which face is which track: the pairing with the largest sum of overlaps (Kuhn, "The Hungarian method for the
//! assignment problem", 1955).

use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

/// Overlaps become whole numbers for the method: a millionth is fine enough.
const UNITS: f32 = 1e6;

/// Pairs `tracks` with `faces`, both by index, so that the sum of `overlap(track, face)` is the largest; pairs whose
/// overlap is under `least` or 0 are not made.
pub(super) fn assign(
    tracks: usize,
    faces: usize,
    least: f32,
    overlap: impl Fn(usize, usize) -> f32,
) -> Vec<(usize, usize)> {
    // The method wants at least as many columns as rows.
    let swapped = tracks > faces;
    let (rows, columns) = if swapped { (faces, tracks) } else { (tracks, faces) };
    if rows == 0 {
        return Vec::new();
    }
    let weights = Matrix::from_fn(rows, columns, |(row, column)| {
        let value = if swapped { overlap(column, row) } else { overlap(row, column) };
        if value > 0.0 && value >= least { (value * UNITS) as i64 } else { 0 }
    });
    let (_, chosen) = kuhn_munkres(&weights);
    chosen
        .into_iter()
        .enumerate()
        .filter(|&(row, column)| weights[(row, column)] > 0)
        .map(|(row, column)| if swapped { (column, row) } else { (row, column) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The best sum over all pairings, by trying them all.
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
