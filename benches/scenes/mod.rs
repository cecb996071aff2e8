//! Scenes without faces.

use emotiond::{
    decode::FrameDecoder,
    frame::{Encoding, Frame},
};

/// The first of the developers' pictures without faces that are large enough for all pasted faces.
pub fn scenes() -> Vec<Frame> {
    let decoder = FrameDecoder::new(64.0);
    let files = test_support::detection_set("non_face");
    let decoded = files.iter().take(20).map(|(file, _)| {
        let bytes = std::fs::read(file).unwrap();
        let mut frame = Frame { encoding: Encoding::PictureFile, bytes, ..Frame::default() };
        decoder.decode(&mut frame).unwrap();
        frame
    });
    decoded.filter(|frame| frame.picture.width.min(frame.picture.height) > 240).collect()
}
