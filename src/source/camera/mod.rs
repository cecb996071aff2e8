//! Cameras. On Linux, they are read through Video4Linux; frames are passed on as the camera sends them, undecoded.
mod device;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod formats;
#[cfg(target_os = "linux")]
mod list;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod video4linux;

pub(super) use device::is_video_device;
pub use device::{Identity, Sought, is_plugged_in};
#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::CameraSource;
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{NO_CAMERA, list_cameras};
#[cfg(target_os = "linux")]
pub use list::{NO_CAMERA, list_cameras};
#[cfg(target_os = "linux")]
pub(super) use video4linux::CameraSource;

/// Where the system describes its devices.
const SYSTEM: &str = "/sys";

/// A camera and its formats.
pub struct CameraListing {
    /// The URI for `--source`.
    pub uri: String,
    /// The device name.
    pub name: String,
    /// A path in /dev/v4l/by-id, which does not depend on the camera's number, if there is one.
    pub stable_path: Option<String>,
    /// Readable formats with size and frame rate, or why there is none.
    pub formats: Vec<String>,
}
