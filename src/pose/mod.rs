//! Head pose: yaw, pitch and roll from the five landmarks of a face, and whether it looks towards the camera.

use crate::landmarks::Landmarks;
use emotiond_core::{config::values, geometry::Point};
use serde::{Deserialize, Serialize};

/// `[pose]`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoseConfig {
    /// A face looks towards the camera if it is turned sideways by at most this many degrees, ...
    #[serde(deserialize_with = "values::degrees")]
    pub facing_yaw_deg: f32,
    /// ... and up or down by at most this many.
    #[serde(deserialize_with = "values::degrees")]
    pub facing_pitch_deg: f32,
    /// Time constant in seconds, in which the weight of old poses falls to 37 %; 0 turns smoothing off.
    #[serde(deserialize_with = "values::seconds")]
    pub time_constant_s: f32,
    /// `facing` changes after the face has been in the other state for this many seconds.
    #[serde(deserialize_with = "values::seconds")]
    pub hold_s: f32,
}

impl Default for PoseConfig {
    fn default() -> Self {
        Self { facing_yaw_deg: 25.0, facing_pitch_deg: 20.0, time_constant_s: 0.2, hold_s: 0.3 }
    }
}

/// The landmarks of a mean face in the order of [`Landmarks`], in units of the distance between the eyes; axes: right,
/// down, towards the camera. Measured with YuNet on FER2013's Training: heights and widths are medians of frontal
/// faces; the depth of the nose is derived from the decrease of the eye distance as the nose moves sideways.
const MEAN_FACE: [[f32; 3]; 5] =
    [[-0.5, -0.5, 0.0], [0.5, -0.5, 0.0], [0.0, 0.04, 0.47], [-0.42, 0.5, 0.05], [0.42, 0.5, 0.05]];
/// Number of Gauss-Newton steps; enough to find a rotation of 70 degrees from a frontal start.
const STEPS: usize = 10;
/// Maximum angle; five points do not determine larger ones.
const MOST_TURNED: f32 = 85.0;
/// Hysteresis: how far a face that looks towards the camera may turn beyond the limits, in degrees.
const HYSTERESIS_DEG: f32 = 5.0;

/// Head pose in degrees; all angles are 0 for an upright face that looks straight at the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Positive towards the right edge of the picture, which is the person's left.
    pub yaw: f32,
    /// Positive is up.
    pub pitch: f32,
    /// In-plane rotation: positive is clockwise in the picture.
    pub roll: f32,
}

impl Pose {
    /// The pose in which `MEAN_FACE`, scaled and projected along the camera's axis, is closest to the landmarks (least
    /// squares under weak perspective, the camera model of DeMenthon and Davis, "Model-based object pose in 25 lines of
    /// code", 1995). Position, scale and roll have closed forms; yaw and pitch are found by Gauss-Newton steps on the
    /// remaining residual (variable projection). `None` if the points are degenerate.
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let points = centered(landmarks.0.map(|point| Complex { re: point.x, im: point.y }));
        let (mut yaw, mut pitch) = (0.0f32, 0.0f32);
        let limit = MOST_TURNED.to_radians();
        for _ in 0..STEPS {
            let (step_yaw, step_pitch) = step(&points, yaw, pitch)?;
            yaw = (yaw + step_yaw.clamp(-0.5, 0.5)).clamp(-limit, limit);
            pitch = (pitch + step_pitch.clamp(-0.5, 0.5)).clamp(-limit, limit);
        }
        let roll = similarity(&points, &Projection::new(yaw, pitch).points)?;
        let pose = Self {
            yaw: yaw.to_degrees(),
            pitch: pitch.to_degrees(),
            roll: roll.im.atan2(roll.re).to_degrees(),
        };
        [pose.yaw, pose.pitch, pose.roll].iter().all(|angle| angle.is_finite()).then_some(pose)
    }

    /// The landmarks of the mean face in this pose, centred on the origin, with an eye distance of one pixel.
    pub fn project(&self) -> Landmarks {
        let projection = Projection::new(self.yaw.to_radians(), self.pitch.to_radians());
        let (sin, cos) = self.roll.to_radians().sin_cos();
        let roll = Complex { re: cos, im: sin };
        Landmarks(projection.points.map(|point| {
            let turned = point.times(roll);
            Point::new(turned.re, turned.im)
        }))
    }

    /// The angle between the face's direction and the camera, in degrees.
    pub fn away_deg(&self) -> f32 {
        (self.yaw.to_radians().cos() * self.pitch.to_radians().cos()).clamp(-1.0, 1.0).acos().to_degrees()
    }

    /// Whether the face looks towards the camera, with the limits extended by `slack_deg`.
    pub fn faces(&self, config: &PoseConfig, slack_deg: f32) -> bool {
        self.yaw.abs() <= config.facing_yaw_deg + slack_deg
            && self.pitch.abs() <= config.facing_pitch_deg + slack_deg
    }

    fn towards(&self, other: &Self, part: f32) -> Self {
        // Interpolate along the shorter arc, also across 180 degrees.
        let roll = self.roll + turn(other.roll - self.roll) * part;
        Self {
            yaw: self.yaw + (other.yaw - self.yaw) * part,
            pitch: self.pitch + (other.pitch - self.pitch) * part,
            roll: turn(roll),
        }
    }
}

