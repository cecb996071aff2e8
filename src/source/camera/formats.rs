//! The formats that a camera offers, and which one is used.

use super::video4linux::{UNSUITABLE, Unusable};
use crate::{
    frame::{Chroma, Encoding},
    source::SourceConfig,
};
use std::fmt;
use v4l::{
    Device, FourCC, Fraction, frameinterval::FrameIntervalEnum, framesize::FrameSizeEnum, video::Capture,
};

/// A pixel format that can be read.
#[derive(Debug)]
pub(super) struct Readable {
    code: &'static [u8; 4],
    pub encoding: Encoding,
    /// Whether the V plane comes before the U plane.
    pub is_v_first: bool,
}

/// The readable formats in order of preference. JPEG comes first because it needs the least bandwidth.
const READABLE: [Readable; 10] = [
    format(b"MJPG", Encoding::Jpeg),
    format(b"JPEG", Encoding::Jpeg),
    format(b"YUYV", Encoding::Yuyv),
    format(b"UYVY", Encoding::Uyvy),
    format(b"NV12", Encoding::Nv12),
    format(b"YU12", Encoding::Planar(Chroma::C420)),
    Readable { code: b"YV12", encoding: Encoding::Planar(Chroma::C420), is_v_first: true },
    format(b"RGB3", Encoding::Rgb),
    format(b"BGR3", Encoding::Bgr),
    format(b"GREY", Encoding::Gray),
];

const fn format(code: &'static [u8; 4], encoding: Encoding) -> Readable {
    Readable { code, encoding, is_v_first: false }
}

const OTHER_CAMERA: &str = "use a camera with MJPG, YUYV, UYVY, NV12, YU12, YV12, RGB3, BGR3 or GREY";

/// The requested size and frame rate if none is configured.
const DEFAULT_SIZE: (u32, u32) = (640, 480);
const DEFAULT_FPS: u32 = 30;

/// The readable format with this code.
pub(super) fn readable(fourcc: FourCC) -> Option<&'static Readable> {
    READABLE.iter().find(|format| *format.code == fourcc.repr)
}

/// The format's code as text; short ones end with spaces.
pub(super) fn code(fourcc: FourCC) -> String {
    String::from_utf8_lossy(&fourcc.repr).trim_end().to_owned()
}

/// A format with its size and frame rate.
#[derive(Clone, Debug)]
pub(super) struct Mode {
    pub fourcc: FourCC,
    pub width: u32,
    pub height: u32,
    /// Time between two frames, if the driver tells it.
    pub interval: Option<Fraction>,
}

impl Mode {
    fn fps(&self) -> Option<f64> {
        self.interval.map(|interval| f64::from(interval.denominator) / f64::from(interval.numerator))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = code(self.fourcc);
        let name = if code == "MJPG" { "MJPEG" } else { &code };
        write!(f, "{name} {}x{}", self.width, self.height)?;
        match self.fps() {
            Some(fps) => write!(f, " {} fps", (fps * 100.0).round() / 100.0),
            None => Ok(()),
        }
    }
}

/// What a camera offers.
pub(super) struct Offers {
    /// The codes of all its formats, readable or not.
    pub codes: Vec<FourCC>,
    /// The readable formats. Of a range of sizes, those nearest to the wanted one and the largest.
    pub modes: Vec<Mode>,
    wanted: Mode,
}

impl Offers {
    /// Asks the camera. The configuration tells which size and frame rate is wanted.
    pub fn of(device: &Device, config: &SourceConfig) -> Result<Self, Unusable> {
        let wanted = Mode {
            fourcc: FourCC::default(),
            width: config.width.unwrap_or(DEFAULT_SIZE.0),
            height: config.height.unwrap_or(DEFAULT_SIZE.1),
            interval: Some(Fraction::new(1, config.fps.unwrap_or(DEFAULT_FPS).max(1))),
        };
        let found = device.enum_formats().map_err(|error| (error.to_string(), UNSUITABLE))?;
        let codes: Vec<FourCC> = found.into_iter().map(|description| description.fourcc).collect();
        let modes = codes.iter().filter(|code| readable(**code).is_some());
        let modes =
            modes.flat_map(|code| modes_of(device, &Mode { fourcc: *code, ..wanted.clone() })).collect();
        Ok(Self { codes, modes, wanted })
    }

