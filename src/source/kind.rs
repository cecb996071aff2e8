//! Tells what a file contains by its first bytes. Names often lie: programs save JPEG as `.jfif` or `.png`.

use image::ImageFormat;
use std::{
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// File extensions of streams of JPEG pictures, which begin like one picture.
const MJPEG_ENDINGS: [&str; 3] = ["mjpg", "mjpeg", "mjpe"];
/// File extensions of pictures. They decide only if the file cannot be read or has an unknown content.
const PICTURE_ENDINGS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "pbm", "pgm", "ppm", "pnm", "tif", "tiff", "webp", "heic",
    "heif", "avif",
];
/// File extensions of videos and animations, likewise.
const VIDEO_ENDINGS: [&str; 14] =
    ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "wmv", "flv", "3gp", "ogv"];
/// Chunks of a PNG file before its pixels that are examined; more are suspicious.
const PNG_CHUNKS: usize = 256;
/// Pages of a TIFF file that are counted.
const PAGES: u32 = 10_000;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// One picture in a format that this program decodes.
    Picture,
    /// A TIFF file with this many pages, more than one.
    Pages(u32),
    /// An animated PNG or WebP picture.
    Animation,
    /// A GIF.
    Gif,
    /// HEIC or AVIF, which some versions of ffmpeg decode.
    Heif,
    /// A video by its name or content.
    Video,
    /// Anything else.
    Other,
}

impl Kind {
    /// The kind of a file. Only regular files are opened.
    pub fn of(path: &Path) -> Self {
        let by_content = path.is_file().then(|| File::open(path).ok()).flatten().and_then(by_content);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let has_ending = |endings: &[&str]| ending.as_deref().is_some_and(|ending| endings.contains(&ending));
        match by_content {
            Some(Self::Picture) if has_ending(&MJPEG_ENDINGS) => Self::Video,
            Some(kind) => kind,
            None if has_ending(&PICTURE_ENDINGS) => Self::Picture,
            None if has_ending(&VIDEO_ENDINGS) || has_ending(&MJPEG_ENDINGS) => Self::Video,
            None if ending.as_deref() == Some("gif") => Self::Gif,
            None => Self::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Picture | Self::Pages(_) => "pictures",
            Self::Animation | Self::Gif => "animations",
            Self::Heif => "HEIC or AVIF pictures",
            Self::Video => "videos",
            Self::Other => "other files",
        })
    }
}

fn by_content(mut file: File) -> Option<Kind> {
    let mut start = [0; 32];
    let count = file.by_ref().take(start.len() as u64).read(&mut start).ok()?;
    let start = &start[..count];
    if let Some(brand) = start.get(8..12).filter(|_| start[4..8] == *b"ftyp") {
        let is_still =
            [*b"heic", *b"heix", *b"heim", *b"heis", *b"mif1", *b"avif"].iter().any(|b| b == brand);
        return Some(if is_still { Kind::Heif } else { Kind::Video });
    }
    Some(match image::guess_format(start).ok()? {
        ImageFormat::Gif => Kind::Gif,
        ImageFormat::Png if is_animated_png(&mut file).unwrap_or(false) => Kind::Animation,
        ImageFormat::WebP if is_animated_webp(start) => Kind::Animation,
        ImageFormat::Tiff => match pages(&mut file) {
            Some(count) if count > 1 => Kind::Pages(count),
            _ => Kind::Picture,
        },
        ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Bmp | ImageFormat::Pnm => {
            Kind::Picture
        }
        _ => return None,
    })
}

/// Whether an `acTL` chunk stands before the pixels (APNG specification).
fn is_animated_png(file: &mut File) -> Option<bool> {
    file.seek(SeekFrom::Start(8)).ok()?;
    for _ in 0..PNG_CHUNKS {
        let mut header = [0; 8];
        file.read_exact(&mut header).ok()?;
        let length = u32::from_be_bytes(header[..4].try_into().ok()?);
        match &header[4..] {
            b"acTL" => return Some(true),
            b"IDAT" | b"IEND" => return Some(false),
            _ => file.seek_relative(i64::from(length) + 4).ok()?,
        }
    }
    None
}

/// Whether the animation flag of an extended WebP file is set (RFC 9649).
fn is_animated_webp(start: &[u8]) -> bool {
    start.get(12..16) == Some(b"VP8X") && start.get(20).is_some_and(|flags| flags & 2 != 0)
}

/// The number of a TIFF file's directories, each of which is a page; `None` if the chain of directories is broken.
fn pages(file: &mut File) -> Option<u32> {
    let mut header = [0; 8];
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_exact(&mut header).ok()?;
    let is_little = header[0] == b'I';
    let number =
        |bytes: [u8; 4]| if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) };
    let mut next = number(header[4..].try_into().ok()?);
    let mut count = 0;
    while next != 0 && count < PAGES {
        count += 1;
        let mut entries = [0; 2];
        file.seek(SeekFrom::Start(u64::from(next))).ok()?;
        file.read_exact(&mut entries).ok()?;
        let entries = if is_little { u16::from_le_bytes(entries) } else { u16::from_be_bytes(entries) };
        let mut offset = [0; 4];
        file.seek_relative(i64::from(entries) * 12).ok()?;
        file.read_exact(&mut offset).ok()?;
        next = number(offset);
    }
    Some(count)
}
