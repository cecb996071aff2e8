//! `emotiond` alone on a terminal: what is there, and what to try.

use super::{check::check_networks, start_logs};
use crate::{
    config::{Config, LogConfig},
    source::list_cameras,
};
use emotiond_core::{exit::Failure, stdout::print};

/// Says what is installed, which camera is there, and three commands to try.
///
/// # Errors
/// When stdout cannot be written.
pub fn run() -> Result<(), Failure> {
    start_logs(&LogConfig { level: "error".to_owned(), ..LogConfig::default() })?;
    print(&format!(
        "emotiond {}: the expressions of faces in cameras, videos and pictures, as JSON lines\n\n",
        env!("CARGO_PKG_VERSION")
    ))?;
    let cameras = list_cameras();
    // What is missing says how to get it.
    let _ = check_networks(&Config::default())?;
    let source = match cameras.first() {
        Some(camera) => {
            print(&format!("ok    camera: {} at {}\n", camera.name, camera.uri))?;
            camera.uri.to_string()
        }
        None => {
            print("-     camera: none found; connect one, or analyse a picture or a video\n")?;
            "PICTURE_OR_VIDEO".to_owned()
        }
    };
    print(&format!(
        "\nTry:\n\
         \x20 emotiond run --source {source}           events as JSON lines, and a window if there is a display\n\
         \x20 emotiond run --source {source} --stream  a live page with pictures at http://127.0.0.1:8378/\n\
         \x20 emotiond check --source {source}         whether this source can be read\n\n\
         emotiond --help lists all commands.\n"
    ))
}
