//! Random numbers that depend on what they are for and on nothing else, so that a run repeats whatever the number of
//! threads, and goes on after a stop as if there had been none.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What is drawn. Each has its own stream.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// The validation rows.
    Split = 1,
    /// The order of an epoch.
    Order = 2,
    /// The augmentation of one picture.
    Augment = 3,
    /// The partners and parts of a batch's mixup.
    Mixup = 4,
}

impl Draw {
    /// The generator for this purpose under `seed`, in `epoch`, for the picture or batch `index`.
    pub fn random(self, seed: u64, epoch: u64, index: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        for (bytes, word) in key.chunks_exact_mut(8).zip([self as u64, seed, epoch, index]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        ChaCha8Rng::from_seed(key)
    }
}
