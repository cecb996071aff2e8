//! Loads data sets, that is faces with their emotions and splits, from a CSV or from folders.

mod csv;
mod folder;
mod pixels;
mod rows;
mod votes;

pub use pixels::Pixels;
pub use votes::{VOTE_COLUMNS, Votes};

use emotiond_core::{
    classify::description::InputSpec,
    exit::{Exit, ExitsWith},
    face::{Cropper, Framing},
    files,
    geometry::BoundingBox,
    picture::{Color, PictureView},
};
use pixels::Store;
use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// Why data cannot be used. Each message is one line.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// The file or folder does not exist or cannot be read.
    #[error("cannot open {path}: {source}", path = path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file or folder contains something that cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, where, and what to do.
        problem: String,
    },
    /// The file of the pixels cannot be written.
    #[error("cannot keep the pictures in {folder} (data.streamed): {source}: free space there, or choose another --out", folder = folder.display())]
    Scratch {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The data has no such split.
    #[error("the data has no split `{name}`; use one of {known}")]
    NoSplit {
        /// The unknown name.
        name: String,
        /// The splits in the data.
        known: String,
    },
    /// The recipe does not match the data.
    #[error("the recipe does not fit the data: {0}")]
    Recipe(String),
}

impl ExitsWith for DatasetError {
    fn exit(&self) -> Exit {
        match self {
            Self::Missing { source, .. } if files::is_refused(source) => Exit::Data,
            Self::Missing { .. } => Exit::NoInput,
            Self::Unreadable { .. } => Exit::Data,
            Self::Scratch { .. } => Exit::Output,
            Self::NoSplit { .. } => Exit::Usage,
            Self::Recipe(_) => Exit::Config,
        }
    }
}

impl DatasetError {
    fn unreadable(path: &Path, problem: impl Into<String>) -> Self {
        Self::Unreadable { path: path.to_owned(), problem: problem.into() }
    }
}

/// A labelled face.
#[derive(Clone, Debug)]
pub struct Sample {
    /// A square picture.
    pub pixels: Pixels,
    /// Its side in pixels.
    pub side: u32,
    /// Its colour.
    pub color: Color,
    /// Its label, an index into [`emotiond_core::labels::EMOTIONS`].
    pub emotion: usize,
    /// Its split, an index into [`Dataset::splits`].
    pub split: usize,
    /// A hash of the pixels in the data, before resizing.
    pub hash: u128,
    /// Whether all its pixels are the same.
    pub constant: bool,
    /// The votes of FER+'s taggers, if they were joined.
    pub votes: Option<Votes>,
    /// Where it comes from: `row 12`, or the file's path within the folder.
    pub origin: String,
}

impl Sample {
    /// What `look` says about the picture.
    pub fn with_picture<T>(&self, look: impl FnOnce(&PictureView) -> T) -> T {
        look(&PictureView::new(self.side, self.side, self.color, &self.pixels.read()))
    }
}

/// A data set.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The file or folder.
    pub path: PathBuf,
    /// The names of the splits, in the order of their first appearance.
    pub splits: Vec<String>,
    /// The faces, in the order of the data.
    pub samples: Vec<Sample>,
    /// Whether the pixels are in a file.
    pub streamed: bool,
}

impl Dataset {
    /// Reads a CSV, gzipped or not (recognised by its first bytes), or a folder `split/emotion/*.png|jpg`. Pictures
    /// larger than the size in `spec` are resized to it with the daemon's crop; smaller ones keep their size.
    ///
    /// # Errors
    /// When the file or folder does not exist or has invalid contents.
    pub fn load(path: &Path, spec: &InputSpec) -> Result<Self, DatasetError> {
        Self::load_to(path, spec, None)
    }

