//! A picture, or the pictures of a folder in the order of their names.

use super::{Read, Source, SourceError, Stop, uri::PICTURE_ENDINGS};
use crate::frame::{Encoding, Frame};
use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

/// The files to read, in reverse order.
pub(super) struct ImageSource {
    remaining: Vec<PathBuf>,
    stop: Stop,
}

impl ImageSource {
    pub fn open_file(path: &Path) -> Result<Self, SourceError> {
        File::open(path).map_err(|error| SourceError::Missing { path: path.to_owned(), error })?;
        Ok(Self { remaining: vec![path.to_owned()], stop: Stop::default() })
    }

    pub fn open_folder(path: &Path, stop: &Stop) -> Result<Self, SourceError> {
        let missing = |error| SourceError::Missing { path: path.to_owned(), error };
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(missing)? {
            let file = entry.map_err(missing)?.path();
            if file.is_file() && has_picture_ending(&file) {
                files.push(file);
            }
        }
        if files.is_empty() {
            return Err(SourceError::NoPictures(path.to_owned()));
        }
        files.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Self { remaining: files, stop: stop.clone() })
    }
}

/// Whether the file is read as a picture. In a folder, that includes GIFs, of which the first frame is used.
fn has_picture_ending(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ending == "gif" || PICTURE_ENDINGS.contains(&ending.as_str()))
}

impl Source for ImageSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let Some(path) = self.remaining.pop() else { return Ok(Read::Ended) };
        frame.encoding = Encoding::PictureFile;
        let read = File::open(&path).and_then(|mut file| file.read_to_end(&mut frame.bytes));
        frame.file = Some(path);
        // An unreadable picture must not end the folder.
        Ok(read.map_or_else(|error| Read::Unreadable(error.to_string()), |_| Read::Frame))
    }
}
