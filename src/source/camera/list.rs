//! `emotiond cameras`: the connected cameras.

use super::{CameraListing, formats::Offers, video4linux::open};
use crate::source::{SourceConfig, SourceUri};
use nokhwa::utils::ApiBackend;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What to do if there is no camera.
pub const NO_CAMERA: &str = "connect one, and check that you may open /dev/video* (group `video`)";

/// All cameras. Metadata nodes have no picture format and are skipped.
pub fn list_cameras() -> Vec<CameraListing> {
    let mut found = nokhwa::query(ApiBackend::Video4Linux).unwrap_or_default();
    let number = |info: &nokhwa::utils::CameraInfo| info.index().as_index().unwrap_or(u32::MAX);
    found.sort_by_key(number);
    // Links such as /dev/video-dec0 count as devices.
    found.dedup_by_key(|info| number(info));
    found
        .iter()
        .filter_map(|info| {
            let device = PathBuf::from(format!("/dev/video{}", number(info)));
            let uri = SourceUri::Camera(device.clone());
            let offers = Offers::of(&open(&device).ok()?, &SourceConfig::new(uri.clone())).ok()?;
            Some(CameraListing {
                uri: uri.to_string(),
                name: info.human_name(),
                stable_path: stable_path(&device),
                formats: describe(&offers)?,
            })
        })
        .collect()
}

/// A line per format, or why there is none; `None` for a device without pictures.
fn describe(offers: &Offers) -> Option<Vec<String>> {
    if offers.codes.is_empty() {
        return None;
    }
    if offers.modes.is_empty() {
        return Some(vec![format!("cannot be used: {}", offers.what_is_wrong())]);
    }
    let mut modes = offers.modes.clone();
    modes.sort_by_key(|mode| {
        (mode.fourcc.repr, mode.width, mode.height, mode.interval.map(|i| i.denominator))
    });
    Some(modes.iter().map(ToString::to_string).collect())
}

fn stable_path(device: &Path) -> Option<String> {
    let links = fs::read_dir("/dev/v4l/by-id").ok()?;
    let mut paths = links.filter_map(|link| Some(link.ok()?.path()));
    paths
        .find(|path| fs::canonicalize(path).is_ok_and(|target| target == device))
        .map(|path| path.display().to_string())
}
