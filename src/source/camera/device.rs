//! Which device is which camera: numbers, and what stays the same when a camera is unplugged and plugged in again.

#![cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "elsewhere, no camera is read"))]

use crate::system::device_numbers;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The major number of Video4Linux devices.
const VIDEO4LINUX: u32 = 81;

/// What identifies a camera: its name, its USB serial number, and where it is plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    name: String,
    /// Vendor and product of a USB device.
    product: String,
    /// USB serial number, if it has one.
    serial: Option<String>,
    /// USB bus and port, or the path of another device.
    place: String,
    /// Which of the camera's device files; cameras also have one for metadata.
    index: u32,
}

impl Identity {
    /// The identity of /dev/videoNUMBER, from the system's description of it, which is below `system` (`/sys`).
    pub fn read(system: &Path, number: u32) -> Option<Self> {
        let node = system.join(format!("class/video4linux/video{number}"));
        let name = text(&node.join("name"))?;
        let index = text(&node.join("index")).and_then(|index| index.parse().ok()).unwrap_or_default();
        let device = fs::canonicalize(node.join("device")).or_else(|_| fs::canonicalize(&node));
        let device = device.unwrap_or_default();
        let usb = device.ancestors().find(|folder| folder.join("busnum").exists());
        let of_usb = |key: &str| usb.and_then(|folder| text(&folder.join(key)));
        let place = match (of_usb("busnum"), of_usb("devpath")) {
            (Some(bus), Some(port)) => format!("usb {bus}-{port}"),
            _ => device.display().to_string(),
        };
        let product = [of_usb("idVendor"), of_usb("idProduct")].map(Option::unwrap_or_default).join(":");
        let serial = of_usb("serial").filter(|serial| !serial.is_empty());
        Some(Self { name, product, serial, place, index })
    }

    /// A camera of which only the name is known.
    pub fn named(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// The driver's name of the camera.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the same camera: of the same model, with the same serial number or, if one of them has none, on
    /// the same port.
    fn is(&self, other: &Self) -> bool {
        let same_model =
            (&self.name, &self.product, self.index) == (&other.name, &other.product, other.index);
        same_model
            && match (&self.serial, &other.serial) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => self.place == other.place,
            }
    }
}

/// A camera that was open before and may have been assigned another number.
#[derive(Clone, Debug)]
pub struct Sought {
    identity: Identity,
    /// The cameras that were there beside it. They are never taken for it.
    strangers: Vec<Identity>,
    /// Device files of other sources.
    except: Vec<PathBuf>,
}

impl Sought {
    /// For a camera that is open now.
    pub fn new(identity: Identity) -> Self {
        let mut sought = Self { identity, strangers: Vec::new(), except: Vec::new() };
        sought.look_around();
        sought
    }

    /// The same, but the device files `except`, which are those of other sources, are not tried.
    pub fn except(self, except: Vec<PathBuf>) -> Self {
        Self { except, ..self }
    }

    /// Notes the other cameras that are there now.
    pub fn look_around(&mut self) {
        self.look_around_in(Path::new(super::SYSTEM));
    }

    fn look_around_in(&mut self, system: &Path) {
        for stranger in numbers(system).into_iter().filter_map(|number| Identity::read(system, number)) {
            if stranger != self.identity && !self.strangers.contains(&stranger) {
                self.strangers.push(stranger);
            }
        }
    }

    fn is_stranger(&self, system: &Path, number: u32) -> bool {
        Identity::read(system, number).is_some_and(|identity| self.strangers.contains(&identity))
    }

    fn is_found_at(&self, system: &Path, number: u32) -> bool {
        Identity::read(system, number).is_some_and(|identity| self.identity.is(&identity))
    }
}

/// The devices to try: the camera's path or, for a camera given by number that was open before, the device that is the
/// same camera, and then a new one under its number.
pub(super) fn candidates(system: &Path, path: &Path, sought: Option<&Sought>) -> Vec<PathBuf> {
    let Some((own, sought)) = device_number(path).zip(sought) else { return vec![path.to_owned()] };
    let taken: Vec<u32> = sought.except.iter().filter_map(|path| number(system, path)).collect();
    let mut found: Vec<u32> = numbers(system)
        .into_iter()
        .filter(|number| !taken.contains(number) && sought.is_found_at(system, *number))
        .chain([own])
        .filter(|number| !sought.is_stranger(system, *number))
        .collect();
    // The configured number first, if it is the same camera.
    found.sort_by_key(|number| (!sought.is_found_at(system, *number), *number != own, *number));
    found.dedup();
    found.into_iter().map(|number| PathBuf::from(format!("/dev/video{number}"))).collect()
}

