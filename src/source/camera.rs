//! Cameras through V4L2 and nokhwa. Frames are passed on as the camera sends them, undecoded.

use super::{Read, Sought, Source, SourceError};
use crate::{
    frame::{Encoding, Frame},
    source::SourceConfig,
};
use nokhwa::{
    Camera,
    utils::{
        ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
    },
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Supported formats in order of preference. MJPEG comes first because it needs the least bandwidth.
const READABLE: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// The requested size if none is configured.
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: u32 = 30;

/// The remedy for an absent camera.
const ABSENT: &str = "`emotiond cameras` lists the available cameras";

/// An open camera.
pub(super) struct CameraSource {
    camera: Camera,
    name: String,
    device_name: String,
    encoding: Encoding,
    size: Resolution,
}

impl CameraSource {
    /// Opens the camera at `path`, or the camera `sought` under its current number.
    pub fn open(path: &Path, config: &SourceConfig, sought: Option<&Sought>) -> Result<Self, SourceError> {
        let mut first_error = None;
        for candidate in candidates(path, sought) {
            match Self::open_device(&candidate, config) {
                Ok(camera) => return Ok(camera),
                Err((reason, remedy)) => first_error = first_error.or(Some((reason, remedy))),
            }
        }
        let (reason, remedy) = first_error.unwrap_or_default();
        Err(SourceError::Camera { camera: config.uri.to_string(), reason, remedy })
    }

    fn open_device(path: &Path, config: &SourceConfig) -> Result<Self, (String, &'static str)> {
        let index = device_index(path).map_err(|reason| (reason, ABSENT))?;
        let format = choose_format(index, config)?;
        let request = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &READABLE);
        let mut camera = Camera::new(CameraIndex::Index(index), request)
            .map_err(|error| (error.to_string(), remedy(path)))?;
        camera
            .open_stream()
            .map_err(|error| (error.to_string(), "if another program uses the camera, close it"))?;
        let got = camera.camera_format();
        let device_name = device_name(path).unwrap_or_else(|| camera.info().human_name());
        tracing::info!(
            source = config.name(),
            camera = device_name,
            device = %path.display(),
            "requested {format}, got {got}"
        );
        let name = config.uri.to_string();
        Ok(Self { encoding: encoding(got.format()), size: got.resolution(), camera, name, device_name })
    }
}

impl Source for CameraSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let bytes = self.camera.frame_raw().map_err(|error| SourceError::Camera {
            camera: self.name.clone(),
            reason: error.to_string(),
            remedy: "check that it is connected",
        })?;
        frame.encoding = self.encoding;
        (frame.width, frame.height) = (self.size.width(), self.size.height());
        frame.bytes.extend_from_slice(&bytes);
        Ok(Read::Frame)
    }

    fn device_name(&self) -> Option<String> {
        Some(self.device_name.clone())
    }
}

/// The devices to try: the camera's path or, for a camera addressed by number that was open before, first the devices
/// with its name.
fn candidates(path: &Path, sought: Option<&Sought>) -> Vec<PathBuf> {
    let is_numbered = path.to_str().is_some_and(|path| path.starts_with("/dev/video"));
    let Some(sought) = sought.filter(|_| is_numbered) else { return vec![path.to_owned()] };
    let mut same_name: Vec<PathBuf> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|device| !sought.except.contains(device))
        .filter(|device| device_name(device).as_ref() == Some(&sought.name))
        .collect();
    // The configured number first.
    same_name.sort_by_key(|device| (device != path, device_index(device).ok()));
    if !same_name.iter().any(|device| device == path) {
        same_name.push(path.to_owned());
    }
    same_name
}

/// The driver's name of the camera at /dev/videoN.
fn device_name(device: &Path) -> Option<String> {
    let index = device_index(device).ok()?;
    let name = fs::read_to_string(format!("/sys/class/video4linux/video{index}/name")).ok()?;
    Some(name.trim_end().to_owned())
}

fn encoding(format: FrameFormat) -> Encoding {
    match format {
        FrameFormat::MJPEG => Encoding::Jpeg,
        FrameFormat::YUYV => Encoding::Yuyv,
        FrameFormat::NV12 => Encoding::Nv12,
        FrameFormat::GRAY => Encoding::Gray,
        FrameFormat::RAWRGB => Encoding::Rgb,
        FrameFormat::RAWBGR => Encoding::Bgr,
    }
}

