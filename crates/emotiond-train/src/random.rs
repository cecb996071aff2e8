//! Random numbers that depend only on seed, purpose, epoch and index. A run is therefore reproducible with any number
//! of threads, and a resumed run gives the same result as an uninterrupted one.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The purpose of random numbers. Each purpose has its own stream.
#[derive(Clone, Copy, Debug)]
pub enum Draw {
    /// The choice of the validation rows.
    Split = 1,
    /// The order of the examples in an epoch.
    Order = 2,
    /// The augmentation of one picture.
    Augment = 3,
    /// The pairs and weights of a batch's mixup.
    Mixup = 4,
    /// A key's value in a trial of a search; the trial counts as the epoch.
    Trial = 5,
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
