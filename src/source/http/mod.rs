//! Sources behind `http://` and `https://`. Streams of JPEG pictures and single pictures are read here; ffmpeg reads
//! everything else.

mod client;
mod playlist;
mod snapshot;
mod stream;

use super::{Source, SourceConfig, SourceError, Stop, address::Address, ffmpeg::FfmpegSource, ffprobe};
use client::{Answer, Body, Client, Validators};
use snapshot::Snapshots;
use std::{
    io::{BufRead, BufReader},
    sync::Once,
};
use stream::JpegStream;
use ureq::http::{HeaderMap, header};

/// The input's buffer in bytes; enough for most pictures.
const BUFFER_BYTES: usize = 128 << 10;

/// How lists of streams begin that ffmpeg would follow: DASH, concat, SDP.
const LISTS: [&[u8]; 4] = [b"<?xml", b"<MPD", b"ffconcat", b"v=0"];

/// What a server sends.
#[derive(Debug, PartialEq)]
enum Content {
    /// JPEG pictures without an end.
    JpegStream,
    /// One picture.
    Picture,
    /// A list of the parts of a video (RFC 8216).
    Playlist,
    /// A list in another format, which ffmpeg would follow.
    OtherList,
    /// A video that ffmpeg reads.
    Video,
}

/// Asks the server once, and opens what it sends.
///
/// # Errors
/// When the server cannot be reached or sends nothing that can be read.
pub(super) fn open(
    address: &Address,
    config: &SourceConfig,
    max_megapixels: f64,
    stop: &Stop,
) -> Result<Box<dyn Source>, SourceError> {
    let failed =
        |reason: String| SourceError::Stream { uri: address.to_string(), reason: address.hide_in(&reason) };
    if address.is_https() && !config.tls_verify {
        static WARNED: Once = Once::new();
        WARNED.call_once(|| {
            tracing::warn!(source = config.name(), "certificates are not verified (tls_verify = false)");
        });
    }
    let mut client = Client::new(address, config.tls_verify, stop);
    let answer = client.get(&Validators::default()).map_err(|error| failed(error.to_string()))?;
    let Answer::Content(headers, body) = answer else {
        return Err(failed("the server sends nothing".to_owned()));
    };
    let mut body = BufReader::with_capacity(BUFFER_BYTES, body);
    Ok(match content(&headers, &mut body).map_err(|error| failed(error.to_string()))? {
        Content::JpegStream => Box::new(JpegStream::new(address, body, stop)),
        Content::Picture => {
            Box::new(Snapshots::new(client, address, body, Validators::of(&headers), config.max_fps, stop))
        }
        Content::OtherList if !config.other_hosts => {
            return Err(failed(
                "it sends a list of streams that may lead to other hosts: set `other_hosts = true` under its [[source]] if you trust it".to_owned(),
            ));
        }
        kind => {
            let is_recorded = match kind {
                Content::Playlist => {
                    let text = playlist::read(body);
                    if !config.other_hosts {
                        playlist::stays_at_home(&text, client.reached(), config, stop).map_err(failed)?;
                    }
                    playlist::is_complete(&text)
                }
                // What is sent while it happens has no length.
                _ => headers.contains_key(header::CONTENT_LENGTH) && ffprobe::has_duration(address, stop),
            };
            if is_recorded {
                Box::new(FfmpegSource::open_recording(address, max_megapixels, stop)?)
            } else {
                Box::new(FfmpegSource::open_stream(address, config.transport, max_megapixels, stop)?)
            }
        }
    })
}

/// Tells the content from its type or, where the type says too little, from its first bytes.
fn content(headers: &HeaderMap, body: &mut BufReader<Body>) -> std::io::Result<Content> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    if kind.starts_with("multipart/") {
        return Ok(Content::JpegStream);
    }
    if kind.starts_with("image/") {
        return Ok(Content::Picture);
    }
    Ok(told_by(body.fill_buf()?))
}

fn told_by(bytes: &[u8]) -> Content {
    let text = bytes.trim_ascii_start();
    let is_jpeg = text.starts_with(&[0xFF, 0xD8]) || text.starts_with(b"--");
    match text {
        _ if is_jpeg => Content::JpegStream,
        _ if text.starts_with(b"#EXTM3U") => Content::Playlist,
        _ if LISTS.iter().any(|start| text.starts_with(start)) => Content::OtherList,
        _ => Content::Video,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_content() {
        assert_eq!(told_by(b"\r\n\xFF\xD8\xFF\xE0"), Content::JpegStream);
        assert_eq!(told_by(b"--frame\r\nContent-Type"), Content::JpegStream);
        assert_eq!(told_by(b"#EXTM3U\n"), Content::Playlist);
        assert_eq!(told_by(b"<?xml version='1.0'?><MPD>"), Content::OtherList);
        for video in [&b"\0\0\0 ftypisom"[..], b"\x47\x40\0", b""] {
            assert_eq!(told_by(video), Content::Video);
        }
    }
}
