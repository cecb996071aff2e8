//! Tick positions on an axis.

use super::clock::TimeAxis;

/// Usual steps of time axes, in seconds.
const TIME_STEPS: [f64; 21] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10_800.0, 21_600.0, 43_200.0, 86_400.0,
];
/// Maximum number of ticks, so that labels do not overlap.
const MOST_TICKS: f64 = 7.0;

/// The ticks within `from..to` of a time axis, and the step between them.
pub fn ticks(axis: TimeAxis, (from, to): (f64, f64)) -> (Vec<f64>, f64) {
    let fits = |step: f64| (to - from) / step <= MOST_TICKS;
    let of_time = TIME_STEPS
        .into_iter()
        .filter(|step| axis != TimeAxis::Pictures || *step >= 1.0)
        .find(|step| fits(*step));
    let step = of_time.unwrap_or_else(|| round_up((to - from) / MOST_TICKS / 86_400.0) * 86_400.0);
    let first = (from / step).ceil();
    let last = (to / step).floor();
    (
        (0..=(last - first).max(0.0) as u32)
            .map(|index| (first + f64::from(index)) * step)
            .filter(|at| *at <= to)
            .collect(),
        step,
    )
}

/// The smallest of 1, 2, 5, 10, 20, 50, ... that is at least `value`.
pub fn round_up(value: f64) -> f64 {
    let decade = 10f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * decade).find(|step| *step >= value).unwrap_or(decade)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(TimeAxis::Wall, (65.0, 700.0)), (vec![120.0, 240.0, 360.0, 480.0, 600.0], 120.0));
        assert_eq!(ticks(TimeAxis::Media, (0.0, 3.0)).1, 0.5);
        assert_eq!(ticks(TimeAxis::Pictures, (0.0, 3.0)).0, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!([0.3, 1.0, 3.0, 11.0, 60.0].map(round_up), [1.0, 1.0, 5.0, 20.0, 100.0]);
    }

    proptest! {
        #[test]
        fn ticks_lie_inside_and_are_few(from in 0f64..2e9, length in 0.001f64..1e9) {
            let (ticks, step) = ticks(TimeAxis::Wall, (from, from + length));
            prop_assert!(ticks.len() <= 8 && step > 0.0);
            prop_assert!(ticks.iter().all(|at| *at >= from - 1e-6 && *at <= from + length + 1e-6));
        }
    }
}
