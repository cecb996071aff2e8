//! Playlists (RFC 8216), which may lead to other hosts: a server could make this machine ask any other for something.

use super::client::{Answer, Client, Validators};
use crate::source::{SourceConfig, Stop, address::Address};
use std::io::Read as _;

/// Longest playlist that is examined, in bytes.
const LONGEST: u64 = 1 << 20;
/// Playlists that a playlist may name.
const MOST_LISTS: usize = 16;

/// Reads a playlist.
pub(super) fn read(list: impl std::io::Read) -> String {
    let mut text = Vec::new();
    let _ = list.take(LONGEST).read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether a playlist says that nothing will be added to it. The lists that it names are not examined.
pub(super) fn is_complete(text: &str) -> bool {
    text.lines().any(|line| line.trim_end() == "#EXT-X-ENDLIST")
}

/// Checks that a playlist at `address`, and the playlists that it names, lead to no other host.
///
/// # Errors
/// When they do, or cannot be read; says what to do.
pub(super) fn stays_at_home(
    text: &str,
    address: &Address,
    config: &SourceConfig,
    stop: &Stop,
) -> Result<(), String> {
    let parts = parts(text, address)?;
    if !text.contains("#EXT-X-STREAM-INF") {
        return Ok(());
    }
    for list in parts.iter().take(MOST_LISTS) {
        let mut client = Client::new(list, config.tls_verify, stop);
        let answer = client.get(&Validators::default()).map_err(|error| error.to_string())?;
        if let Answer::Content(_, body) = answer {
            self::parts(&read(body), client.reached())?;
        }
    }
    Ok(())
}

/// The addresses in a playlist, all at the host of the playlist.
fn parts(text: &str, address: &Address) -> Result<Vec<Address>, String> {
    let named = |line: &'_ str| -> Option<String> {
        let part = match line.strip_prefix('#') {
            None => line.trim(),
            Some(tag) => tag.split_once("URI=\"")?.1.split('"').next()?,
        };
        (!part.is_empty() && !part.starts_with("data:")).then(|| part.to_owned())
    };
    let parts = text.lines().filter_map(named).map(|part| address.redirected(&part));
    parts
        .map(|part| {
            part.ok().filter(|part| part.is_at_host_of(address)).ok_or_else(|| {
                "the playlist leads to another host: set `other_hosts = true` under its [[source]] if you trust it"
                    .to_owned()
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_stays_at_its_host() {
        let at = |text: &str| parts(text, &"http://me:secret@camera:81/live/a.m3u8".parse().unwrap());
        let fine = "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\",IV=1\n#EXTINF:2,\n1.ts\n\n/b/2.ts\n\
                    http://CAMERA/3.ts\n#EXT-X-MAP:URI=\"data:text/plain,a\"\n";
        let found: Vec<String> = at(fine).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "http://camera:81/live/key",
                "http://camera:81/live/1.ts",
                "http://camera:81/b/2.ts",
                "http://CAMERA/3.ts"
            ]
        );
        for other in [
            "http://router/",
            "//router/a.ts",
            "udp://camera:1",
            "#EXT-X-KEY:URI=\"https://router/k\"",
            "file:///etc/passwd",
        ] {
            assert!(at(&format!("#EXTM3U\n{other}\n")).is_err(), "{other}");
        }
    }
}
