//! JPEG pictures with damage that occurs in cameras, cables and memory.

use super::{astronaut, encode};
use image::{ImageFormat, RgbImage, imageops};

/// Only the portrait's face, 160x160 pixels, for fast detection.
pub fn small_portrait() -> RgbImage {
    imageops::crop_imm(&astronaut(), 140, 40, 160, 160).to_image()
}

/// The offset of the marker of the first segment of this kind.
fn segment(jpeg: &[u8], kind: u8) -> usize {
    let mut at = 2;
    while jpeg[at + 1] != kind {
        assert_ne!(jpeg[at + 1], 0xDA, "there is no segment {kind:x} before the scan");
        at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    }
    at
}

/// The picture as a JPEG with each kind of damage, and the name of the damage.
pub fn damaged(picture: &RgbImage) -> Vec<(&'static str, Vec<u8>)> {
    let good = encode(picture, ImageFormat::Jpeg);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad, good);
        bad
    };
    let (frame, scan) = (segment(&good, 0xC0), segment(&good, 0xDA));
    let (quantisation, huffman) = (segment(&good, 0xDB), segment(&good, 0xC4));
    vec![
        ("an unknown marker", changed(&|bad| bad[quantisation + 1] = 0xF2)),
        ("a height of zero", changed(&|bad| bad[frame + 5..frame + 7].fill(0))),
        ("five components", changed(&|bad| bad[frame + 9] = 5)),
        ("a quantisation table that cannot be", changed(&|bad| bad[quantisation + 4] = 0x0F)),
        ("a Huffman table that cannot be", changed(&|bad| bad[huffman + 4] = 0x0F)),
        // The rest of the header is intact.
        ("no frame header", changed(&|bad| drop(bad.drain(frame..frame + 19)))),
        ("tables alone", changed(&|bad| drop(bad.splice(frame.., [0xFF, 0xD9])))),
        ("cut at 300 bytes", good[..300].to_vec()),
        ("cut in the scan", good[..scan + (good.len() - scan) / 2].to_vec()),
        ("a hole at the end of the scan", changed(&|bad| drop(bad.drain(bad.len() - 500..bad.len() - 2)))),
    ]
}