/// Normalises an angle to -180 to 180 degrees.
fn turn(angle: f32) -> f32 {
    (angle + 180.0).rem_euclid(360.0) - 180.0
}

/// A face's pose smoothed over time, and how long the face looked towards the camera.
pub struct Attention {
    pose: Pose,
    time_s: f64,
    facing: bool,
    /// Time since which the pose has been on the other side of the limits.
    other_since_s: Option<f64>,
    facing_s: f64,
}

impl Attention {
    /// The first pose of a face.
    pub fn new(config: &PoseConfig, pose: Pose, time_s: f64) -> Self {
        Self { pose, time_s, facing: pose.faces(config, 0.0), other_since_s: None, facing_s: 0.0 }
    }

    /// Adds the pose at `time_s` to an exponential moving average. `facing` changes after the average has been on the
    /// other side of the limits for `hold_s`.
    pub fn update(&mut self, config: &PoseConfig, pose: Pose, time_s: f64) {
        let elapsed_s = (time_s - self.time_s).max(0.0);
        self.facing_s += if self.facing { elapsed_s } else { 0.0 };
        self.time_s = self.time_s.max(time_s);
        let time_constant_s = f64::from(config.time_constant_s);
        let part =
            if time_constant_s > 0.0 { 1.0 - (-elapsed_s / time_constant_s).exp() as f32 } else { 1.0 };
        self.pose = self.pose.towards(&pose, part);
        let slack_deg = if self.facing { HYSTERESIS_DEG } else { 0.0 };
        if self.pose.faces(config, slack_deg) == self.facing {
            self.other_since_s = None;
            return;
        }
        let since_s = *self.other_since_s.get_or_insert(self.time_s);
        if self.time_s - since_s >= f64::from(config.hold_s) {
            (self.facing, self.other_since_s) = (!self.facing, None);
        }
    }

    /// The smoothed pose.
    pub fn pose(&self) -> Pose {
        self.pose
    }

    /// Whether the face looks towards the camera.
    pub fn facing(&self) -> bool {
        self.facing
    }

    /// Seconds in which the face looked towards the camera.
    pub fn facing_s(&self) -> f64 {
        self.facing_s
    }
}

/// A complex number: a point of the plane, or a factor that scales and rotates.
#[derive(Clone, Copy)]
struct Complex {
    re: f32,
    im: f32,
}

impl Complex {
    fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    /// `other` times the conjugate of this number.
    fn conjugate_times(self, other: Self) -> Self {
        Self { re: self.re, im: -self.im }.times(other)
    }

    fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    fn scaled(self, factor: f32) -> Self {
        Self { re: self.re * factor, im: self.im * factor }
    }

    fn norm(self) -> f32 {
        self.re * self.re + self.im * self.im
    }
}

type Shape = [Complex; 5];

