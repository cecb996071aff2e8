//! The list through which ffmpeg gets an address. It reads the list from a pipe, because all users of the machine can see
//! the arguments of a process. The format is ffconcat: <https://ffmpeg.org/ffmpeg-formats.html#concat>.

use crate::source::{address::Address, config::Transport};
use std::ffi::OsString;

/// What a server behind `http://` may lead to.
pub(in crate::source) const HTTP_PROTOCOLS: &str =
    "pipe,fd,concatf,http,https,httpproxy,tcp,tls,crypto,data,hls";
/// What a stream may lead to; no files, so that a server cannot make ffmpeg read them.
const PROTOCOLS: &str = "pipe,fd,concatf,http,https,httpproxy,tcp,tls,udp,rtp,rtsp,rtsps,rtmp,rtmps,ffrtmphttp,srt,crypto,data,hls";

/// A silent server is given up after ten seconds, in microseconds.
const SILENCE: &str = "10000000";

/// ffmpeg's arguments to read the list.
pub(super) fn arguments(address: &Address) -> [OsString; 8] {
    let protocols = if address.is_http() { HTTP_PROTOCOLS } else { PROTOCOLS };
    ["-f", "concat", "-safe", "0", "-protocol_whitelist", protocols, "-i", "pipe:0"].map(OsString::from)
}

/// The list with a live stream.
pub(super) fn live(address: &Address, transport: Transport) -> String {
    let nobuffer = ("fflags", "nobuffer");
    if !address.is_rtsp() {
        return list(address, &[nobuffer, ("rw_timeout", SILENCE)]);
    }
    let transport: &[_] = match transport {
        Transport::Auto => &[("rtsp_transport", "tcp+udp"), ("rtsp_flags", "prefer_tcp")],
        Transport::Tcp => &[("rtsp_transport", "tcp")],
        Transport::Udp => &[("rtsp_transport", "udp")],
    };
    list(address, &[&[nobuffer, ("timeout", SILENCE)], transport].concat())
}

/// The list with a recorded video.
pub(super) fn recorded(address: &Address) -> String {
    list(address, &[("rw_timeout", SILENCE)])
}

fn list(address: &Address, options: &[(&str, &str)]) -> String {
    let options: String = options.iter().map(|(key, value)| format!("option {key} {value}\n")).collect();
    format!("ffconcat version 1.0\nfile '{}'\n{options}", address.for_ffmpeg())
}
