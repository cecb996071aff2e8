//! Checkpoints: everything that is needed to resume a run, in one file that is replaced atomically.
//!
//! The file is a word that names the format, the length of a header in JSON, the header, the weights, their moving average,
//! the optimizer's state, and the CRC-32C of all that. Numbers are little-endian.

use super::arch::{Network, NetworkSpec};
use super::history::EpochRecord;
use super::recipe::Recipe;
use super::schedule::{Plateau, Schedule};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use emotiond_core::files;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"EMOTCKP2";
/// The format before there was a checksum, which is still read.
const MAGIC_UNCHECKED: &[u8; 8] = b"EMOTCKP1";

/// Why a checkpoint cannot be written or read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The file cannot be written.
    #[error("cannot write {}: {source}; the previous checkpoint is intact: free space or fix the folder, then continue with --resume", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not a checkpoint, is incomplete, or has other bytes than those that were written.
    #[error("{} is not a checkpoint of this program, or it is damaged: restore it from a copy, or start again in another folder, with --from and the run's other checkpoint if that is intact", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The checkpoint was made for another network.
    #[error("{} contains {found}, but the recipe describes {wanted}: use the recipe with which the run was started, or choose another folder", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network in the file.
        found: String,
        /// The network of the recipe.
        wanted: String,
    },
}

/// The state of a run except its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The network.
    pub network: NetworkSpec,
    /// The recipe as TOML.
    pub recipe: String,
    /// Number of completed epochs.
    pub epochs_done: usize,
    /// Steps in the moving average; `None` without a moving average.
    pub average_steps: Option<usize>,
    /// State of the reduce-on-plateau schedule.
    pub plateau: Plateau,
    /// The best score so far (see `EpochRecord::score`), and the epoch (from 1) that reached it.
    pub best: Option<(f64, usize)>,
    /// For early stopping: epochs since the last improvement, and the score to exceed.
    pub stagnant: (usize, f64),
    /// All epochs so far.
    pub history: Vec<EpochRecord>,
}

impl Progress {
    /// The state before the first epoch.
    pub fn start(network: NetworkSpec, recipe: &Recipe, schedule: &Schedule) -> Self {
        Self {
            network,
            recipe: recipe.to_toml(),
            epochs_done: 0,
            average_steps: None,
            plateau: schedule.state(),
            best: None,
            stagnant: (0, 0.0),
            history: Vec::new(),
        }
    }

    /// The recipe, with the defaults of keys that are newer than the checkpoint; `None` if it is not valid any more.
    pub fn parsed_recipe(&self) -> Option<Recipe> {
        Recipe::parse(&self.recipe, "the checkpoint's recipe", &[]).ok()
    }
}

/// The contents of a checkpoint file.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The state of the run.
    pub progress: Progress,
    network: Vec<u8>,
    average: Option<Vec<u8>>,
    optimizer: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    progress: Progress,
    lengths: [usize; 3],
    has_average: bool,
}

impl Checkpoint {
    /// Makes a checkpoint of the current state.
    pub fn new(
        progress: Progress,
        network: &Network,
        average: Option<&Network>,
        optimizer: &ModuleOptimizer,
    ) -> Self {
        Self {
            progress,
            network: record(network),
            average: average.map(record),
            optimizer: optimizer.into_bytes().expect("the optimizer state can be serialised").to_vec(),
        }
    }

    /// Replaces the file at `path` by this checkpoint. After a crash or on a full disk, the old file is intact.
    ///
    /// # Errors
    /// When the folder cannot be written or the disk is full.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let header = Header {
            progress: self.progress.clone(),
            lengths: [self.network.len(), self.average.as_ref().map_or(0, Vec::len), self.optimizer.len()],
            has_average: self.average.is_some(),
        };
        let header = serde_json::to_vec(&header).expect("the header can be written as JSON");
        let mut bytes = MAGIC.to_vec();
        bytes.extend((header.len() as u64).to_le_bytes());
        bytes.extend(header);
        bytes.extend(&self.network);
        bytes.extend(self.average.iter().flatten());
        bytes.extend(&self.optimizer);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        files::replace_synced(path, &bytes)
            .map_err(|source| CheckpointError::Write { path: path.to_owned(), source })
    }

    /// Reads the file at `path`, which may contain any network.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let bytes =
            read_file(path).map_err(|source| CheckpointError::Read { path: path.to_owned(), source })?;
        parse(&bytes).ok_or_else(|| CheckpointError::Damaged { path: path.to_owned() })
    }

    /// Reads the file at `path`, which must contain a network like `wanted`.
    ///
    /// # Errors
    /// When the file cannot be read, is damaged, or contains another network.
    pub fn load(path: &Path, wanted: &NetworkSpec) -> Result<Self, CheckpointError> {
        Self::read(path)?.must_hold(wanted, path)
    }

    /// Checks that the checkpoint, read from `path`, contains a network like `wanted`.
    ///
    /// # Errors
    /// When it contains another network.
    pub fn must_hold(self, wanted: &NetworkSpec, path: &Path) -> Result<Self, CheckpointError> {
        let found = &self.progress.network;
        if found == wanted {
            return Ok(self);
        }
        let (found, wanted) = (found.to_string(), wanted.to_string());
        Err(CheckpointError::OtherNetwork { path: path.to_owned(), found, wanted })
    }

    /// Loads the checkpoint's weights into `network`, which was built from the same recipe.
    ///
    /// # Errors
    /// When the weights do not match the network.
    pub fn restore_network(&self, network: Network, path: &Path) -> Result<Network, CheckpointError> {
        restore(network, &self.network, path)
    }

    /// Loads the weights to validate and export into `network`: the moving average if there is one.
    ///
    /// # Errors
    /// When the weights do not match the network.
    pub fn chosen(&self, network: Network, path: &Path) -> Result<Network, CheckpointError> {
        restore(network, self.average.as_ref().unwrap_or(&self.network), path)
    }

    /// Loads the optimizer's state into `optimizer`.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn restore_optimizer(
        &self,
        optimizer: ModuleOptimizer,
        path: &Path,
    ) -> Result<ModuleOptimizer, CheckpointError> {
        optimizer
            .from_bytes(Bytes::from_bytes_vec(self.optimizer.clone()))
            .map_err(|_| CheckpointError::Damaged { path: path.to_owned() })
    }
}

