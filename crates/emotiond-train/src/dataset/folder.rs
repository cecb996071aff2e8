//! Pictures in folders: `split/emotion/*.png|jpg`.

use super::{DatasetError, Loading, Sample, make_sample};
use emotiond_core::{
    classify::description::InputSpec,
    files,
    labels::{self, EMOTIONS},
    picture::{Color, PictureView},
};
use rayon::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest file of a picture, in bytes.
const MOST_BYTES: u64 = 64 << 20;
/// Number of pictures that are decoded before they are added.
const AT_ONCE: usize = 256;

struct File {
    path: PathBuf,
    split: usize,
    emotion: usize,
}

pub(super) fn read(root: &Path, spec: &InputSpec, loading: &mut Loading) -> Result<(), DatasetError> {
    let mut files = Vec::new();
    for split_folder in entries(root)?.into_iter().filter(|path| path.is_dir()) {
        let split = loading.dataset.intern_split(&file_name(&split_folder));
        for class_folder in entries(&split_folder)?.into_iter().filter(|path| path.is_dir()) {
            files.extend(list_class(&class_folder, split)?);
        }
    }
    if loading.dataset.splits.is_empty() {
        return Err(DatasetError::unreadable(
            root,
            "has no folders: it must contain train/<emotion>/*.png|jpg and test/<emotion>/*.png|jpg",
        ));
    }
    for files in files.chunks(AT_ONCE) {
        let samples: Vec<Sample> =
            files.par_iter().map(|file| decode(file, root, spec)).collect::<Result<_, _>>()?;
        samples.into_iter().try_for_each(|sample| loading.add(sample))?;
    }
    Ok(())
}

/// Lists the pictures of one class.
fn list_class(folder: &Path, split: usize) -> Result<Vec<File>, DatasetError> {
    let emotion = labels::emotion(&file_name(folder)).ok_or_else(|| {
        let names = EMOTIONS.join(", ");
        DatasetError::unreadable(
            folder,
            format!("is not named after an emotion: rename it to one of {names}"),
        )
    })?;
    let files: Vec<File> = entries(folder)?
        .into_iter()
        .filter(|path| is_picture(path))
        .map(|path| File { path, split, emotion })
        .collect();
    if files.is_empty() {
        return Err(DatasetError::unreadable(
            folder,
            "contains no .png or .jpg: fill the folder or remove it",
        ));
    }
    Ok(files)
}

fn decode(file: &File, root: &Path, spec: &InputSpec) -> Result<Sample, DatasetError> {
    let unreadable = |error| {
        DatasetError::unreadable(
            &file.path,
            format!("is not a picture that can be read ({error}): remove it").replace('\n', ""),
        )
    };
    let bytes = files::read_at_most(&file.path, MOST_BYTES)
        .map_err(|source| DatasetError::Missing { path: file.path.clone(), source })?;
    let picture = image::load_from_memory(&bytes).map_err(unreadable)?;
    let (width, height) = (picture.width(), picture.height());
    let (color, data) = match spec.color {
        // Uses the daemon's conversion to gray, not that of the decoder.
        Color::Gray if picture.color().has_color() => {
            let rgb = picture.to_rgb8();
            (Color::Gray, rgb.pixels().map(|p| emotiond_core::picture::luma(p[0], p[1], p[2])).collect())
        }
        Color::Gray => (Color::Gray, picture.into_luma8().into_raw()),
        Color::Rgb => (Color::Rgb, picture.into_rgb8().into_raw()),
    };
    let origin = file.path.strip_prefix(root).unwrap_or(&file.path).display().to_string();
    let view = PictureView::new(width, height, color, &data);
    Ok(make_sample(&view, spec, file.emotion, file.split, origin))
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    path.is_file() && ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The entries of `folder` except hidden ones, sorted by name so that every run uses the same order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DatasetError> {
    let missing = |source| DatasetError::Missing { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(missing)? {
        let path = entry.map_err(missing)?.path();
        if !file_name(&path).starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
