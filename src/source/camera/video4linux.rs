//! A camera through Video4Linux.

use super::{
    Identity, SYSTEM, Sought, device,
    formats::{self, Mode, Offers},
    rows::Rows,
};
use crate::{
    frame::Frame,
    source::{Read, Source, SourceConfig, SourceError},
};
use std::{io, path::Path};
use v4l::{
    Device, buffer,
    io::{mmap, traits::CaptureStream},
    video::Capture,
};

const ABSENT: &str = "`emotiond cameras` lists the available cameras";
const IN_USE: &str = "if another program uses the camera, close it";
pub(super) const UNSUITABLE: &str = "check that it is a camera and that it is not used by another program";

/// Why a device cannot be used as a camera, and what to do about it.
pub(super) type Unusable = (String, &'static str);

/// An open camera.
pub(in crate::source) struct CameraSource {
    stream: mmap::Stream<'static>,
    rows: Rows,
    identity: Identity,
    name: String,
}

impl CameraSource {
    /// Opens the camera at `path`, or the camera `sought` under its current number.
    pub fn open(path: &Path, config: &SourceConfig, sought: Option<&Sought>) -> Result<Self, SourceError> {
        let candidates = device::candidates(Path::new(SYSTEM), path, sought);
        let mut unusable =
            candidates.is_empty().then(|| (format!("another camera is now {}", path.display()), ABSENT));
        for candidate in candidates {
            match Self::open_device(&candidate, config) {
                Ok(camera) => return Ok(camera),
                Err(found) => unusable = unusable.or(Some(found)),
            }
        }
        let (reason, remedy) = unusable.unwrap_or_default();
        Err(SourceError::Camera { camera: config.uri.to_string(), reason, remedy })
    }

    fn open_device(path: &Path, config: &SourceConfig) -> Result<Self, Unusable> {
        let device = open(path)?;
        let wanted = Offers::of(&device, config).and_then(Offers::nearest)?;
        let (rows, got) = set_mode(&device, &wanted)?;
        let stream = mmap::Stream::new(&device, buffer::Type::VideoCapture)
            .map_err(|error| (error.to_string(), IN_USE))?;
        let identity = device::number(Path::new(SYSTEM), path)
            .and_then(|number| Identity::read(Path::new(SYSTEM), number))
            .unwrap_or_else(|| Identity::named(card(&device)));
        tracing::info!(
            source = config.name(),
            camera = identity.name(),
            device = %path.display(),
            "requested {wanted}, got {got}"
        );
        Ok(Self { stream, rows, identity, name: config.uri.to_string() })
    }
}

impl Source for CameraSource {
    fn read(&mut self, frame: &mut Frame) -> Result<Read, SourceError> {
        let (buffer, about) = self.stream.next().map_err(|error| SourceError::Camera {
            camera: self.name.clone(),
            reason: error.to_string(),
            remedy: "check that it is connected",
        })?;
        frame.encoding = self.rows.encoding;
        (frame.width, frame.height) = (self.rows.width, self.rows.height);
        // The rest of the buffer is left from earlier frames.
        let used = buffer.len().min(about.bytesused as usize);
        self.rows.append(&buffer[..used], &mut frame.bytes);
        Ok(Read::Frame)
    }

    fn camera(&self) -> Option<Identity> {
        Some(self.identity.clone())
    }
}

pub(super) fn open(path: &Path) -> Result<Device, Unusable> {
    Device::with_path(path).map_err(|error| {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => ABSENT,
            io::ErrorKind::PermissionDenied => "you may not open it: join the group `video`",
            _ => UNSUITABLE,
        };
        (format!("{}: {error}", path.display()), remedy)
    })
}

/// Sets the format, whatever the camera's last user has left, and the frame rate. Returns what the camera gives.
fn set_mode(device: &Device, wanted: &Mode) -> Result<(Rows, Mode), Unusable> {
    let format = v4l::Format::new(wanted.width, wanted.height, wanted.fourcc);
    let got = device.set_format(&format).map_err(|error| (error.to_string(), IN_USE))?;
    let readable = formats::readable(got.fourcc).ok_or_else(|| {
        (
            format!(
                "it gives {} although it offers {}",
                formats::code(got.fourcc),
                formats::code(wanted.fourcc)
            ),
            UNSUITABLE,
        )
    })?;
    // Best effort: not every driver has frame rates.
    let interval = wanted
        .interval
        .and_then(|interval| device.set_params(&v4l::video::capture::Parameters::new(interval)).ok())
        .map(|parameters| parameters.interval);
    let mode = Mode { fourcc: got.fourcc, width: got.width, height: got.height, interval };
    Ok((Rows::new(readable, got.width, got.height, got.stride), mode))
}

fn card(device: &Device) -> String {
    device.query_caps().map(|found| found.card).unwrap_or_default()
}