    /// The same with the pixels in a file in the folder `scratch`, if one is given.
    ///
    /// # Errors
    /// As for [`Dataset::load`], and when the file cannot be written.
    pub fn load_to(path: &Path, spec: &InputSpec, scratch: Option<&Path>) -> Result<Self, DatasetError> {
        let missing = |source| DatasetError::Missing { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(missing)?;
        let mut dataset = Loading::new(path, scratch)?;
        if metadata.is_dir() {
            folder::read(path, spec, &mut dataset)?;
        } else {
            csv::read(path, open(path).map_err(missing)?, spec, &mut dataset)?;
        }
        let dataset = dataset.finish()?;
        if dataset.samples.is_empty() {
            return Err(DatasetError::unreadable(path, "contains no picture"));
        }
        Ok(dataset)
    }

    /// Joins FER+'s votes by row order, from `file` or, if that is `None`, from `ferplus_votes.csv` or `fer2013new.csv`
    /// in the folder of the data.
    ///
    /// # Errors
    /// When the file does not exist, cannot be read, or does not match this data.
    pub fn join_votes(&mut self, file: Option<&Path>) -> Result<(), DatasetError> {
        votes::join(self, file)
    }

    /// The index of a split by its name, ignoring case.
    ///
    /// # Errors
    /// When there is no such split.
    pub fn split(&self, name: &str) -> Result<usize, DatasetError> {
        self.splits
            .iter()
            .position(|split| split.eq_ignore_ascii_case(name))
            .ok_or_else(|| DatasetError::NoSplit { name: name.to_owned(), known: self.splits.join(", ") })
    }

    /// The index of the training split: `Training`, or the folder `train`.
    ///
    /// # Errors
    /// When there is no training split.
    pub fn training_split(&self) -> Result<usize, DatasetError> {
        self.split("Training").or_else(|error| self.split("train").map_err(|_| error))
    }

    /// The indices of a split's samples.
    pub fn rows(&self, split: usize) -> Vec<usize> {
        (0..self.samples.len()).filter(|&index| self.samples[index].split == split).collect()
    }

    /// Asks the system to read the pictures of `samples`, in the order of the data, if they are in a file.
    pub fn prefetch(&self, samples: impl Iterator<Item = usize>) {
        pixels::prefetch(samples.map(|sample| &self.samples[sample].pixels));
    }

    /// The index of the split `name`, which is added if it is new.
    fn intern_split(&mut self, name: &str) -> usize {
        self.splits.iter().position(|split| split == name).unwrap_or_else(|| {
            self.splits.push(name.to_owned());
            self.splits.len() - 1
        })
    }
}

/// A data set that is being loaded.
struct Loading {
    dataset: Dataset,
    /// The folder and the file of the pixels, if they are not kept in memory.
    store: Option<(PathBuf, Store)>,
}

impl Loading {
    fn new(path: &Path, scratch: Option<&Path>) -> Result<Self, DatasetError> {
        let store = scratch.map(|folder| match Store::new(folder) {
            Ok(store) => Ok((folder.to_owned(), store)),
            Err(source) => Err(DatasetError::Scratch { folder: folder.to_owned(), source }),
        });
        let (splits, samples, streamed) = (Vec::new(), Vec::new(), scratch.is_some());
        let dataset = Dataset { path: path.to_owned(), splits, samples, streamed };
        Ok(Self { dataset, store: store.transpose()? })
    }

    fn add(&mut self, mut sample: Sample) -> Result<(), DatasetError> {
        if let Some((folder, store)) = &mut self.store {
            let failed = |source| DatasetError::Scratch { folder: folder.clone(), source };
            store.take(&mut sample.pixels).map_err(failed)?;
        }
        self.dataset.samples.push(sample);
        Ok(())
    }

    fn finish(self) -> Result<Dataset, DatasetError> {
        if let Some((folder, mut store)) = self.store {
            store.flush().map_err(|source| DatasetError::Scratch { folder, source })?;
        }
        Ok(self.dataset)
    }
}

/// For each of `rows`, whether one of `among` has the same pixels.
pub fn repeats(dataset: &Dataset, rows: &[usize], among: &[usize]) -> Vec<bool> {
    let known: HashSet<u128> = among.iter().map(|&row| dataset.samples[row].hash).collect();
    rows.iter().map(|&row| known.contains(&dataset.samples[row].hash)).collect()
}

/// Opens a file that may be gzipped.
fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    files::decompress(File::open(path)?)
}

/// Makes a sample from a picture. A square no larger than the size in `spec` keeps its size, other pictures are
/// resized.
fn make_sample(
    picture: &PictureView,
    spec: &InputSpec,
    emotion: usize,
    split: usize,
    origin: String,
) -> Sample {
    let hash = xxhash_rust::xxh3::xxh3_128(picture.data);
    let first = &picture.data[..picture.color.channels()];
    let constant = picture.data.chunks_exact(first.len()).all(|pixel| pixel == first);
    let longer = picture.width.max(picture.height) as usize;
    let kept = InputSpec { size: spec.size.min(longer), color: picture.color, ..spec.clone() };
    let mut pixels = vec![0; kept.crop_len()].into_boxed_slice();
    crop_whole(picture, &kept, &mut pixels);
    let (side, color, pixels) = (kept.size as u32, kept.color, Pixels::Memory(pixels));
    Sample { pixels, side, color, emotion, split, hash, constant, votes: None, origin }
}

/// Writes the whole `picture` in the format of `spec`, with the daemon's own crop.
///
/// # Panics
/// When `out` is not `spec.crop_len()` bytes long.
pub fn crop_whole(picture: &PictureView, spec: &InputSpec, out: &mut [u8]) {
    let whole = BoundingBox::new(0.0, 0.0, picture.width as f32, picture.height as f32);
    Cropper::new().crop(picture, &whole, Framing::default(), spec, out);
}
