//! Systems whose cameras are read through another program.

use super::{CameraListing, Sought};
use crate::{
    frame::Frame,
    source::{Read, Source, SourceConfig, SourceError},
};
use std::path::Path;

/// What to do if there is no camera.
pub const NO_CAMERA: &str = if cfg!(windows) {
    "on Windows, read one through ffmpeg: --source \"exec:ffmpeg -f dshow -i video=NAME -f mjpeg -q:v 3 -\"; `ffmpeg -list_devices true -f dshow -i dummy` lists the names"
} else {
    "on this system, read one through ffmpeg: --source \"exec:ffmpeg -f avfoundation -framerate 30 -i 0 -f mjpeg -q:v 3 -\""
};

/// No camera is read here.
pub(in crate::source) enum CameraSource {}

impl CameraSource {
    /// Tells how a camera is read here.
    pub fn open(_: &Path, config: &SourceConfig, _: Option<&Sought>) -> Result<Self, SourceError> {
        Err(SourceError::Camera {
            camera: config.uri.to_string(),
            reason: "cameras are read directly on Linux only".to_owned(),
            remedy: NO_CAMERA,
        })
    }
}

impl Source for CameraSource {
    fn read(&mut self, _: &mut Frame) -> Result<Read, SourceError> {
        match *self {}
    }
}

/// None: the cameras are not known here.
pub fn list_cameras() -> Vec<CameraListing> {
    Vec::new()
}
