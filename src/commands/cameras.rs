//! `emotiond cameras`.

use crate::source::{NO_CAMERA, list_cameras};
use emotiond_core::{
    exit::{Exit, Failure},
    stdout::print,
};

/// Lists the cameras with their formats.
///
/// # Errors
/// When no camera is found.
pub fn run() -> Result<(), Failure> {
    let cameras = list_cameras();
    if cameras.is_empty() {
        return Err(Failure::new(Exit::Unavailable, anyhow::anyhow!("no camera found: {NO_CAMERA}")));
    }
    for camera in cameras {
        let stable = camera.stable_path.map(|path| format!("  {path}")).unwrap_or_default();
        print(&format!("{}  {}{stable}\n", camera.uri, camera.name))?;
        for format in camera.formats {
            print(&format!("    {format}\n"))?;
        }
    }
    Ok(())
}
