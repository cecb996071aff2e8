//! Source URIs, as written on the command line and in the configuration.

use super::{
    address::Address,
    camera::is_video_device,
    kind::Kind,
    program::{COMMAND_PREFIX, CommandLine},
};
use crate::system;
use emotiond_core::paths::shown;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// The URI of a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum SourceUri {
    /// A camera by its device file.
    Camera(PathBuf),
    /// A video file.
    Video(PathBuf),
    /// `rtsp://`, `http://` or another address in the network.
    Stream(Address),
    /// `exec:` and a program that writes a video stream to its stdout.
    Program(CommandLine),
    /// One picture.
    Image(PathBuf),
    /// A folder of pictures.
    Folder(PathBuf),
    /// A stream on stdin.
    Stdin,
}

impl SourceUri {
    /// Whether frames arrive at their own pace, so that old ones are dropped in favour of the newest. An address may
    /// also turn out to be a recorded file, once it is open.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Camera(_) | Self::Stream(_) | Self::Program(_))
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

/// The URI of a folder, of a camera's device file, or of another file by its content.
fn file(path: PathBuf) -> SourceUri {
    if path.is_dir() {
        return SourceUri::Folder(path);
    }
    if is_video_device(&path) {
        return SourceUri::Camera(path);
    }
    match Kind::of(&path) {
        Kind::Picture | Kind::Pages(_) | Kind::Heif => SourceUri::Image(path),
        Kind::Animation | Kind::Gif | Kind::Video | Kind::Other => SourceUri::Video(path),
    }
}

impl SourceUri {
    /// Parses an argument of the command line. What is not UTF-8 is the name of a file or folder.
    ///
    /// # Errors
    /// When the text is no source.
    pub fn from_argument(text: OsString) -> Result<Self, String> {
        text.into_string().map_or_else(|path| Ok(file(path.into())), |text| text.parse())
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
        if let Some(command) = text.strip_prefix(COMMAND_PREFIX) {
            return command.parse().map(Self::Program);
        }
        if let Some((scheme, path)) = text.split_once("://") {
            if scheme.eq_ignore_ascii_case("file") {
                return local_path(path).map(file);
            }
            return text.parse().map(Self::Stream);
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
                    None => f.write_str(&shown(path)),
                }
            }
            Self::Video(path) | Self::Image(path) | Self::Folder(path) => f.write_str(&shown(path)),
            Self::Stream(address) => write!(f, "{address}"),
            Self::Program(command) => write!(f, "{command}"),
            Self::Stdin => f.write_str("-"),
        }
    }
}

/// The path in an address `file://...`.
fn local_path(text: &str) -> Result<PathBuf, String> {
    let path = text.strip_prefix("localhost").unwrap_or(text);
    if !path.starts_with('/') {
        return Err("the address file://... names no absolute path: write file:///folder/file".to_owned());
    }
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    Ok(system::path(bytes))
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
            SourceUri::Stream(address) => address.written().to_owned(),
            SourceUri::Program(command) => format!("{COMMAND_PREFIX}{}", command.written()),
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
        assert_eq!(parse("File:///a%20b/c.jpg"), SourceUri::Image("/a b/c.jpg".into()));
        assert_eq!(parse("RTSP://cam/1").to_string(), "rtsp://cam/1");
        assert!("file://a.mp4".parse::<SourceUri>().is_err() && "ftp://a/b".parse::<SourceUri>().is_err());
        // A link that udev makes when the camera is plugged in.
        assert_eq!(parse("/dev/no-such-camera"), SourceUri::Camera("/dev/no-such-camera".into()));
        assert_eq!(parse("/dev/null"), SourceUri::Video("/dev/null".into()));
        assert_eq!(parse("/dev/shm/a.mp4"), SourceUri::Video("/dev/shm/a.mp4".into()));
        let program = parse("exec:curl --user me:secret http://camera/");
        assert_eq!((program.to_string().as_str(), program.is_live()), ("exec:curl", true));
        assert_eq!(String::from(program), "exec:curl --user me:secret http://camera/");
        assert!("exec:".parse::<SourceUri>().is_err());
        assert!("camera:x".parse::<SourceUri>().is_err() && "".parse::<SourceUri>().is_err());
    }
}
