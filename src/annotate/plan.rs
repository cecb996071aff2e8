//! Maps each source to its output, and checks the outputs before anything is read.

use super::AnnotateError;
use crate::{
    config::Config,
    source::{SourceConfig, SourceUri},
};
use image::ImageFormat;
use same_file::is_same_file;
use std::{
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The output of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A picture.
    Picture(PathBuf),
    /// A folder of pictures with the names of the source's pictures.
    Folder(PathBuf),
    /// A video.
    Video(PathBuf),
}

/// A target for each source, in the order of the sources.
#[derive(Debug)]
pub struct Plan {
    /// The targets.
    pub targets: Vec<Target>,
    /// The folder that contains all targets, if there is one.
    folder: Option<PathBuf>,
}

impl Target {
    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Picture(path) | Self::Folder(path) | Self::Video(path) => path,
        }
    }
}

impl Plan {
    /// Plans the outputs without writing anything. `out` is the file or folder of one source, or a folder for several.
    ///
    /// # Errors
    /// When a source would be overwritten, a name does not suit, or ffmpeg is needed and missing.
    pub fn new(config: &Config, out: &Path) -> Result<Self, AnnotateError> {
        let plan = match config.sources.as_slice() {
            [source] if !out.is_dir() => Self { targets: vec![sole_target(source, out)?], folder: None },
            [source] if matches!(source.uri, SourceUri::Folder(_)) => {
                Self { targets: vec![Target::Folder(out.to_owned())], folder: None }
            }
            sources => Self { targets: targets_in(sources, out), folder: Some(out.to_owned()) },
        };
        for target in &plan.targets {
            if config.sources.iter().any(|source| is_read_from(source, target)) {
                return Err(AnnotateError::Overwrites(target.path().to_owned()));
            }
            if let Target::Video(path) = target {
                require_ffmpeg(path)?;
            }
        }
        Ok(plan)
    }

    /// Creates the folders.
    pub(super) fn prepare(&self) -> Result<(), AnnotateError> {
        let folders = self.targets.iter().filter_map(|target| match target {
            Target::Folder(path) => Some(path),
            _ => None,
        });
        for folder in self.folder.iter().chain(folders) {
            let failed = |error: std::io::Error| AnnotateError::Write {
                path: folder.clone(),
                reason: error.to_string(),
            };
            fs::create_dir_all(folder).map_err(failed)?;
        }
        Ok(())
    }
}

/// The target of a single source, if `out` is not an existing folder.
fn sole_target(source: &SourceConfig, out: &Path) -> Result<Target, AnnotateError> {
    let wrong = |needed| AnnotateError::Name { path: out.to_owned(), needed };
    let is_file = out.exists();
    match &source.uri {
        SourceUri::Folder(_) if is_file => {
            Err(wrong("the annotated copies of a folder need a folder, but this is a file"))
        }
        SourceUri::Folder(_) => Ok(Target::Folder(out.to_owned())),
        SourceUri::Image(_) if ImageFormat::from_path(out).is_ok_and(|format| format.can_write()) => {
            Ok(Target::Picture(out.to_owned()))
        }
        SourceUri::Image(_) => Err(wrong(
            "the name of a picture must end in jpg, png, bmp, gif, ppm, tif or webp; a folder must exist",
        )),
        _ if has_ending(out, "mp4") => Ok(Target::Video(out.to_owned())),
        _ => Err(wrong("the name of a video must end in mp4; a folder must exist")),
    }
}

/// A target for each source in one folder.
fn targets_in(sources: &[SourceConfig], folder: &Path) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for source in sources {
        let stem = stem(source);
        let target = |stem: &str| match &source.uri {
            SourceUri::Folder(_) => Target::Folder(folder.join(stem)),
            SourceUri::Image(path) => {
                let ending = path.extension().and_then(OsStr::to_str).unwrap_or("png");
                let is_written = ImageFormat::from_extension(ending).is_some_and(|format| format.can_write());
                let ending = if is_written { ending } else { "png" };
                Target::Picture(folder.join(format!("{stem}.{ending}")))
            }
            _ => Target::Video(folder.join(format!("{stem}.mp4"))),
        };
        let numbered = (2..).map(|number| target(&format!("{stem}-{number}")));
        let mut names = std::iter::once(target(&stem)).chain(numbered);
        targets.extend(names.find(|target| !targets.iter().any(|other| other.path() == target.path())));
    }
    targets
}

/// The file name for a source without extension, from its configured name or its URI; characters that do not suit a
/// file name are replaced.
fn stem(source: &SourceConfig) -> String {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = match (&source.name, &source.uri) {
        (Some(name), _) => name.clone(),
        (None, SourceUri::Video(path) | SourceUri::Image(path)) => stem(path),
        (None, SourceUri::Folder(path)) => {
            fs::canonicalize(path).as_deref().map_or_else(|_| stem(path), stem)
        }
        (None, SourceUri::Stdin) => "stdin".to_owned(),
        (None, uri) => uri.to_string(),
    };
    let suits = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let name: String = name.chars().map(|letter| if suits(letter) { letter } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "source".to_owned() } else { name.to_owned() }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|other| other.eq_ignore_ascii_case(ending))
}

/// Whether writing `target` would overwrite what `source` reads, also under another name or through a link.
fn is_read_from(source: &SourceConfig, target: &Target) -> bool {
    let path = target.path();
    match (&source.uri, target) {
        (SourceUri::Image(file) | SourceUri::Video(file), _) => is_same(file, path),
        (SourceUri::Folder(folder), Target::Folder(_)) => is_same(folder, path),
        (SourceUri::Folder(folder), _) => {
            path.exists() && path.parent().is_some_and(|parent| is_same(folder, parent))
        }
        _ => false,
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    is_same_file(one, other).unwrap_or(false)
}

fn require_ffmpeg(path: &Path) -> Result<(), AnnotateError> {
    let mut command = Command::new("ffmpeg");
    command.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(AnnotateError::Helper { path: path.to_owned(), error }),
    }
}