/// The number of a device file, or of the target of a link such as those in /dev/v4l/by-id.
fn device_index(path: &Path) -> Result<u32, String> {
    if let Some(index) = device_number(path) {
        return Ok(index);
    }
    let device = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    device_number(&device).ok_or_else(|| format!("{} is not a video device", device.display()))
}

fn device_number(device: &Path) -> Option<u32> {
    device.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// Whether the device file of a camera exists.
pub fn is_plugged_in(device: &Path) -> bool {
    let entries = device.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    entries.flatten().any(|entry| entry.path() == device)
}

fn remedy(path: &Path) -> &'static str {
    match fs::File::open(path).map_err(|error| error.kind()) {
        Err(io::ErrorKind::NotFound) => ABSENT,
        Err(io::ErrorKind::PermissionDenied) => "you may not open it: join the group `video`",
        _ => "check that it is a camera and that it is not used by another program",
    }
}

/// The format nearest to the configured one: first by size, then by frame rate, then by preference.
fn choose_format(index: u32, config: &SourceConfig) -> Result<CameraFormat, (String, &'static str)> {
    let formats =
        formats(index).map_err(|reason| (reason, remedy(Path::new(&format!("/dev/video{index}")))))?;
    let wanted_size = (config.width.unwrap_or(DEFAULT_SIZE.0), config.height.unwrap_or(DEFAULT_SIZE.1));
    let wanted_fps = config.fps.unwrap_or(DEFAULT_FPS);
    let distance = |format: &CameraFormat| {
        let size = format.width().abs_diff(wanted_size.0) + format.height().abs_diff(wanted_size.1);
        let preference = READABLE.iter().position(|readable| *readable == format.format());
        (size, format.frame_rate().abs_diff(wanted_fps), preference)
    };
    let nearest = formats.into_iter().min_by_key(distance);
    nearest.ok_or_else(|| {
        ("it has no supported format".to_owned(), "use a camera with MJPG, YUYV, NV12 or gray")
    })
}

fn formats(index: u32) -> Result<Vec<CameraFormat>, String> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &READABLE);
    let mut camera = Camera::new(CameraIndex::Index(index), any).map_err(|error| error.to_string())?;
    let mut formats = camera.compatible_camera_formats().map_err(|error| error.to_string())?;
    formats.retain(|format| READABLE.contains(&format.format()));
    Ok(formats)
}

/// A camera and its formats.
pub struct CameraListing {
    /// The URI for `--source`.
    pub uri: String,
    /// The device name.
    pub name: String,
    /// A path in /dev/v4l/by-id, which does not depend on the camera's number, if there is one.
    pub stable_path: Option<String>,
    /// Formats with size and frame rate.
    pub formats: Vec<String>,
}

/// All cameras with a supported format. Metadata nodes have none and are skipped.
pub fn list_cameras() -> Vec<CameraListing> {
    let mut found = nokhwa::query(ApiBackend::Video4Linux).unwrap_or_default();
    found.sort_by_key(|info| info.index().as_index().unwrap_or(u32::MAX));
    found
        .iter()
        .filter_map(|info| {
            let index = info.index().as_index().ok()?;
            let mut formats = formats(index).ok().filter(|formats| !formats.is_empty())?;
            formats.sort_by_key(|format| {
                (format.format().to_string(), format.width(), format.height(), format.frame_rate())
            });
            let text = |format: &CameraFormat| {
                format!(
                    "{} {}x{} {} fps",
                    format.format(),
                    format.width(),
                    format.height(),
                    format.frame_rate()
                )
            };
            Some(CameraListing {
                uri: format!("camera:{index}"),
                name: info.human_name(),
                stable_path: stable_path(index),
                formats: formats.iter().map(text).collect(),
            })
        })
        .collect()
}

fn stable_path(index: u32) -> Option<String> {
    let device = format!("/dev/video{index}");
    let links = fs::read_dir("/dev/v4l/by-id").ok()?;
    let paths = links.filter_map(|link| Some(link.ok()?.path()));
    paths
        .into_iter()
        .find(|path| fs::canonicalize(path).is_ok_and(|target| target == Path::new(&device)))
        .map(|path| path.display().to_string())
}