/// The projection of the mean face without roll, and the derivatives of its points with respect to yaw and pitch.
struct Projection {
    points: Shape,
    by_yaw: Shape,
    by_pitch: Shape,
}

impl Projection {
    /// Angles are in radians; yaw is applied before pitch.
    fn new(yaw: f32, pitch: f32) -> Self {
        let ((sin_yaw, cos_yaw), (sin_pitch, cos_pitch)) = (yaw.sin_cos(), pitch.sin_cos());
        // Horizontal position and depth after yaw.
        let side = |[x, _, z]: [f32; 3]| cos_yaw * x + sin_yaw * z;
        let depth = |[x, _, z]: [f32; 3]| -sin_yaw * x + cos_yaw * z;
        let shape = |point: fn([f32; 3], f32, f32, (f32, f32)) -> Complex| {
            centered(MEAN_FACE.map(|at| point(at, side(at), depth(at), (sin_pitch, cos_pitch))))
        };
        Self {
            points: shape(|at, side, depth, (sin, cos)| Complex { re: side, im: cos * at[1] - sin * depth }),
            by_yaw: shape(|_, side, depth, (sin, _)| Complex { re: depth, im: sin * side }),
            by_pitch: shape(|at, _, depth, (sin, cos)| Complex { re: 0.0, im: -sin * at[1] - cos * depth }),
        }
    }
}

/// The points relative to their mean.
fn centered(points: Shape) -> Shape {
    let sum = |of: fn(&Complex) -> f32| points.iter().map(of).sum::<f32>() / points.len() as f32;
    let mean = Complex { re: sum(|point| point.re), im: sum(|point| point.im) };
    points.map(|point| point.minus(mean))
}

/// The factor that maps `shape` closest to `points`; `None` if all points of one of them coincide.
fn similarity(points: &Shape, shape: &Shape) -> Option<Complex> {
    let product = |(point, model): (&Complex, &Complex)| model.conjugate_times(*point);
    let products = points.iter().zip(shape).map(product);
    let sum =
        products.fold(Complex { re: 0.0, im: 0.0 }, |a, b| Complex { re: a.re + b.re, im: a.im + b.im });
    let factor = sum.scaled(1.0 / shape.iter().map(|point| point.norm()).sum::<f32>());
    (factor.norm() > 0.0 && factor.norm().is_finite()).then_some(factor)
}

/// One Gauss-Newton step of yaw and pitch, in radians.
fn step(points: &Shape, yaw: f32, pitch: f32) -> Option<(f32, f32)> {
    let Projection { points: model, by_yaw, by_pitch } = Projection::new(yaw, pitch);
    let factor = similarity(points, &model)?;
    let unturned = Complex { re: factor.re, im: -factor.im }.scaled(1.0 / factor.norm());
    // Project out the part of the derivatives that scale and roll can account for.
    let rest = |motion: Shape| {
        let part = similarity(&motion, &model).unwrap_or(Complex { re: 0.0, im: 0.0 });
        let mut rest = motion;
        rest.iter_mut().zip(&model).for_each(|(value, point)| *value = value.minus(part.times(*point)));
        rest
    };
    let (by_yaw, by_pitch) = (rest(by_yaw), rest(by_pitch));
    let mut residual = points.map(|point| point.times(unturned));
    residual.iter_mut().zip(&model).for_each(|(value, point)| *value = value.minus(*point));
    let dot = |a: &Shape, b: &Shape| a.iter().zip(b).map(|(a, b)| a.re * b.re + a.im * b.im).sum::<f32>();
    // Slight damping, for poses in which one of the angles hardly moves the points.
    let (a, b, c) = (dot(&by_yaw, &by_yaw) + 1e-3, dot(&by_yaw, &by_pitch), dot(&by_pitch, &by_pitch) + 1e-3);
    let (u, v) = (dot(&by_yaw, &residual), dot(&by_pitch, &residual));
    let determinant = a * c - b * b;
    Some(((u * c - v * b) / determinant, (v * a - u * b) / determinant))
}

#[cfg(test)]
mod tests;
