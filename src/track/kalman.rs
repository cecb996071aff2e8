//! A Kalman filter over a face's box: SORT's constant-velocity model (Bewley et al., "Simple online and realtime
//! tracking", 2016) with centre and size as states, and noise proportional to the box as in ByteTrack (Zhang et al.,
//! 2022). Time is in seconds, so that dropped frames and any frame rate are handled. The noise of the four states is
//! independent, so the filter with eight dimensions is split into four with two.

use emotiond_core::geometry::BoundingBox;

/// Time constant in seconds with which the velocity decays, so that the prediction of a hidden face does not drift
/// away.
const SPEED_FADES_S: f32 = 0.5;
/// Standard deviation of a detected edge, as a fraction of the box's longer side.
const MEASURED: f32 = 0.05;
/// Process noise: standard deviation of the change of velocity in one second, in sides per second, for centre and size.
const CENTER_WANDERS: f32 = 3.0;
const SIZE_WANDERS: f32 = 0.5;
/// Initial standard deviation of a new face's velocity, in sides per second.
const FIRST_SPEED: f32 = 1.0;

/// Position, size and motion of a face.
#[derive(Clone, Debug)]
pub(super) struct BoxFilter {
    center_x: AxisFilter,
    center_y: AxisFilter,
    width: AxisFilter,
    height: AxisFilter,
}

/// A value and its velocity, with their covariance.
#[derive(Clone, Debug)]
struct AxisFilter {
    value: f32,
    speed: f32,
    value_variance: f32,
    covariance: f32,
    speed_variance: f32,
}

impl BoxFilter {
    /// A new face, assumed to be at rest.
    pub fn new(bounds: &BoundingBox) -> Self {
        let side = side(bounds);
        let axis = |value| AxisFilter::new(value, MEASURED * side, FIRST_SPEED * side);
        let (x, y) = bounds.center();
        Self { center_x: axis(x), center_y: axis(y), width: axis(bounds.w), height: axis(bounds.h) }
    }

    /// Predicts the state after `elapsed_s`.
    pub fn predict(&mut self, elapsed_s: f32) {
        let side = side(&self.bounds());
        for axis in [&mut self.center_x, &mut self.center_y] {
            axis.predict(elapsed_s, CENTER_WANDERS * side);
        }
        for axis in [&mut self.width, &mut self.height] {
            axis.predict(elapsed_s, SIZE_WANDERS * side);
            axis.value = axis.value.max(1.0);
        }
    }

    /// Updates the state with a detection.
    pub fn correct(&mut self, seen: &BoundingBox) {
        let deviation = MEASURED * side(seen);
        let (x, y) = seen.center();
        self.center_x.correct(x, deviation);
        self.center_y.correct(y, deviation);
        self.width.correct(seen.w, deviation);
        self.height.correct(seen.h, deviation);
    }

    /// The estimated box.
    pub fn bounds(&self) -> BoundingBox {
        let (w, h) = (self.width.value, self.height.value);
        BoundingBox::new(self.center_x.value - w / 2.0, self.center_y.value - h / 2.0, w, h)
    }

    /// The estimated velocity of the centre, in pixels per second.
    pub fn speed(&self) -> (f32, f32) {
        (self.center_x.speed, self.center_y.speed)
    }
}

/// How many seconds a face at its present velocity takes for the way that it goes in `elapsed_s` while its velocity
/// decays.
pub(super) fn slowing_s(elapsed_s: f32) -> f32 {
    SPEED_FADES_S * (1.0 - (-elapsed_s / SPEED_FADES_S).exp())
}

/// The longer side, at least 1.
fn side(bounds: &BoundingBox) -> f32 {
    bounds.w.max(bounds.h).max(1.0)
}

impl AxisFilter {
    fn new(value: f32, deviation: f32, speed_deviation: f32) -> Self {
        Self {
            value,
            speed: 0.0,
            value_variance: deviation * deviation,
            covariance: 0.0,
            speed_variance: speed_deviation * speed_deviation,
        }
    }

    /// `wander` is the standard deviation of the change of velocity in one second.
    fn predict(&mut self, elapsed_s: f32, wander: f32) {
        let kept = (-elapsed_s / SPEED_FADES_S).exp();
        let reach_s = slowing_s(elapsed_s);
        self.value += self.speed * reach_s;
        self.speed *= kept;
        let noise = wander * wander * elapsed_s;
        self.value_variance += reach_s * (2.0 * self.covariance + reach_s * self.speed_variance)
            + noise * elapsed_s * elapsed_s / 3.0;
        self.covariance = kept * (self.covariance + reach_s * self.speed_variance) + noise * elapsed_s / 2.0;
        self.speed_variance = kept * kept * self.speed_variance + noise;
    }

    fn correct(&mut self, seen: f32, deviation: f32) {
        let total = self.value_variance + deviation * deviation;
        let (gain, speed_gain) = (self.value_variance / total, self.covariance / total);
        let surprise = seen - self.value;
        self.value += gain * surprise;
        self.speed += speed_gain * surprise;
        self.speed_variance -= speed_gain * self.covariance;
        self.covariance *= 1.0 - gain;
        self.value_variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(x: f32) -> BoundingBox {
        BoundingBox::new(x, 50.0, 100.0, 120.0)
    }

    #[test]
    fn a_steady_motion_is_foreseen_at_any_rate() {
        for rate in [5u8, 30, 120] {
            let step_s = 1.0 / f32::from(rate);
            let mut filter = BoxFilter::new(&at(0.0));
            for frame in 1..=2 * rate {
                filter.predict(step_s);
                filter.correct(&at(100.0 * f32::from(frame) * step_s));
            }
            filter.predict(0.1);
            let x = filter.bounds().x;
            assert!((205.0..215.0).contains(&x), "{rate} frames a second: {x} where 210 was to come");
        }
    }

    #[test]
    fn a_hidden_face_comes_to_rest() {
        let mut filter = BoxFilter::new(&at(0.0));
        for frame in 1..=30u8 {
            filter.predict(1.0 / 30.0);
            filter.correct(&at(f32::from(frame) * 5.0));
        }
        filter.predict(60.0);
        assert!((150.0..260.0).contains(&filter.bounds().x), "{:?}", filter.bounds());
    }

    proptest! {
        #[test]
        fn whatever_is_seen_the_state_stays_sound(
            sights in prop::collection::vec((0f32..5.0, -1e4f32..1e4, -1e4f32..1e4, 1f32..2e3, 1f32..2e3), 1..60),
        ) {
            let mut filter = BoxFilter::new(&at(0.0));
            for (elapsed_s, x, y, w, h) in sights {
                filter.predict(elapsed_s);
                filter.correct(&BoundingBox::new(x, y, w, h));
                let bounds = filter.bounds();
                prop_assert!([bounds.x, bounds.y, bounds.w, bounds.h].iter().all(|v| v.is_finite()));
                for axis in [&filter.center_x, &filter.center_y, &filter.width, &filter.height] {
                    prop_assert!(axis.value_variance >= 0.0 && axis.speed_variance >= 0.0);
                }
            }
        }
    }
}
