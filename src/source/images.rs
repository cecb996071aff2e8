//! A picture, or the pictures of a folder in the order of their names.

use super::{Read, Source, SourceError, Stop, heif, kind::Kind};
use crate::frame::{Encoding, Frame};
use emotiond_core::files::{open_regular, read_regular};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

/// The longest file of a picture: 64 megapixels of eight bytes, not compressed.
const MOST_BYTES: u64 = 512 << 20;

/// The files to read, in reverse order.
pub(super) struct ImageSource {
    remaining: Vec<(PathBuf, Kind)>,
    stop: Stop,
}

/// What a folder contains that is not read.
#[derive(Default)]
struct PassedOver {
    files: BTreeMap<String, u64>,
    folders: u64,
    broken_links: u64,
}

impl ImageSource {
    pub fn open_file(path: &Path, stop: &Stop) -> Result<Self, SourceError> {
        File::open(path).map_err(|error| SourceError::Missing { path: path.to_owned(), error })?;
        Ok(Self { remaining: vec![(path.to_owned(), Kind::of(path))], stop: stop.clone() })
    }

    /// The pictures of a folder; with `recursive`, also those of its subfolders.
    pub fn open_folder(folder: &Path, recursive: bool, stop: &Stop) -> Result<Self, SourceError> {
        std::fs::read_dir(folder).map_err(|error| SourceError::Missing { path: folder.to_owned(), error })?;
        let (mut files, mut passed_over) = (Vec::new(), PassedOver::default());
        let depth = if recursive { usize::MAX } else { 1 };
        for entry in WalkDir::new(folder).min_depth(1).max_depth(depth).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => passed_over.folders += 1,
                Ok(entry) => match Kind::of(entry.path()) {
                    kind @ (Kind::Video | Kind::Other) => passed_over.count(entry.path(), kind),
                    kind => files.push((entry.into_path(), kind)),
                },
                // A link without a target, a loop of links or a folder that may not be read.
                Err(_) => passed_over.broken_links += 1,
            }
        }
        if recursive {
            passed_over.folders = 0;
        }
        if let Some(counts) = passed_over.in_words() {
            tracing::warn!("{}: passed over {counts}", folder.display());
        }
        if files.is_empty() {
            return Err(SourceError::NoPictures(folder.to_owned()));
        }
        files.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
        Ok(Self { remaining: files, stop: stop.clone() })
    }
}

impl PassedOver {
    fn count(&mut self, file: &Path, kind: Kind) {
        let kind = match (kind, file.extension()) {
            (Kind::Other, Some(ending)) => format!(".{}", ending.to_string_lossy().to_lowercase()),
            (Kind::Other, None) => "files without an ending".to_owned(),
            (kind, _) => kind.to_string(),
        };
        *self.files.entry(kind).or_default() += 1;
    }

    /// The counts, for example `2 videos, 1 .txt, 1 subfolder (...)`; `None` if nothing was passed over.
    fn in_words(&self) -> Option<String> {
        let mut words: Vec<String> =
            self.files.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        if self.broken_links > 0 {
            words.push(format!("{} broken links or unreadable folders", self.broken_links));
        }
        if self.folders > 0 {
            words.push(format!(
                "{} subfolders (`recursive = true` under [[source]] reads them)",
                self.folders
            ));
        }
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl Source for ImageSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        if self.stop.is_set() {
            return Ok(Read::Ended);
        }
        let Some((path, kind)) = self.remaining.pop() else { return Ok(Read::Ended) };
        frame.encoding = Encoding::PictureFile;
        let read = match kind {
            Kind::Heif => heif::decode(&path, &self.stop, &mut frame.bytes),
            kind => {
                warn_of_more(&path, kind);
                read_regular(&path, MOST_BYTES, &mut frame.bytes).map_err(|error| error.to_string())
            }
        };
        frame.file = Some(path);
        // An unreadable picture must not end the folder.
        Ok(read.map_or_else(Read::Unreadable, |()| Read::Frame))
    }
}

/// Whether a GIF has a second picture. Nothing is decoded, because a small file may hold pictures of gigabytes.
fn is_animated_gif(path: &Path) -> io::Result<bool> {
    let mut file = BufReader::new(open_regular(path, MOST_BYTES)?);
    let [.., flags, _, _] = bytes::<13>(&mut file)?;
    skip_colors(&mut file, flags)?;
    let mut is_second = false;
    loop {
        match bytes(&mut file)? {
            // An extension and its kind.
            [0x21] => file.seek_relative(1)?,
            [0x2c] if is_second => return Ok(true),
            [0x2c] => {
                is_second = true;
                let [.., flags] = bytes::<9>(&mut file)?;
                skip_colors(&mut file, flags)?;
                file.seek_relative(1)?;
            }
            _ => return Ok(false),
        }
        // Their data, in blocks up to an empty one.
        while let [length @ 1..=255] = bytes(&mut file)? {
            file.seek_relative(length.into())?;
        }
    }
}

/// Skips a table of colours, if there is one.
fn skip_colors(file: &mut BufReader<File>, flags: u8) -> io::Result<()> {
    let colors = if flags & 0x80 == 0 { 0 } else { 2 << (flags & 7) };
    file.seek_relative(3 * colors)
}

fn bytes<const COUNT: usize>(file: &mut BufReader<File>) -> io::Result<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Warns that only the first picture of a file is read.
fn warn_of_more(path: &Path, kind: Kind) {
    match kind {
        Kind::Pages(count) => {
            tracing::warn!("{} has {count} pages; only the first one is read", path.display());
        }
        Kind::Gif if !is_animated_gif(path).unwrap_or(false) => {}
        Kind::Animation | Kind::Gif => {
            tracing::warn!(
                "{} is an animation in a folder; only its first picture is read. To read all, give it as a source of \
                 its own",
                path.display()
            );
        }
        Kind::Picture | Kind::Heif | Kind::Video | Kind::Other => {}
    }
}
