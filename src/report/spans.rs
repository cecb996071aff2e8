//! Statistics of durations in constant memory.

use hdrhistogram::Histogram;

/// Durations are limited to this for the median.
const LONGEST_MS: u64 = 366 * 24 * 3600 * 1000;

/// Durations. The median is accurate to a thousandth, all else is exact.
#[derive(Clone)]
pub struct Spans {
    milliseconds: Histogram<u32>,
    total_s: f64,
    longest_s: f64,
}

impl Default for Spans {
    fn default() -> Self {
        let mut milliseconds = Histogram::new(3).expect("three digits are allowed");
        // Grows with longer durations.
        milliseconds.auto(true);
        Self { milliseconds, total_s: 0.0, longest_s: 0.0 }
    }
}

impl Spans {
    /// Adds a duration.
    pub fn add(&mut self, seconds: f64) {
        let milliseconds = ((seconds * 1000.0).round() as u64).min(LONGEST_MS);
        self.milliseconds.record(milliseconds).expect("the histogram grows automatically");
        self.total_s += seconds;
        self.longest_s = self.longest_s.max(seconds);
    }

    /// Adds all durations of `other`.
    pub fn add_all(&mut self, other: &Self) {
        self.milliseconds.add(&other.milliseconds).expect("the histogram grows automatically");
        self.total_s += other.total_s;
        self.longest_s = self.longest_s.max(other.longest_s);
    }

    /// Number of durations.
    pub fn count(&self) -> u64 {
        self.milliseconds.len()
    }

    /// Sum in seconds.
    pub fn total_s(&self) -> f64 {
        self.total_s
    }

    /// Maximum in seconds.
    pub fn longest_s(&self) -> f64 {
        self.longest_s
    }

    /// Median in seconds; 0 if there are no durations.
    pub fn median_s(&self) -> f64 {
        (self.milliseconds.value_at_quantile(0.5) as f64 / 1000.0).min(self.longest_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_summed_up() {
        let mut spans = Spans::default();
        assert_eq!((spans.count(), spans.median_s(), spans.longest_s()), (0, 0.0, 0.0));
        for seconds in [0.0, 0.25, 1.5, 4000.0, 1e12] {
            spans.add(seconds);
        }
        assert_eq!((spans.count(), spans.median_s(), spans.longest_s()), (5, 1.5, 1e12));
        spans.add(0.5);
        assert_eq!(spans.median_s(), 0.5);
    }
}
