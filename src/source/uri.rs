//! Source URIs, as written on the command line and in the configuration.

use super::{camera::is_video_device, clip::Clip};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

/// File extensions of pictures; a GIF is treated as a video.
pub(super) const PICTURE_ENDINGS: [&str; 11] =
    ["jpg", "jpeg", "png", "bmp", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "webp"];

/// The URI of a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourceUri {
    /// A camera by its device file.
    Camera(PathBuf),
    /// A video file.
    Video(PathBuf),
    /// `rtsp://` or `http://`.
    Stream(String),
    /// One picture.
    Image(PathBuf),
    /// A folder of pictures.
    Folder(PathBuf),
    /// A stream on stdin.
    Stdin,
    /// Frames from memory; cannot be written as text.
    Clip(Arc<Clip>),
}

impl SourceUri {
    /// Whether frames arrive at their own pace, so that old ones are dropped in favour of the newest.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Camera(_) | Self::Stream(_))
    }

    /// Whether the frames are independent pictures rather than a sequence.
    pub fn is_stills(&self) -> bool {
        matches!(self, Self::Image(_) | Self::Folder(_))
    }

    /// Makes a relative path relative to `base`.
    pub fn resolve(&mut self, base: &Path) {
        if let Self::Video(path) | Self::Image(path) | Self::Folder(path) = self {
            *self = file(base.join(path));
        }
    }
}

/// The URI of a folder, of a camera's device file, or of another file by its extension.
fn file(path: PathBuf) -> SourceUri {
    if path.is_dir() {
        return SourceUri::Folder(path);
    }
    if is_video_device(&path) {
        return SourceUri::Camera(path);
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if ending.is_some_and(|ending| PICTURE_ENDINGS.contains(&ending.as_str())) {
        SourceUri::Image(path)
    } else {
        SourceUri::Video(path)
    }
}

impl FromStr for SourceUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        if let Some(number) = text.strip_prefix("camera:") {
            let number: u32 = number
                .parse()
                .map_err(|_| format!("`{text}` is not a camera: write camera:0, camera:1, ..."))?;
            return Ok(Self::Camera(PathBuf::from(format!("/dev/video{number}"))));
        }
        if ["rtsp://", "rtsps://", "http://", "https://"].iter().any(|scheme| text.starts_with(scheme)) {
            return Ok(Self::Stream(text.to_owned()));
        }
        match text {
            "" => Err("the source is empty: give camera:0, a file, a folder, a URL or -".to_owned()),
            _ if text.starts_with("/dev/video") || text.starts_with("/dev/v4l/") => {
                Ok(Self::Camera(PathBuf::from(text)))
            }
            _ => Ok(file(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for SourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera(path) => {
                let number = path.to_str().and_then(|path| path.strip_prefix("/dev/video"));
                match number.and_then(|number| number.parse::<u32>().ok()) {
                    Some(number) => write!(f, "camera:{number}"),
                    None => write!(f, "{}", path.display()),
                }
            }
            Self::Video(path) | Self::Image(path) | Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Stream(address) => f.write_str(&without_credentials(address)),
            Self::Stdin => f.write_str("-"),
            Self::Clip(_) => f.write_str("memory"),
        }
    }
}

/// The address without user name and password, for events and logs.
pub(super) fn without_credentials(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{}", &rest[authority.len()..]),
        None => address.to_owned(),
    }
}

impl TryFrom<String> for SourceUri {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<SourceUri> for String {
    fn from(uri: SourceUri) -> Self {
        match uri {
            // Includes the password, because a printed configuration must still work.
            SourceUri::Stream(address) => address,
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let parse = |text: &str| text.parse::<SourceUri>().unwrap();
        assert_eq!(parse("camera:2"), SourceUri::Camera("/dev/video2".into()));
        assert_eq!(parse("/dev/video0").to_string(), "camera:0");
        assert_eq!(parse("/dev/v4l/by-id/x"), SourceUri::Camera("/dev/v4l/by-id/x".into()));
        assert_eq!(parse("-"), SourceUri::Stdin);
        assert_eq!(parse("a.JPG"), SourceUri::Image("a.JPG".into()));
        assert_eq!(parse("a.gif"), SourceUri::Video("a.gif".into()));
        assert_eq!(parse("/"), SourceUri::Folder("/".into()));
        // A link that udev makes when the camera is plugged in.
        assert_eq!(parse("/dev/no-such-camera"), SourceUri::Camera("/dev/no-such-camera".into()));
        assert_eq!(parse("/dev/null"), SourceUri::Video("/dev/null".into()));
        assert_eq!(parse("/dev/shm/a.mp4"), SourceUri::Video("/dev/shm/a.mp4".into()));
        assert!("camera:x".parse::<SourceUri>().is_err() && "".parse::<SourceUri>().is_err());
    }

    #[test]
    fn passwords_are_not_shown() {
        let uri: SourceUri = "rtsp://user:p@ss@10.0.0.7:554/stream?x=a@b".parse().unwrap();
        assert_eq!(uri.to_string(), "rtsp://10.0.0.7:554/stream?x=a@b");
        let plain: SourceUri = "http://host/video".parse().unwrap();
        assert_eq!(plain.to_string(), "http://host/video");
    }
}
