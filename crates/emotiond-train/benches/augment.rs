//! Measures how many pictures per second one thread augments and normalises, with all kinds of augmentation enabled.
//!
//! cargo bench -p emotiond-train --bench augment

use emotiond_core::{classify::description::InputSpec, face::normalize, picture::Color};
use emotiond_train::{
    augment::{Augmentation, Original},
    random::Draw,
    recipe::AugmentSection,
};
use std::{hint::black_box, time::Instant};

const PICTURES: u64 = 20_000;
const ROUNDS: usize = 5;

fn main() {
    let section = AugmentSection {
        flip: 0.5,
        shift_px: 4.0,
        rotation_deg: 15.0,
        zoom: Some([0.9, 1.2]),
        brightness: 0.2,
        contrast: 0.2,
        erase: 0.5,
        ..AugmentSection::default()
    };
    let spec = InputSpec::fer2013();
    let pixels: Vec<u8> = (0..spec.crop_len()).map(|i| (i * 31 % 251) as u8).collect();
    let source = Original { pixels: &pixels, side: spec.size, color: Color::Gray };
    let (mut crop, mut input) = (vec![0; spec.crop_len()], vec![0.0; spec.crop_len()]);
    for round in 1..=ROUNDS {
        let start = Instant::now();
        for picture in 0..PICTURES {
            let mut random = Draw::Augment.random(1, round as u64, picture);
            Augmentation::draw(&section, &mut random).apply(&source, spec.size, &mut crop);
            normalize(&crop, &spec, &mut input);
            black_box(&input);
        }
        println!("round {round}: {:.0} pictures/s", PICTURES as f64 / start.elapsed().as_secs_f64());
    }
}
