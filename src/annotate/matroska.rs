//! Writes raw frames with their times as a Matroska stream (RFC 9559) for ffmpeg.

/// Duration of a tick of the stream's clock in nanoseconds: a microsecond.
const TICK_NS: u64 = 1000;

/// The header of a stream of RGB pictures of `width` x `height` pixels.
pub(super) fn header(width: u32, height: u32) -> Vec<u8> {
    let ebml = [text(0x4282, "matroska"), number(0x4287, 4), number(0x4285, 2)].concat();
    let info = [number(0x2A_D7B1, TICK_NS), text(0x4D80, "emotiond"), text(0x5741, "emotiond")].concat();
    let video =
        [number(0xB0, width.into()), number(0xBA, height.into()), text(0x2E_B524, "RGB\x18")].concat();
    let track = [
        number(0xD7, 1),
        number(0x73C5, 1),
        number(0x83, 1),
        text(0x86, "V_UNCOMPRESSED"),
        element(0xE0, &video),
    ];
    let tracks = element(0xAE, &track.concat());
    // A segment of unknown length ends with the stream.
    let segment = [0x18, 0x53, 0x80, 0x67, 0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    [
        element(0x1A45_DFA3, &ebml),
        segment.to_vec(),
        element(0x1549_A966, &info),
        element(0x1654_AE6B, &tracks),
    ]
    .concat()
}

/// The header of a frame of `length` bytes at `time_us` from the start. Each frame has its own cluster.
pub(super) fn frame_header(time_us: u64, length: usize) -> Vec<u8> {
    let time = number(0xE7, time_us);
    // Track 1, no offset from the cluster's time, a key frame.
    let block = [vec![0xA3], size(length + 4), vec![0x81, 0, 0, 0x80]].concat();
    [id(0x1F43_B675), size(time.len() + block.len() + length), time, block].concat()
}

fn element(name: u32, content: &[u8]) -> Vec<u8> {
    [id(name), size(content.len()), content.to_vec()].concat()
}

fn number(name: u32, value: u64) -> Vec<u8> {
    element(name, &value.to_be_bytes())
}

fn text(name: u32, value: &str) -> Vec<u8> {
    element(name, value.as_bytes())
}

/// An element's ID in the minimum number of bytes.
fn id(name: u32) -> Vec<u8> {
    name.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A length in eight bytes.
fn size(length: usize) -> Vec<u8> {
    let mut bytes = (length as u64).to_be_bytes().to_vec();
    bytes[0] = 0x01;
    bytes
}
