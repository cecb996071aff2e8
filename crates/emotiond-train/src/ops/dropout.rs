//! The mask of a dropout, computed on all cores. burn draws one number after another, which takes longer than the
//! convolutions beside it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Numbers that have a stream of random bytes of their own.
const CHUNK: usize = 1 << 16;

/// `len` numbers: zero with probability `rate`, in steps of 1/65536, and `1 / (1 - rate)` otherwise.
pub(super) fn mask(len: usize, rate: f64, seed: u64) -> Vec<f32> {
    let threshold = (rate * 65536.0).round() as u32;
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mut mask = vec![0.0; len];
    mask.par_chunks_mut(CHUNK).enumerate().for_each(|(stream, mask)| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream as u64);
        let mut bytes = [0; 512];
        for numbers in mask.chunks_mut(bytes.len() / 2) {
            random.fill_bytes(&mut bytes);
            for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
                *number = if u32::from(u16::from_le_bytes(*bytes)) < threshold { 0.0 } else { kept };
            }
        }
    });
    mask
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_mask_keeps_its_part_and_the_mean_and_depends_on_the_seed() {
        for rate in [0.1, 0.25, 0.5] {
            let numbers = mask(200_000, rate, 3);
            let dropped = numbers.iter().filter(|number| **number == 0.0).count() as f64 / 200_000.0;
            assert!(
                (dropped - rate).abs() < 0.005,
                "{dropped} of the numbers were dropped instead of {rate}"
            );
            let mean = numbers.iter().map(|number| f64::from(*number)).sum::<f64>() / 200_000.0;
            assert!((mean - 1.0).abs() < 0.01, "the mean is {mean}");
            assert_eq!(numbers, mask(200_000, rate, 3));
            assert_ne!(numbers, mask(200_000, rate, 4));
            // The streams differ, too.
            assert_ne!(numbers[..1000], numbers[super::CHUNK..][..1000]);
        }
    }
}