/// The numbers of all Video4Linux devices.
fn numbers(system: &Path) -> Vec<u32> {
    let nodes = fs::read_dir(system.join("class/video4linux")).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        nodes.filter_map(|node| node.file_name().to_str()?.strip_prefix("video")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

/// The number of a device file, of a link to one such as those in /dev/v4l/by-id, or of one under another name.
pub(super) fn number(system: &Path, path: &Path) -> Option<u32> {
    device_number(path).or_else(|| {
        let (major, minor) = device_numbers(&fs::metadata(path).ok()?)?;
        let node = fs::canonicalize(system.join(format!("dev/char/{major}:{minor}"))).ok()?;
        node.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()
    })
}

fn device_number(device: &Path) -> Option<u32> {
    device.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// Whether the path leads to a Video4Linux device, whatever its name, or to one that is unplugged: what is missing in
/// /dev itself is a device.
pub(in crate::source) fn is_video_device(path: &Path) -> bool {
    match fs::metadata(path) {
        Ok(found) => device_numbers(&found).is_some_and(|(major, _)| major == VIDEO4LINUX),
        Err(_) => path.parent() == Some(Path::new("/dev")),
    }
}

/// Whether the device file of a camera exists.
pub fn is_plugged_in(device: &Path) -> bool {
    let entries = device.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
    entries.flatten().any(|entry| entry.path() == device)
}

fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A camera as the system describes it: number of its device file, name, USB serial number, bus, port.
    type Described = (u32, &'static str, Option<&'static str>, u32, &'static str);

    const OURS: Described = (0, "HD Webcam", None, 1, "2");

    /// A folder like /sys with these cameras, each with a device file for metadata.
    fn system(cameras: &[Described]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: PathBuf, text: &str| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        };
        fs::create_dir_all(folder.path().join("class/video4linux")).unwrap();
        for (number, name, serial, bus, port) in cameras {
            let usb = folder.path().join(format!("devices/usb{bus}/{bus}-{port}"));
            write(usb.join("busnum"), &bus.to_string());
            write(usb.join("devpath"), port);
            write(usb.join("idVendor"), "046d");
            write(usb.join("idProduct"), "0825");
            if let Some(serial) = serial {
                write(usb.join("serial"), serial);
            }
            for index in [0, 1] {
                let interface = usb.join("interface");
                let node = interface.join(format!("video4linux/video{}", number + index));
                write(node.join("name"), name);
                write(node.join("index"), &index.to_string());
                symlink(&interface, node.join("device")).unwrap();
                let class = folder.path().join(format!("class/video4linux/video{}", number + index));
                symlink(&node, class).unwrap();
            }
        }
        folder
    }

    /// The devices that are tried for camera:0, which was [`OURS`] among `before`, when there are those of `after`.
    fn tried(before: &[Described], after: &[Described], except: &[&str]) -> Vec<String> {
        let known = system(before);
        let identity = Identity::read(known.path(), 0).unwrap();
        let mut sought =
            Sought { identity, strangers: vec![], except: except.iter().map(Into::into).collect() };
        sought.look_around_in(known.path());
        let found = candidates(system(after).path(), Path::new("/dev/video0"), Some(&sought));
        found.iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_camera_is_found_on_its_port_under_another_number() {
        assert_eq!(tried(&[OURS], &[(2, "HD Webcam", None, 1, "2")], &[]), ["/dev/video2", "/dev/video0"]);
        assert_eq!(tried(&[OURS], &[OURS], &[]), ["/dev/video0"]);
        assert_eq!(tried(&[OURS], &[], &[]), ["/dev/video0"]);
    }

    #[test]
    fn another_camera_of_the_same_name_is_never_taken() {
        let twin = (2, "HD Webcam", None, 1, "3");
        assert_eq!(tried(&[OURS, twin], &[twin], &[]), ["/dev/video0"]);
        // It was there before, and it is plugged in again while ours is away: its number is now that of ours.
        let renumbered = (0, "HD Webcam", None, 1, "3");
        assert!(tried(&[OURS, twin], &[renumbered], &[]).is_empty());
        // Ours is back as well.
        let moved = (4, "HD Webcam", None, 1, "2");
        assert_eq!(tried(&[OURS, twin], &[renumbered, moved], &[]), ["/dev/video4"]);
        // It came after the loss, on another port, under another number.
        assert_eq!(tried(&[OURS], &[twin], &[]), ["/dev/video0"]);
    }

    #[test]
    fn a_serial_number_is_found_on_any_port() {
        let with_serial = (0, "HD Webcam", Some("A17"), 1, "2");
        let elsewhere = (2, "HD Webcam", Some("A17"), 3, "1.4");
        assert_eq!(tried(&[with_serial], &[elsewhere], &[]), ["/dev/video2", "/dev/video0"]);
        let other_on_its_port = (2, "HD Webcam", Some("B22"), 1, "2");
        assert_eq!(tried(&[with_serial], &[other_on_its_port], &[]), ["/dev/video0"]);
        // Some makers give all their cameras one serial number.
        let twin = (2, "HD Webcam", Some("A17"), 1, "3");
        assert_eq!(tried(&[with_serial, twin], &[twin], &[]), ["/dev/video0"]);
    }

    #[test]
    fn what_another_source_reads_is_not_tried() {
        assert_eq!(tried(&[OURS], &[(2, "HD Webcam", None, 1, "2")], &["/dev/video2"]), ["/dev/video0"]);
    }

    #[test]
    fn a_new_camera_under_the_configured_number_is_taken() {
        assert_eq!(tried(&[OURS], &[(0, "Another", None, 4, "1")], &[]), ["/dev/video0"]);
    }

    #[test]
    fn a_link_keeps_its_meaning() {
        let known = system(&[OURS]);
        let sought = Sought::new(Identity::read(known.path(), 0).unwrap());
        let link = Path::new("/dev/v4l/by-id/webcam");
        assert_eq!(candidates(known.path(), link, Some(&sought)), [link]);
    }
}
