//! Annotated pictures.

use super::{AnnotateError, Writer};
use crate::{
    analysed::{Analysed, PipelineInfo},
    draw::Artist,
    frame::Picture,
};
use emotiond_core::files;
use image::{ExtendedColorType, ImageFormat, codecs::jpeg::JpegEncoder};
use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    sync::Arc,
};

/// High enough to keep labels legible.
const JPEG_QUALITY: u8 = 92;

/// Writes one picture per frame.
pub(super) struct PictureWriter {
    place: Place,
    stage: Arc<PipelineInfo>,
    artist: Artist,
    canvas: Picture,
}

enum Place {
    File(PathBuf),
    /// The folder of the pictures, and that of their annotated copies.
    Folder(PathBuf, PathBuf),
}

impl Place {
    /// Refuses subfolders that are links: they lead out of the folder.
    fn check(&self, file: &Path) -> Result<(), AnnotateError> {
        let Self::Folder(_, folder) = self else { return Ok(()) };
        let inside = file.ancestors().skip(1).take_while(|path| path != folder);
        match inside.filter(|path| path.is_symlink()).last() {
            None => Ok(()),
            Some(link) => {
                let reason = "it is a link, which is not followed".to_owned();
                Err(AnnotateError::Write { path: link.to_owned(), reason })
            }
        }
    }
}

impl PictureWriter {
    /// A writer of one file.
    pub fn one(path: &Path, stage: Arc<PipelineInfo>) -> Self {
        Self::new(Place::File(path.to_owned()), stage)
    }

    /// A writer of files in `folder` with the names and subfolders of the files in `source`.
    pub fn folder(source: &Path, folder: &Path, stage: Arc<PipelineInfo>) -> Self {
        Self::new(Place::Folder(source.to_owned(), folder.to_owned()), stage)
    }

    fn new(place: Place, stage: Arc<PipelineInfo>) -> Self {
        Self { place, stage, artist: Artist::default(), canvas: Picture::default() }
    }
}

impl Writer for PictureWriter {
    fn write(&mut self, shown: &Analysed) -> Result<(), AnnotateError> {
        let path = match &self.place {
            Place::File(path) => path.clone(),
            Place::Folder(source, folder) => {
                copy_path(source, folder, shown.file.as_deref().unwrap_or(source))
            }
        };
        self.place.check(&path)?;
        self.canvas.copy_from(&shown.picture);
        self.artist.draw_all(&mut self.canvas, shown, &self.stage);
        let failed = |reason: String| AnnotateError::Write { path: path.clone(), reason };
        let format = ImageFormat::from_path(&path).map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        let bytes = encode(&self.canvas, format).map_err(|error| failed(error.to_string()))?;
        files::replace(&path, &bytes).map_err(|error| failed(error.to_string()))
    }
}

/// The path of a picture's copy. A format that cannot be written becomes PNG.
fn copy_path(source: &Path, folder: &Path, file: &Path) -> PathBuf {
    let path = folder.join(file.strip_prefix(source).unwrap_or(file));
    if ImageFormat::from_path(&path).is_ok_and(|format| format.writing_enabled()) {
        return path;
    }
    let mut name = path.into_os_string();
    name.push(".png");
    name.into()
}

fn encode(picture: &Picture, format: ImageFormat) -> image::ImageResult<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let Picture { width, height, ref pixels } = *picture;
    let color = ExtendedColorType::Rgb8;
    if format == ImageFormat::Jpeg {
        JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY).encode(pixels, width, height, color)?;
    } else {
        image::write_buffer_with_format(&mut bytes, pixels, width, height, color, format)?;
    }
    Ok(bytes.into_inner())
}
