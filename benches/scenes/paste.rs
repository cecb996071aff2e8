//! Pastes FER2013's faces into scenes.

use emotiond::frame::Frame;

/// How a face lies in a scene.
#[derive(Clone, Copy)]
pub struct Patch {
    /// Width and height in pixels, before it is turned.
    pub side: f32,
    /// Clockwise rotation in the picture's plane.
    pub tilt_deg: f32,
    /// Rotation about the vertical axis, seen from a distance of twice the side.
    pub turn_deg: f32,
}

/// The pixels of a scene with a 48x48 gray face in its centre.
pub fn paste(scene: &Frame, face: &[u8], patch: Patch) -> Vec<u8> {
    let (width, height) = (scene.picture.width as usize, scene.picture.height as usize);
    let (tilt_sin, tilt_cos) = patch.tilt_deg.to_radians().sin_cos();
    let (turn_sin, turn_cos) = patch.turn_deg.to_radians().sin_cos();
    let (scale, distance) = (48.0 / patch.side, 2.0 * patch.side);
    let mut pixels = scene.picture.pixels.clone();
    for (i, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let x = (i % width) as f32 + 0.5 - width as f32 / 2.0;
        let y = (i / width) as f32 + 0.5 - height as f32 / 2.0;
        let (x, y) = (x * tilt_cos + y * tilt_sin, y * tilt_cos - x * tilt_sin);
        let x = distance * x / (distance * turn_cos - x * turn_sin);
        let y = y * (distance + x * turn_sin) / distance;
        let (u, v) = (x * scale + 24.0, y * scale + 24.0);
        if (0.0..48.0).contains(&u) && (0.0..48.0).contains(&v) {
            pixel.fill(between(face, u - 0.5, v - 0.5));
        }
    }
    pixels
}

/// Bilinear interpolation between four pixels of a face.
fn between(face: &[u8], x: f32, y: f32) -> u8 {
    let (x, y) = (x.clamp(0.0, 47.0), y.clamp(0.0, 47.0));
    let (column, row) = ((x as usize).min(46), (y as usize).min(46));
    let (right, below) = (x - column as f32, y - row as f32);
    let at = |column: usize, row: usize| f32::from(face[row * 48 + column]);
    let upper = at(column, row) * (1.0 - right) + at(column + 1, row) * right;
    let lower = at(column, row + 1) * (1.0 - right) + at(column + 1, row + 1) * right;
    (upper * (1.0 - below) + lower * below).round() as u8
}
