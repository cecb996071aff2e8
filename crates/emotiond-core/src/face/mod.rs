//! Makes the input of a network from a detector's box: square crop, colour conversion, normalisation. The daemon, the
//! trainer and the evaluation share this code, so that a model gets the same input in use as in training.

mod cropper;
mod upright;

use crate::{
    classify::description::InputSpec,
    geometry::BoundingBox,
    levels::{Levels, Stretch},
    picture::PictureView,
};
pub use cropper::{Cropper, TiltedFace};

/// Position and size of the square crop relative to a detector's box, in parts of the box's longer side. The default is
/// the smallest square around the box's centre that contains the box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Framing {
    /// Total length added to the side (0.2: 10 % at each end); it may be negative.
    pub margin: f32,
    /// Distance of the square's centre below the box's centre.
    pub down: f32,
}

impl Framing {
    /// The same with another margin, if one is given.
    pub fn with_margin(self, margin: Option<f32>) -> Self {
        Self { margin: margin.unwrap_or(self.margin), ..self }
    }
}

/// Makes a network's input from faces: crops and normalises them.
pub struct InputCutter {
    cropper: Cropper,
    crop: Vec<u8>,
    framing: Framing,
    spec: InputSpec,
}

impl InputCutter {
    /// A cutter for a network with the input `spec`, with crops placed by `framing`.
    pub fn new(framing: Framing, spec: InputSpec) -> Self {
        Self { cropper: Cropper::new(), crop: vec![0; spec.crop_len()], framing, spec }
    }

    /// Appends the input of a face, `crop_len` numbers channel by channel, to `inputs`.
    pub fn append(&mut self, picture: &PictureView, face: &BoundingBox, inputs: &mut Vec<f32>) {
        self.append_upright(picture, &TiltedFace { bounds: *face, roll_deg: 0.0 }, inputs);
    }

    /// The same for a face that is tilted; it is rotated upright.
    pub fn append_upright(&mut self, picture: &PictureView, face: &TiltedFace, inputs: &mut Vec<f32>) {
        self.cropper.crop_upright(picture, face, self.framing, &self.spec, &mut self.crop);
        let start = inputs.len();
        inputs.resize(start + self.crop.len(), 0.0);
        normalize(&self.crop, &self.spec, &mut inputs[start..]);
    }

    /// The pixels of the latest crop before normalisation.
    pub fn crop(&self) -> PictureView<'_> {
        let side = self.spec.size as u32;
        PictureView::new(side, side, self.spec.color, &self.crop)
    }
}

/// The square placed by `framing` around the box `face`.
pub fn square(face: &BoundingBox, framing: Framing) -> BoundingBox {
    let longer = face.w.max(face.h);
    let side = longer * (1.0 + framing.margin);
    let (cx, cy) = face.center();
    BoundingBox::new(cx - side / 2.0, cy + longer * framing.down - side / 2.0, side, side)
}

/// Converts a crop (`size * size * channels` bytes, pixel by pixel) to the network's input (channel by channel):
/// `(pixel - mean) * scale`, after the level correction if `spec` has one.
///
/// # Panics
/// When the two lengths differ from `spec.crop_len()`.
pub fn normalize(crop: &[u8], spec: &InputSpec, out: &mut [f32]) {
    assert!(
        crop.len() == spec.crop_len() && out.len() == crop.len(),
        "a crop or an input of the wrong length"
    );
    let channels = spec.color.channels();
    let stretch = match spec.levels {
        Levels::Raw => Stretch::NONE,
        Levels::Auto => Stretch::of(crop, spec.size, spec.color),
    };
    for (channel, plane) in out.chunks_exact_mut(spec.size * spec.size).enumerate() {
        let (mean, scale) = (spec.mean[channel], spec.scale[channel]);
        for (value, pixel) in plane.iter_mut().zip(crop[channel..].iter().step_by(channels)) {
            *value = (stretch.level(f32::from(*pixel)) - mean) * scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::Color;

    #[test]
    fn normalising_separates_the_channels() {
        let spec = InputSpec {
            color: Color::Rgb,
            size: 1,
            mean: vec![0.0, 1.0, 2.0],
            scale: vec![1.0, 2.0, 0.5],
            levels: Levels::Raw,
            colorless: false,
        };
        let mut out = [0.0; 3];
        normalize(&[10, 11, 12], &spec, &mut out);
        assert_eq!(out, [10.0, 20.0, 5.0]);
    }
}