fn record(network: &Network) -> Vec<u8> {
    network.valid().into_record().into_bytes().expect("the weights can be serialised").to_vec()
}

fn restore(network: Network, bytes: &[u8], path: &Path) -> Result<Network, CheckpointError> {
    ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes.to_vec()))
        .and_then(|record| network.try_load_record(record))
        .map_err(|_| CheckpointError::Damaged { path: path.to_owned() })
}

/// The bytes of the file; only its beginning if it is no checkpoint.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = files::open_regular(path, u64::MAX)?;
    let mut bytes = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut bytes)?;
    if bytes == MAGIC || bytes == MAGIC_UNCHECKED {
        file.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Option<Checkpoint> {
    if let Some(rest) = bytes.strip_prefix(MAGIC_UNCHECKED) {
        return parse_rest(rest);
    }
    let (checked, sum) = bytes.split_last_chunk::<4>()?;
    let rest = checked.strip_prefix(MAGIC)?;
    if crc32c::crc32c(checked).to_le_bytes() == *sum { parse_rest(rest) } else { None }
}

/// Parses what follows the name of the format.
fn parse_rest(rest: &[u8]) -> Option<Checkpoint> {
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (header, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    let [network, average, optimizer] = header.lengths;
    let (network, rest) = rest.split_at_checked(network)?;
    let (average, rest) = rest.split_at_checked(average)?;
    (rest.len() == optimizer).then(|| Checkpoint {
        progress: header.progress,
        network: network.to_vec(),
        average: header.has_average.then(|| average.to_vec()),
        optimizer: rest.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// The file of a checkpoint, with and without a checksum.
    static FILES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
        let recipe = fixtures::recipe(&[]);
        let schedule = Schedule::new(&recipe.schedule, 0.1, 10, 100);
        let checkpoint = Checkpoint {
            progress: Progress::start(NetworkSpec::of(&recipe.network, 7), &recipe, &schedule),
            network: (0..3000).map(|i| (i * 7) as u8).collect(),
            average: Some(vec![7; 2000]),
            optimizer: vec![9; 1000],
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.ckpt");
        checkpoint.save(&path).unwrap();
        let checked = std::fs::read(&path).unwrap();
        let mut unchecked = checked[..checked.len() - 4].to_vec();
        unchecked[..MAGIC.len()].copy_from_slice(MAGIC_UNCHECKED);
        [checked, unchecked]
    });

    #[test]
    fn a_checkpoint_is_read_with_and_without_a_checksum() {
        for bytes in &*FILES {
            let checkpoint = parse(bytes).unwrap();
            assert_eq!((checkpoint.network.len(), checkpoint.optimizer.len()), (3000, 1000));
            assert_eq!(checkpoint.average, Some(vec![7; 2000]));
        }
    }

    #[test]
    fn each_changed_byte_and_each_other_length_is_noticed() {
        let whole = &FILES[0];
        for at in 0..whole.len() {
            for bits in [0x01, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= bits;
                assert!(parse(&bytes).is_none(), "byte {at} with {bits:x}");
            }
            assert!(parse(&whole[..at]).is_none(), "the first {at} bytes");
        }
        assert!(parse(&[&whole[..], &[0]].concat()).is_none());
        assert!(parse(&whole.repeat(2)).is_none());
    }

    proptest! {
        #[test]
        fn no_mixed_up_bytes_are_taken(
            at in 0..FILES[0].len(), bytes in proptest::collection::vec(any::<u8>(), 1..64), cut in 0..64_usize,
        ) {
            let whole = &FILES[0];
            let end = (at + cut).min(whole.len());
            let mixed = [&whole[..at], &bytes, &whole[end..]].concat();
            prop_assert!(mixed == *whole || parse(&mixed).is_none());
        }
    }
}
