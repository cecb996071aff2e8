//! Camera disturbances of fixed strength: the rows of `emotiond-train eval --field`.

use super::{Augmentation, Camera, Cover, Light, Turn};

/// The disturbances by name. The first one changes nothing.
pub fn disturbances() -> Vec<(&'static str, Augmentation)> {
    let plain = Augmentation::default;
    let light = |light| Augmentation { light, ..plain() };
    let camera = |camera| Augmentation { camera, ..plain() };
    let cover = |cover| Augmentation { cover: Some(cover), ..plain() };
    vec![
        ("none", plain()),
        ("20 % of the light", light(Light { dim: Some(0.2), ..Light::default() })),
        ("10 % of the light", light(Light { dim: Some(0.1), ..Light::default() })),
        ("20 % of the contrast", light(Light { pale: Some((0.2, 110.0)), ..Light::default() })),
        ("light from one side", light(Light { side: Some((0.85, 0.0)), ..Light::default() })),
        ("24 pixels wide", camera(Camera { resolution: Some(0.5), ..Camera::default() })),
        ("16 pixels wide", camera(Camera { resolution: Some(1.0 / 3.0), ..Camera::default() })),
        ("motion blur", camera(Camera { motion: Some((7.0, 0.5)), ..Camera::default() })),
        ("sensor noise", camera(Camera { noise: Some((14.0, 0)), ..Camera::default() })),
        ("JPEG, quality 15", camera(Camera { jpeg: Some(15), ..Camera::default() })),
        ("tilted by 30 degrees", Augmentation { rotation_deg: 30.0, ..plain() }),
        ("turned by 25 degrees", Augmentation { turn: Some(Turn::new(25.0, 0.0)), ..plain() }),
        ("mask", cover(Cover::Mask { top: 0.56, half_width: 0.36, value: 210.0 })),
        ("sunglasses", cover(Cover::Sunglasses { y: 0.39, lens: (0.17, 0.1), value: 20.0 })),
    ]
}
