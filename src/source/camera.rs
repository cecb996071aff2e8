//! Cameras through V4L2 and nokhwa. Frames leave as the camera sends them; nothing is decoded here.

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

/// Formats we read, the cheapest to carry first: a camera sends larger pictures at a higher rate as MJPG.
const READABLE: [FrameFormat; 6] = [
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// Frames are analysed at this size where nothing else is asked for.
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: u32 = 30;

/// What to do about a camera that is not there.
const ABSENT: &str = "`emotiond cameras` lists the cameras there are";

/// A camera that streams.
pub(super) struct CameraSource {
    camera: Camera,
    name: String,
    device_name: String,
    encoding: Encoding,
    size: Resolution,
}

impl CameraSource {
    /// Opens the camera at `path`, or one that was open before where it is now.
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
            .map_err(|error| (error.to_string(), "another program may be using it: close that one first"))?;
        let got = camera.camera_format();
        let device_name = device_name(path).unwrap_or_else(|| camera.info().human_name());
        tracing::info!(
            source = config.name(),
            camera = device_name,
            device = %path.display(),
            "asked for {format}, got {got}"
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
            remedy: "is it still plugged in?",
        })?;
        frame.stamp();
        frame.encoding = self.encoding;
        (frame.width, frame.height) = (self.size.width(), self.size.height());
        frame.bytes.extend_from_slice(&bytes);
        Ok(Read::Frame)
    }

    fn device_name(&self) -> Option<String> {
        Some(self.device_name.clone())
    }
}

/// Where to look for a camera: at its path; one by number that was open before, first wherever its name is now.
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
    // Its own number first.
    same_name.sort_by_key(|device| (device != path, device_index(device).ok()));
    if !same_name.iter().any(|device| device == path) {
        same_name.push(path.to_owned());
    }
    same_name
}

/// What the driver calls the camera at /dev/videoN.
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

/// The number behind a device file, or behind a link to one such as those in /dev/v4l/by-id.
fn device_index(path: &Path) -> Result<u32, String> {
    if let Some(index) = device_number(path) {
        return Ok(index);
    }
    let device = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
    device_number(&device).ok_or_else(|| format!("{} is no video device", device.display()))
}

fn device_number(device: &Path) -> Option<u32> {
    device.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// Whether the system has a camera's device file.
pub fn is_plugged_in(device: &Path) -> bool {
    let entries = device.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    entries.flatten().any(|entry| entry.path() == device)
}

fn remedy(path: &Path) -> &'static str {
    match fs::File::open(path).map_err(|error| error.kind()) {
        Err(io::ErrorKind::NotFound) => ABSENT,
        Err(io::ErrorKind::PermissionDenied) => "you may not open it: join the group `video`",
        _ => "is it a camera, and does another program use it?",
    }
}

/// The format nearest to what is asked for: first the size, then the rate, then what is cheaper to carry.
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
        ("it offers no format that can be read".to_owned(), "take a camera with MJPG, YUYV, NV12 or gray")
    })
}

fn formats(index: u32) -> Result<Vec<CameraFormat>, String> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &READABLE);
    let mut camera = Camera::new(CameraIndex::Index(index), any).map_err(|error| error.to_string())?;
    let mut formats = camera.compatible_camera_formats().map_err(|error| error.to_string())?;
    formats.retain(|format| READABLE.contains(&format.format()));
    Ok(formats)
}

/// A camera and what it offers.
pub struct CameraListing {
    /// As `--source` takes it.
    pub uri: String,
    /// What it calls itself.
    pub name: String,
    /// A name that stays when the number changes, where the system has one.
    pub stable_path: Option<String>,
    /// Sizes, rates and formats.
    pub formats: Vec<String>,
}

/// All cameras that offer a format we read; metadata nodes offer none and are passed over.
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