    /// The mode nearest to the wanted one: first by size, then by frame rate, then by preference.
    pub fn nearest(self) -> Result<Mode, Unusable> {
        let rate = |mode: &Mode| mode.fps().or(self.wanted.fps()).unwrap_or_default();
        let distance = |mode: &Mode| {
            let size = mode.width.abs_diff(self.wanted.width) + mode.height.abs_diff(self.wanted.height);
            let millihertz = (rate(mode) - rate(&self.wanted)).abs() * 1000.0;
            let preference = READABLE.iter().position(|readable| *readable.code == mode.fourcc.repr);
            (size, millihertz as u64, preference)
        };
        let nearest = self.modes.iter().min_by_key(|mode| distance(mode));
        nearest.cloned().ok_or_else(|| (self.what_is_wrong(), OTHER_CAMERA))
    }

    /// Why there is no readable format.
    pub fn what_is_wrong(&self) -> String {
        let codes: Vec<String> = self.codes.iter().map(|fourcc| code(*fourcc)).collect();
        if codes.is_empty() {
            return "it captures no pictures".to_owned();
        }
        format!("it offers {} only", codes.join(", "))
    }
}

/// The modes of one format. A driver that tells no sizes or frame rates has those that are wanted.
fn modes_of(device: &Device, wanted: &Mode) -> Vec<Mode> {
    let sizes = device.enum_framesizes(wanted.fourcc).unwrap_or_default();
    let mut modes: Vec<Mode> = sizes
        .into_iter()
        .flat_map(|found| sizes_near(&found.size, wanted))
        .map(|(width, height)| Mode { width, height, ..wanted.clone() })
        .collect();
    if modes.is_empty() {
        modes.push(wanted.clone());
    }
    modes.into_iter().flat_map(|mode| with_intervals(device, &mode)).collect()
}

fn sizes_near(size: &FrameSizeEnum, wanted: &Mode) -> Vec<(u32, u32)> {
    match size {
        FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => {
            let step = |wanted: u32, min: u32, max: u32, step: u32| {
                let steps = (wanted.clamp(min, max) - min) / step.max(1);
                min + steps * step
            };
            let width = step(wanted.width, range.min_width, range.max_width, range.step_width);
            let height = step(wanted.height, range.min_height, range.max_height, range.step_height);
            vec![(width, height), (range.max_width, range.max_height)]
        }
    }
}

fn with_intervals(device: &Device, mode: &Mode) -> Vec<Mode> {
    let found = device.enum_frameintervals(mode.fourcc, mode.width, mode.height).unwrap_or_default();
    let seconds = |interval: Fraction| f64::from(interval.numerator) / f64::from(interval.denominator);
    let intervals: Vec<Fraction> = found
        .into_iter()
        .filter_map(|found| match found.interval {
            FrameIntervalEnum::Discrete(interval) => Some(interval),
            FrameIntervalEnum::Stepwise(range) => mode.interval.map(|wanted| {
                if seconds(wanted) < seconds(range.min) {
                    range.min
                } else if seconds(wanted) > seconds(range.max) {
                    range.max
                } else {
                    wanted
                }
            }),
        })
        .filter(|interval| interval.numerator > 0 && interval.denominator > 0)
        .collect();
    if intervals.is_empty() {
        return vec![Mode { interval: None, ..mode.clone() }];
    }
    intervals.into_iter().map(|interval| Mode { interval: Some(interval), ..mode.clone() }).collect()
}
