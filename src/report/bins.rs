//! Time in bins of equal width. The width doubles when there are too many bins, so that memory is bounded for any
//! length of recording.

/// Initial width of the bins. A power of two, so that sums of widths are exact.
const FINEST_S: f64 = 1.0 / 32.0;

/// The contents of a bin.
pub trait Cell: Clone + Default {
    /// Adds the contents of the following bin.
    fn merge(&mut self, later: &Self);
}

/// Bins from the first to the last time added.
#[derive(Clone)]
pub struct Bins<C> {
    capacity: usize,
    start: f64,
    width: f64,
    cells: Vec<C>,
}

impl<C: Cell> Bins<C> {
    /// Empty; will contain at most `capacity` bins (2 or more).
    pub fn new(capacity: usize) -> Self {
        Self::of_width(FINEST_S, capacity)
    }

    /// Empty, with an initial width.
    pub fn of_width(width: f64, capacity: usize) -> Self {
        Self { capacity, start: 0.0, width, cells: Vec::new() }
    }

    /// Distributes the time `from..to`: calls `put` with each overlapping bin and the seconds of overlap.
    pub fn add(&mut self, from: f64, to: f64, mut put: impl FnMut(&mut C, f64)) {
        if to <= from {
            return;
        }
        self.cover(from, to);
        let first = ((from - self.start) / self.width) as usize;
        for (index, cell) in self.cells.iter_mut().enumerate().skip(first) {
            let left = self.start + index as f64 * self.width;
            if left >= to {
                break;
            }
            put(cell, (to.min(left + self.width) - from.max(left)).max(0.0));
        }
    }

    /// The bins with their start times.
    pub fn iter(&self) -> impl Iterator<Item = (f64, &C)> {
        self.cells.iter().enumerate().map(|(index, cell)| (self.start + index as f64 * self.width, cell))
    }

    /// Width of a bin in seconds.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// The same contents in at most `capacity` bins.
    pub fn coarser(&self, capacity: usize) -> Self {
        let mut coarser = Self { capacity, ..self.clone() };
        while coarser.cells.len() > capacity {
            coarser.double();
        }
        coarser
    }

    /// Extends the bins to include `from..to`.
    fn cover(&mut self, from: f64, to: f64) {
        if self.cells.is_empty() {
            self.start = from.floor();
        }
        let (mut before, mut needed);
        loop {
            before = ((self.start - from) / self.width).ceil().max(0.0);
            needed = ((to - self.start) / self.width).ceil().max(self.cells.len() as f64);
            if before + needed <= self.capacity as f64 {
                break;
            }
            self.double();
        }
        self.start -= before * self.width;
        self.cells.splice(0..0, vec![C::default(); before as usize]);
        self.cells.resize(before as usize + needed as usize, C::default());
    }

    fn double(&mut self) {
        self.width *= 2.0;
        let pairs = self.cells.chunks(2).map(|pair| {
            let mut cell = pair[0].clone();
            pair[1..].iter().for_each(|later| cell.merge(later));
            cell
        });
        self.cells = pairs.collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    impl Cell for f64 {
        fn merge(&mut self, later: &Self) {
            *self += later;
        }
    }

    fn put(cell: &mut f64, seconds: f64) {
        *cell += seconds;
    }

    #[test]
    fn time_is_shared_out_among_the_bins() {
        let mut bins = Bins::new(4);
        bins.add(10.0, 10.0625, put);
        bins.add(10.0625, 10.078_125, put);
        let filled: Vec<(f64, f64)> = bins.iter().map(|(at, cell)| (at, *cell)).collect();
        assert_eq!(filled, [(10.0, 0.031_25), (10.031_25, 0.031_25), (10.0625, 0.015_625)]);
        bins.add(11.0, 12.0, put);
        assert_eq!(bins.width(), 0.5);
        assert_eq!(bins.iter().map(|(_, cell)| *cell).collect::<Vec<_>>(), [0.078_125, 0.0, 0.5, 0.5]);
    }

    #[test]
    fn time_before_the_first_is_taken_too() {
        let mut bins = Bins::new(8);
        bins.add(100.0, 101.0, put);
        bins.add(98.0, 99.0, put);
        let filled: Vec<(f64, f64)> = bins.iter().map(|(at, cell)| (at, *cell)).collect();
        assert_eq!(filled, [(98.0, 0.5), (98.5, 0.5), (99.0, 0.0), (99.5, 0.0), (100.0, 0.5), (100.5, 0.5)]);
    }

    #[test]
    fn an_absurd_time_ends_well() {
        let mut bins = Bins::new(16);
        bins.add(0.0, 1.0, put);
        bins.add(1e16, 1e16 + 64.0, put);
        assert_eq!(bins.iter().map(|(_, cell)| *cell).sum::<f64>(), 65.0);
    }

    proptest! {
        #[test]
        fn no_time_is_lost_and_no_bin_too_many(
            spans in prop::collection::vec((-1e4f64..1e5, 0f64..500.0), 1..60),
            capacity in 2usize..300,
        ) {
            let mut bins = Bins::new(capacity);
            for (from, length) in &spans {
                bins.add(*from, from + length, put);
            }
            let told: f64 = spans.iter().map(|(from, length)| (from + length) - from).sum();
            for bins in [bins.coarser(2), bins] {
                prop_assert!((bins.iter().map(|(_, cell)| *cell).sum::<f64>() - told).abs() < 1e-6);
                prop_assert!(bins.iter().count() <= capacity);
            }
        }

        #[test]
        fn a_bin_never_holds_more_than_its_width(from in 0f64..1e9, lengths in prop::collection::vec(0f64..9.0, 1..90)) {
            let mut bins = Bins::new(32);
            let mut at = from;
            for length in lengths {
                bins.add(at, at + length, put);
                at += length;
            }
            prop_assert!(bins.iter().all(|(_, cell)| *cell <= bins.width() + 1e-6));
        }
    }
}
