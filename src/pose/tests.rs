use super::*;
use proptest::prelude::*;

fn config() -> PoseConfig {
    PoseConfig { facing_yaw_deg: 25.0, facing_pitch_deg: 20.0, time_constant_s: 0.2, hold_s: 0.3 }
}

fn turned(yaw: f32) -> Pose {
    Pose { yaw, ..Pose::default() }
}

fn moved(landmarks: &Landmarks, scale: f32, x: f32, y: f32) -> Landmarks {
    Landmarks(landmarks.scaled(scale).0.map(|point| Point::new(point.x + x, point.y + y)))
}

#[test]
fn signs_are_as_documented() {
    let [right_eye, left_eye, nose, ..] = Pose { yaw: 30.0, ..Pose::default() }.project().0;
    assert!(nose.x > (right_eye.x + left_eye.x) / 2.0, "yaw: the nose moves to the picture's right");
    let height = |pose: Pose| pose.project().0[2].y - pose.project().0[0].y;
    assert!(height(Pose { pitch: 20.0, ..Pose::default() }) < height(Pose::default()), "pitch: up");
    let [right_eye, left_eye, ..] = Pose { roll: 20.0, ..Pose::default() }.project().0;
    assert!(left_eye.y > right_eye.y, "roll: clockwise");
}

#[test]
fn points_that_are_no_face_have_no_pose() {
    for point in [Point::new(3.0, 4.0), Point::new(f32::NAN, 0.0), Point::new(f32::INFINITY, 0.0)] {
        assert_eq!(Pose::of(&Landmarks([point; 5])), None, "{point:?}");
    }
}

#[test]
fn a_glance_aside_is_not_looking_away_and_looking_away_is() {
    let mut attention = Attention::new(&config(), turned(0.0), 0.0);
    let mut at = 0;
    let mut look = |attention: &mut Attention, yaw: f32, frames: u32| {
        for _ in 0..frames {
            at += 1;
            attention.update(&config(), turned(yaw), f64::from(at) / 30.0);
        }
    };
    look(&mut attention, 0.0, 30);
    look(&mut attention, 60.0, 6);
    look(&mut attention, 0.0, 24);
    assert!(attention.facing());
    assert!((attention.facing_s() - 2.0).abs() < 1e-6, "{}", attention.facing_s());
    look(&mut attention, 60.0, 60);
    assert!(!attention.facing() && (attention.pose().yaw - 60.0).abs() < 1.0);
    assert!((2.2..2.8).contains(&attention.facing_s()), "{}", attention.facing_s());
    look(&mut attention, 0.0, 60);
    assert!(attention.facing());
}

#[test]
fn a_head_near_the_limit_does_not_flicker() {
    let mut attention = Attention::new(&config(), turned(24.0), 0.0);
    for frame in 1..300u32 {
        let wander = if frame / 20 % 2 == 0 { 4.0 } else { -4.0 };
        attention.update(&config(), turned(25.0 + wander), f64::from(frame) / 30.0);
        assert!(attention.facing(), "frame {frame}");
    }
}

#[test]
fn a_head_upside_down_is_averaged_the_short_way_round() {
    let upside_down = |roll| Pose { roll, ..Pose::default() };
    let mut attention = Attention::new(&config(), upside_down(178.0), 0.0);
    attention.update(&config(), upside_down(-178.0), 0.1);
    assert!(attention.pose().roll.abs() > 177.0, "{:?}", attention.pose());
}

proptest! {
    #[test]
    fn a_projected_pose_is_found_again(
        yaw in -65f32..65.0, pitch in -40f32..40.0, roll in -179f32..179.0, scale in 5f32..500.0, x in -500f32..2000.0,
    ) {
        let pose = Pose { yaw, pitch, roll };
        let found = Pose::of(&moved(&pose.project(), scale, x, x / 2.0)).unwrap();
        for (found, truth) in [(found.yaw, yaw), (found.pitch, pitch), (found.roll, roll)] {
            prop_assert!(turn(found - truth).abs() < 1.0, "{:?} for {:?}", found, pose);
        }
    }
}
