//! Where the pixels of the pictures are: in memory, or in a file without a name, for data sets larger than memory.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, Write},
    num::NonZeroU64,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

/// Bytes that are written to the file at once.
const BUFFER_BYTES: usize = 1 << 20;

/// The pixels of a picture.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// In memory.
    Memory(Box<[u8]>),
    /// In a file.
    File {
        /// The file.
        file: Arc<File>,
        /// The position of the first one.
        at: u64,
        /// Their number.
        length: usize,
    },
}

impl Pixels {
    /// The pixels, row by row.
    ///
    /// # Panics
    /// When the file's disk fails.
    pub fn read(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Memory(pixels) => Cow::Borrowed(pixels),
            Self::File { file, at, length } => {
                let mut pixels = vec![0; *length];
                file.read_exact_at(&mut pixels, *at).expect("the disk with the pictures can be read");
                Cow::Owned(pixels)
            }
        }
    }
}

/// Asks the system to read the pixels of several pictures, in the order of the data, before they are needed.
pub(super) fn prefetch<'a>(pictures: impl Iterator<Item = &'a Pixels>) {
    let mut run: Option<(&Arc<File>, u64, u64)> = None;
    for pixels in pictures {
        let Pixels::File { file, at, length } = pixels else { continue };
        let end = at + *length as u64;
        run = match run {
            Some((file, start, until)) if until == *at => Some((file, start, end)),
            before => {
                before.into_iter().for_each(advise);
                Some((file, *at, end))
            }
        };
    }
    run.into_iter().for_each(advise);
}

fn advise((file, start, end): (&Arc<File>, u64, u64)) {
    // Without this help the pictures are read when they are needed.
    let _ = rustix::fs::fadvise(file, start, NonZeroU64::new(end - start), rustix::fs::Advice::WillNeed);
}

/// Moves pixels into a file.
pub(super) struct Store {
    file: Arc<File>,
    at: u64,
    buffer: Vec<u8>,
}

impl Store {
    /// A new file in `folder`. It has no name, so that it disappears with the program.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: Arc::new(tempfile::tempfile_in(folder)?), at: 0, buffer: Vec::new() })
    }

    /// Moves `pixels` to the end of the file.
    pub(super) fn take(&mut self, pixels: &mut Pixels) -> io::Result<()> {
        let bytes = pixels.read();
        self.buffer.extend_from_slice(&bytes);
        let length = bytes.len();
        *pixels = Pixels::File { file: self.file.clone(), at: self.at, length };
        self.at += length as u64;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what is left; without this call, the last pictures are missing.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        (&*self.file).write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back_from_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path()).unwrap();
        let picture = |number: usize| vec![number as u8; 1 + number * 3000].into_boxed_slice();
        let mut all: Vec<Pixels> = (0..60).map(|number| Pixels::Memory(picture(number))).collect();
        all.iter_mut().for_each(|pixels| store.take(pixels).unwrap());
        store.flush().unwrap();
        prefetch(all.iter());
        for (number, pixels) in all.iter().enumerate() {
            assert_eq!(*pixels.read(), *picture(number));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
