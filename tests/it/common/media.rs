//! Pictures and videos that tests make.

use super::data;
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// The portrait, decoded.
pub fn astronaut() -> image::RgbImage {
    image::open(data("astronaut.jpg")).unwrap().into_rgb8()
}

/// Encodes a picture.
pub fn encode(image: &image::RgbImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// `jpeg` with an EXIF segment that contains only the orientation.
pub fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = (2 + 6 + tiff.len()) as u16;
    [&jpeg[..2], &[0xFF, 0xE1], &length.to_be_bytes(), b"Exif\0\0", &tiff, &jpeg[2..]].concat()
}

/// Runs ffmpeg, which `scripts/setup` installs.
pub fn ffmpeg(arguments: &[&str]) {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The times of a video's frames in seconds.
pub fn frame_times(video: &Path) -> Vec<f64> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_entries", "frame=pts_time", "-of", "csv=p=0"]).arg(video);
    let output = command.output().expect("ffmpeg is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.trim_end_matches(',')).filter(|line| !line.is_empty());
    lines.map(|line| line.parse().unwrap()).collect()
}
